import { ERRORS } from '../../errors.js'
import { AWS_CREDENTIALS } from '../../kms/credential-fields.js'
import { PATHS } from '../../paths/index.js'
import { OPERATIONS } from '../../router/path.js'
import { NAME_RULE } from '../../router/pattern.js'
import type { Example } from '../commands/command.js'
import { REMOVED_VARIABLES, SET_VARIABLES } from '../commands/dev/variables.js'
import { ENVIRONMENT } from '../environment.js'
import { exampleHelp, paragraph } from './command-help.js'

/** A help topic. */
export interface Topic {
  readonly name: string
  /** One line, without a full stop. */
  readonly summary: string
  readonly examples: readonly Example[]
  readonly sections: () => readonly (string | readonly Term[])[]
}

/** A term and its meaning. */
export type Term = readonly [name: string, meaning: string]

/** Every topic. A section is a paragraph or a list of terms. */
export const TOPICS: readonly Topic[] = [
  {
    name: 'paths',
    summary: 'Paths to read, write, list and delete',
    examples: [
      {
        does: 'Show the fields of a path; the names in it can be any',
        line: 'keymgmt path-help keymgmt/kms/example-kms/key/app',
      },
      {
        does: 'Print all paths and fields for a program',
        line: 'keymgmt path-help -format=json keymgmt',
      },
    ],
    sections: () => [
      `A path begins with the mount, keymgmt/. A name has ${NAME_RULE}.`,
      PATHS.map(({ pattern, synopsis, operations }) => [
        pattern,
        `${synopsis} (${OPERATIONS.filter((operation) => operations[operation]).join(', ')})`,
      ]),
    ],
  },
  {
    name: 'credentials',
    summary: 'AWS credentials, and how to pass secrets',
    examples: [
      {
        does: 'Use the environment, the shared files, or the role of the machine',
        line: 'keymgmt write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1',
      },
      {
        does: 'Read them from a JSON file, which keeps them out of the process list',
        line: 'keymgmt write keymgmt/kms/example-kms @provider.json',
      },
    ],
    sections: () => [
      "A provider's own credentials take precedence. Without them, keymgmt uses the AWS SDK's chain: environment, shared files with SSO, web identity, the role of the ECS task or EC2 instance. A provider's credentials are sealed in the store, are replaced as a whole, and never appear in output. To return to the chain, remove them with an empty credentials=.",
      Object.entries(AWS_CREDENTIALS).map(([name, meaning]) => [
        `credentials=${name}=...`,
        meaning,
      ]),
      'Pass a secret in a file (name=@FILE), on standard input (name=-), or through a file descriptor (name=@/dev/fd/3). credentials=@FILE reads a line name=value for each credential, or a JSON object; credentials=secret_key=@FILE reads one value. To pass all the data as JSON, use @FILE or -.',
    ],
  },
  {
    name: 'exit-codes',
    summary: 'Exit statuses and error codes',
    examples: [
      {
        does: 'Save an error as JSON, for a program',
        line: 'keymgmt read -format=json keymgmt/key/app 2> error.json',
      },
      {
        does: 'Exit with 0 if AWS matches the records, and with 3 if it differs',
        line: 'keymgmt read keymgmt/kms/example-kms/key/app/verify',
      },
    ],
    sections: () => [
      [
        ['0', 'Success.'],
        ['1', 'Wrong flags, number of arguments or K=V syntax.'],
        [
          '2',
          'Anything else that was refused or failed: path, field, value, state, store or AWS. Also if there is nothing to read, or a list is empty.',
        ],
        ['3', 'A check found a difference.'],
        ['127', 'No command was given, or no command has that name.'],
        ['130, 143', 'The command was interrupted, or terminated.'],
      ],
      'With -format=json or yaml, the error is JSON on stderr: {"error": {"code", "message", "hints", "aws_request_id", "exit_status"}}. The codes:',
      Object.entries(ERRORS).map(([code, { exitStatus, meaning }]) => [
        `${code} (${exitStatus})`,
        meaning,
      ]),
    ],
  },
  {
    name: 'environment',
    summary: 'Environment variables',
    examples: [
      {
        does: 'Use another store for one command',
        line: 'KEYMGMT_HOME=$PWD/store keymgmt list keymgmt/key',
      },
    ],
    sections: () => [
      [...ENVIRONMENT],
      'keymgmt also honours the variables of the AWS SDK, such as AWS_PROFILE and AWS_ACCESS_KEY_ID.',
      'keymgmt dev sets for the command that it runs:',
      SET_VARIABLES.map(({ name, meaning }) => [name, meaning]),
      'It removes:',
      REMOVED_VARIABLES.map(({ names, kind }) => [kind, names.join(', ')]),
    ],
  },
  {
    name: 'security',
    summary: 'Location of keys and secrets, and what to back up',
    examples: [
      { does: 'Show the store and its keyfile', line: 'keymgmt status' },
      {
        does: 'Create a store that only a passphrase opens',
        line: 'KEYMGMT_PASSPHRASE_FILE=/dev/fd/3 keymgmt write -f keymgmt/key/app type=aes256-gcm96 3< passphrase',
      },
    ],
    sections: () => [
      'The store contains the originals of all keys, sealed with AES-256-GCM under a root key. Its seals, such as a keyfile or a passphrase, open the root key. Nobody can open the store without one of them. Back up the store and the keyfile in different places.',
      'Material leaves this machine only wrapped under an AWS KMS wrapping key that is valid for that import. It never appears in output, errors, logs or temporary files.',
      'Other users of the machine can see arguments, and the shell saves them. Pass secrets in a file, on standard input, or through a file descriptor.',
      'A user who can read the memory of the process can read the keys that it opens. SECURITY.md states the assumptions and the limits of JavaScript.',
    ],
  },
]

/** Returns the text of a topic, examples first. */
export function topicHelp({ summary, examples, sections }: Topic): string {
  return [
    `${summary}\n`,
    ...examples.map(exampleHelp),
    ...sections().map((section) =>
      typeof section === 'string' ? paragraph(section, 2) : terms(section),
    ),
  ].join('\n')
}

/** Longest name whose meaning is on the same line. */
const LONGEST_INLINE = 28

function terms(section: readonly Term[]): string {
  const width = Math.max(...section.map(([name]) => name.length))
  if (width > LONGEST_INLINE)
    return section.map(([name, meaning]) => `  ${name}\n${paragraph(meaning, 6)}`).join('')
  const indent = 2 + width + 2
  return section
    .map(
      ([name, meaning]) => `  ${name.padEnd(width)}  ${paragraph(meaning, indent).slice(indent)}`,
    )
    .join('')
}
