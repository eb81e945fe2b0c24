import { KeymgmtError } from '../../errors.js'
import { PATHS } from '../../paths/index.js'
import type { Operation } from '../../router/path.js'
import { createRouter } from '../../router/router.js'
import { printError } from '../output/error.js'
import { parseDuration } from '../input/duration.js'
import { sanitizePath } from '../input/paths.js'
import { ACTIONS, runVerb } from '../verbs.js'
import { defineCommand, type Session } from './command.js'
import { DRY_RUN, FIELD, FORMAT, OUTPUT_POLICY, TIMEOUT } from './flags.js'

/** READ: `keymgmt read PATH` */
export const read = defineCommand({
  name: 'read',
  summary: 'Read data and retrieves secrets',
  usage: 'PATH',
  description: 'Reads what is at the path. No answer holds key material or credentials.',
  examples: [
    { does: 'The settings and versions of a key', line: 'keymgmt read keymgmt/key/app' },
    { does: 'One field, for a script', line: 'keymgmt read -field=latest_version keymgmt/key/app' },
    {
      does: 'Whether AWS has what is on record',
      line: 'keymgmt read keymgmt/kms/example-kms/key/app/verify',
    },
  ],
  flags: { field: FIELD, format: FORMAT, 'output-policy': OUTPUT_POLICY, timeout: TIMEOUT },
  first: { paths: 'read' },
  run: (session, args, flags) => request(session, 'read', args, flags),
})

/** WRITE: `keymgmt write PATH [DATA K=V...]` */
export const write = defineCommand({
  name: 'write',
  summary: 'Write data, configuration, and secrets',
  usage: 'PATH [DATA K=V...]',
  description:
    'Writes data to the path. The data is "key=value" pairs. A value that begins with "@" names a file that holds it, and "-" takes it from stdin; an argument that is "-" or begins with "@" is JSON. Give secrets so: an argument can be seen by others.',
  examples: [
    {
      does: 'A provider, with the credentials that the environment has',
      line: 'keymgmt write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1',
    },
    { does: 'A key', line: 'keymgmt write -f keymgmt/key/app type=aes256-gcm96' },
    {
      does: 'The key in AWS',
      line: 'keymgmt write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt protection=hsm',
    },
    {
      does: 'A new version of it, here and in AWS',
      line: 'keymgmt write -f keymgmt/key/app/rotate',
    },
    {
      does: 'What AWS would be asked for',
      line: 'keymgmt write -f -dry-run keymgmt/key/app/rotate',
    },
    {
      does: 'What IAM must allow for that',
      line: 'keymgmt write -f -output-policy keymgmt/key/app/rotate',
    },
  ],
  flags: {
    'dry-run': DRY_RUN,
    field: FIELD,
    force: {
      kind: 'bool',
      alias: 'f',
      usage:
        'Allow the operation to continue with no key=value pairs. This allows writing to keys that do not need or expect data.',
    },
    format: FORMAT,
    'output-policy': OUTPUT_POLICY,
    timeout: TIMEOUT,
  },
  first: { paths: 'write' },
  run: (session, args, flags) => request(session, 'write', args, flags),
})

/** DELETE: `keymgmt delete PATH` */
export const remove = defineCommand({
  name: 'delete',
  summary: 'Delete secrets and configuration',
  usage: 'PATH [DATA K=V...]',
  description:
    'Deletes what is at the path. KMS keys are scheduled for deletion, and can be restored until the time has come.',
  examples: [
    { does: 'A key out of AWS', line: 'keymgmt delete keymgmt/kms/example-kms/key/app' },
    { does: 'What that would do', line: 'keymgmt delete -dry-run keymgmt/kms/example-kms/key/app' },
  ],
  flags: {
    'dry-run': DRY_RUN,
    field: FIELD,
    format: FORMAT,
    'output-policy': OUTPUT_POLICY,
    timeout: TIMEOUT,
  },
  first: { paths: 'delete' },
  run: (session, args, flags) => request(session, 'delete', args, flags),
})

/** LIST: `keymgmt list PATH` */
export const list = defineCommand({
  name: 'list',
  summary: 'List data or secrets',
  usage: 'PATH',
  description: 'Lists the names that there are at the path.',
  examples: [
    { does: 'The keys', line: 'keymgmt list keymgmt/key' },
    { does: 'The providers', line: 'keymgmt list keymgmt/kms' },
    { does: 'The keys in a provider', line: 'keymgmt list keymgmt/kms/example-kms/key' },
  ],
  flags: { format: FORMAT, 'output-policy': OUTPUT_POLICY, timeout: TIMEOUT },
  first: { paths: 'list' },
  run: (session, args, flags) => request(session, 'list', args, flags),
})

/** What the flags of the four say; not each of them has each. */
interface VerbFlags {
  readonly field?: string | undefined
  readonly force?: boolean
  readonly 'dry-run'?: boolean
  readonly 'output-policy'?: boolean
  readonly timeout?: string | undefined
}

/** How long a command may take that nobody watches. */
const UNATTENDED_MS = 600_000

async function request(
  { terminal, signal, format }: Session,
  operation: Operation,
  args: readonly string[],
  flags: VerbFlags,
): Promise<number> {
  let action: string | undefined
  try {
    const [rawPath, ...rest] = args
    assertArguments(operation, rawPath, rest, flags)
    const path = sanitizePath(rawPath ?? '')
    const timeoutMs =
      flags.timeout === undefined
        ? terminal.stderrIsTty
          ? undefined
          : UNATTENDED_MS
        : parseDuration('timeout', flags.timeout)
    const data =
      rest.length === 0
        ? null
        : await (
            await import('../input/data.js')
          ).parseData(rest, terminal, operation === 'delete' ? 'string list' : 'K=V')
    action = `${ACTIONS[operation]} ${path}`
    const { field, 'dry-run': dryRun = false, 'output-policy': outputPolicy = false } = flags
    return await runVerb({ terminal, router: createRouter(PATHS), signal }, operation, {
      path,
      data,
      args: rest,
      format,
      field,
      dryRun,
      outputPolicy,
      timeoutMs,
    })
  } catch (error) {
    const about = error instanceof KeymgmtError && error.code === 'USAGE' ? undefined : action
    return printError(terminal, error, about, format)
  }
}

function assertArguments(
  operation: Operation,
  path: string | undefined,
  data: readonly string[],
  flags: VerbFlags,
): void {
  if (path === undefined) {
    const expected = operation === 'delete' ? 'at least 1' : '1'
    throw new KeymgmtError('USAGE', `Not enough arguments (expected ${expected}, got 0)`, {
      hints: [`such as: keymgmt ${operation} keymgmt/key/app`],
    })
  }
  if (path.includes('=')) {
    // It is not repeated: what was meant as a value may be a secret.
    throw new KeymgmtError('USAGE', 'the first argument is the PATH, and this is name=value', {
      hints: [`such as: keymgmt ${operation} keymgmt/key/app`],
    })
  }
  if (flags['dry-run'] && flags['output-policy'])
    throw new KeymgmtError('USAGE', '-dry-run and -output-policy are two questions', {
      hints: ['give one of them'],
    })
  if (operation === 'list' && data.length > 0) {
    throw new KeymgmtError('USAGE', `Too many arguments (expected 1, got ${data.length + 1})`)
  }
  if (operation === 'write' && data.length === 0 && flags.force !== true) {
    throw new KeymgmtError('USAGE', 'Must supply data or use -force')
  }
}
