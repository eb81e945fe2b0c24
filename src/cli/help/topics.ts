import { ERRORS } from '../../errors.js'
import { AWS_CREDENTIALS } from '../../kms/credentials.js'
import { PATHS } from '../../paths/index.js'
import { OPERATIONS } from '../../router/path.js'
import { NAME_RULE } from '../../router/pattern.js'
import type { Example } from '../commands/command.js'
import { REMOVED_VARIABLES, SET_VARIABLES } from '../commands/dev/variables.js'
import { ENVIRONMENT } from '../environment.js'
import { exampleHelp, paragraph } from './command-help.js'

/** Something to be read, and not to be run. */
export interface Topic {
  readonly name: string
  /** One line, without a full stop. */
  readonly summary: string
  readonly examples: readonly Example[]
  readonly sections: () => readonly (string | readonly Term[])[]
}

/** A word, and what it means. */
export type Term = readonly [name: string, meaning: string]

/** Every topic. A section is a paragraph, or terms. */
export const TOPICS: readonly Topic[] = [
  {
    name: 'paths',
    summary: 'What there is to read, write, list and delete',
    examples: [
      {
        does: 'The fields of a path; any name will do',
        line: 'keymgmt path-help keymgmt/kms/example-kms/key/app',
      },
      {
        does: 'All paths with all their fields, for a program',
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
    summary: 'As whom AWS is asked, and how secrets are given',
    examples: [
      {
        does: 'Those of the environment, the shared files, or the role of the machine',
        line: 'keymgmt write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1',
      },
      {
        does: 'From a file of JSON, which keeps them out of the list of processes',
        line: 'keymgmt write keymgmt/kms/example-kms @provider.json',
      },
    ],
    sections: () => [
      "A provider's own credentials come first. Where it has none, the AWS SDK is asked: environment, shared files with SSO, web identity, the role of the ECS task or EC2 instance. They are sealed in the store, replaced as a whole, and in no answer.",
      Object.entries(AWS_CREDENTIALS).map(([name, meaning]) => [
        `credentials=${name}=...`,
        meaning,
      ]),
      'A secret can come from a file (name=@FILE), from standard input (name=-), or from a file descriptor (name=@/dev/fd/3); or all of the data as JSON: @FILE or -.',
    ],
  },
  {
    name: 'exit-codes',
    summary: 'How a command says how it ended',
    examples: [
      {
        does: 'The code of an error, for a program',
        line: 'keymgmt read -format=json keymgmt/key/app 2> error.json',
      },
      {
        does: 'Ends with 0 if AWS has what is on record, else with 3',
        line: 'keymgmt read keymgmt/kms/example-kms/key/app/verify',
      },
    ],
    sections: () => [
      [
        ['0', 'Done.'],
        ['1', "What Vault's client refuses: flags, number of arguments, K=V syntax."],
        ['2', 'What its server refuses or fails at; also nothing to read, and an empty list.'],
        ['3', 'A check found something that is not as it should be.'],
        ['127', 'No command, or none of that name.'],
        ['130, 143', 'Interrupted, terminated.'],
      ],
      'With -format=json or yaml the error is JSON on stderr: {"error": {"code", "message", "hints", "aws_request_id", "exit_status"}}. The codes:',
      Object.entries(ERRORS).map(([code, { exitStatus, meaning }]) => [
        `${code} (${exitStatus})`,
        meaning,
      ]),
    ],
  },
  {
    name: 'environment',
    summary: 'The variables that it heeds',
    examples: [
      {
        does: 'A store of its own for one command',
        line: 'KEYMGMT_HOME=$PWD/store keymgmt list keymgmt/key',
      },
    ],
    sections: () => [
      [...ENVIRONMENT],
      'What the AWS SDK heeds, it heeds too: AWS_PROFILE, AWS_ACCESS_KEY_ID and so on.',
      'keymgmt dev sets for the command that it runs:',
      SET_VARIABLES.map(({ name, meaning }) => [name, meaning]),
      'It removes:',
      REMOVED_VARIABLES.map(({ names, kind }) => [kind, names.join(', ')]),
    ],
  },
  {
    name: 'security',
    summary: 'What is kept where, and what to look after',
    examples: [
      { does: 'Where the store and its keyfile are', line: 'keymgmt status' },
      {
        does: 'A store that only a passphrase opens',
        line: 'KEYMGMT_PASSPHRASE_FILE=/dev/fd/3 keymgmt write -f keymgmt/key/app type=aes256-gcm96 3< passphrase',
      },
    ],
    sections: () => [
      'The originals of all keys are in the store on this machine, sealed with AES-256-GCM under a root key, which a keyfile or a passphrase opens. Without it nobody opens the store: keep a copy of both, apart from each other.',
      'Material leaves this machine wrapped with RSA-OAEP under a key of AWS KMS that is good for that import alone. It is in no output, error, log or temporary file.',
      'An argument can be seen by everybody on the machine, and the shell keeps it: give secrets from a file, standard input or a file descriptor.',
      'Whoever can read this process can read what it opens; SECURITY.md says what is assumed, and what is out of reach in JavaScript.',
    ],
  },
]

/** A topic, to be read: examples first. */
export function topicHelp({ summary, examples, sections }: Topic): string {
  return [
    `${summary}\n`,
    ...examples.map(exampleHelp),
    ...sections().map((section) =>
      typeof section === 'string' ? paragraph(section, 2) : terms(section),
    ),
  ].join('\n')
}

/** Names longer than this stand above what they mean, and not beside it. */
const BESIDE = 28

function terms(section: readonly Term[]): string {
  const width = Math.max(...section.map(([name]) => name.length))
  if (width > BESIDE)
    return section.map(([name, meaning]) => `  ${name}\n${paragraph(meaning, 6)}`).join('')
  const indent = 2 + width + 2
  return section
    .map(
      ([name, meaning]) => `  ${name.padEnd(width)}  ${paragraph(meaning, indent).slice(indent)}`,
    )
    .join('')
}
