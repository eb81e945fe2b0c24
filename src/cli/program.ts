import { Command, CommanderError, Option } from 'commander'
import { PATHS } from '../paths/index.js'
import { createRouter, findPath } from '../router/router.js'
import { mountHelp, pathHelp } from '../router/help.js'
import type { Operation } from '../router/path.js'
import type { RawValue } from '../router/values.js'
import { KeymgmtError } from '../errors.js'
import { complain } from './complain.js'
import { parseData } from './data.js'
import type { DevFlags } from './dev.js'
import { parseDuration } from './duration.js'
import { normalizeFlags, type FlagTable } from './flags.js'
import { parseFormat, type FormatName } from './format/index.js'
import { commandHelp, programHelp } from './help.js'
import type { Io } from './io.js'
import { sanitizePath } from './sanitize-path.js'
import { status } from './status.js'
import { DOING, runVerb } from './verbs.js'
import { VERSION } from './version.js'

/** What every command gets. */
export interface Session {
  readonly io: Io
  readonly signal: AbortSignal
  /** The format that the environment asks for. */
  readonly format: FormatName
}

/** Every flag of every command, so that an argument can be read before it is known whose it is. */
const FLAGS: FlagTable = {
  format: { kind: 'string' },
  field: { kind: 'string' },
  force: { kind: 'bool', alias: 'f' },
  'dry-run': { kind: 'bool' },
  'output-policy': { kind: 'bool' },
  timeout: { kind: 'duration' },
  listen: { kind: 'string' },
  latency: { kind: 'duration' },
  quotas: { kind: 'string' },
  policy: { kind: 'string' },
  fault: { kind: 'string' },
  credentials: { kind: 'string' },
}

const format = () => new Option('--format <string>', 'Print the output in the given format: "table", "json" or "yaml". This can also be specified via the KEYMGMT_FORMAT or VAULT_FORMAT environment variable.')
const field = () => new Option('--field <string>', 'Print only the field with the given name.')
const force = () => new Option('--force', 'Allow the operation to continue with no key=value pairs. This is aliased as "-f".')
const dryRun = () => new Option('--dry-run', 'Print the calls to AWS that it would make, in order, and what they add to the monthly bill. Changes nothing.')
const outputPolicy = () => new Option('--output-policy', 'Print the least IAM policy for this very command, as JSON. Changes nothing.')
const timeout = () => new Option('--timeout <duration>', 'How long it may take, such as 90s or 1h30m. Unlimited on a terminal, else 10m.')
const collect = (value: string, earlier: readonly string[]) => [...earlier, value]

interface VerbFlags {
  readonly format?: string
  readonly field?: string
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly outputPolicy?: boolean
  readonly timeout?: string
}

/** How long a command may take that nobody watches. */
const UNATTENDED_MS = 600_000

/** Reads the command line and runs what it asks for; answers the exit status. */
export async function runProgram(argv: readonly string[], session: Session): Promise<number> {
  const { io } = session
  if (argv.length === 0) {
    io.err(programHelp())
    return 127
  }
  if (argv.length === 1 && /^--?v(ersion)?$/.test(argv[0] ?? '')) return printVersion(io)
  let exitStatus = 0
  const program = define(session, (ended) => { exitStatus = ended })
  if (wantsHelp(argv)) {
    const command = argv.flatMap((arg) => program.commands.find((candidate) => candidate.name() === arg) ?? [])[0]
    io.out(command ? commandHelp(command) : programHelp())
    return 0
  }
  try {
    await program.parseAsync(commandFirst(normalizeFlags(argv, FLAGS)), { from: 'user' })
    return exitStatus
  } catch (error) {
    return complain(io, asUsageError(error), undefined, session.format)
  }
}

/** Help is given whatever else there is on the line, as Vault does. */
function wantsHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv[0] === 'help' || argv.slice(0, end < 0 ? argv.length : end).some((arg) => /^(-h|--?help)$/.test(arg))
}

/** Flags may stand anywhere, also before the command. */
function commandFirst(argv: readonly string[]): string[] {
  const end = argv.indexOf('--')
  const at = argv.findIndex((arg, index) => !arg.startsWith('-') && (end < 0 || index < end))
  if (at <= 0) return [...argv]
  return [argv[at] ?? '', ...argv.slice(0, at), ...argv.slice(at + 1)]
}

function define(session: Session, end: (status: number) => void): Command {
  const program = new Command('keymgmt')
  const command = (name: string, summary: string) =>
    program
      .command(name)
      .summary(summary)
      .exitOverride()
      .allowExcessArguments()
      .configureOutput({ writeErr: () => undefined })
      .helpOption(false)
  const verb = (operation: Operation, summary: string, flags: readonly Option[]) => {
    const defined = command(operation, summary).argument('[path]').argument('[data...]')
    for (const flag of flags) defined.addOption(flag)
    defined.action(async (_path, _data, options: VerbFlags, { args }: Command) => {
      end(await request(session, operation, args, options))
    })
  }
  verb('read', 'Read data and retrieves secrets', [field(), format(), outputPolicy(), timeout()])
  verb('write', 'Write data, configuration, and secrets', [dryRun(), field(), format(), force(), outputPolicy(), timeout()])
  verb('delete', 'Delete secrets and configuration', [dryRun(), field(), format(), outputPolicy(), timeout()])
  verb('list', 'List data or secrets', [format(), outputPolicy(), timeout()])
  command('path-help', 'Retrieve API help for paths').argument('[path]').action((_path, _options, { args }: Command) => {
    end(printPathHelp(session.io, args))
  })
  command('policy', 'Print the least IAM policy for all commands with a KMS provider').argument('[path]').addOption(format()).action(async (_path, options: VerbFlags, { args }: Command) => {
    end(await (await import('./policy.js')).policy(session, chosenFormat(session, options), args))
  })
  command('status', 'Say where the store is and what it holds').addOption(format()).action(async (options: VerbFlags) => {
    end(await status(session, chosenFormat(session, options)))
  })
  command('dev', 'Run an embedded AWS KMS, or a command against one')
    .argument('[command...]')
    .option('--listen <string>', 'Address to listen on: host:port, on this machine.', '127.0.0.1:0')
    .option('--latency <duration>', 'Time that every answer takes longer, such as 50ms.')
    .option('--quotas <string>', 'Request quotas to enforce: "aws" or "none".', 'none')
    .option('--fault <string>', 'Fault to inject, as Operation:nth:kind. Can be given several times.', collect, [])
    .option('--credentials <string>', 'Credentials to accept, as ID:SECRET. Can be given several times.', collect, [])
    .option('--policy <file>', 'IAM policy, as JSON, that limits the pair that is handed out.')
    .action(async (args: string[], options: DevFlags) => {
      const { dev } = await import('./dev.js')
      end(await dev(session, options, args))
    })
  command('version', 'Prints the keymgmt CLI version').action(() => { end(printVersion(session.io)) })
  return program.exitOverride().helpOption(false).helpCommand(false).configureOutput({ writeErr: () => undefined })
}

function chosenFormat(session: Session, options: VerbFlags): FormatName {
  return options.format ? parseFormat(options.format) : session.format
}

async function request(session: Session, operation: Operation, args: readonly string[], options: VerbFlags): Promise<number> {
  const { io, signal } = session
  const format = chosenFormat(session, options)
  let doing: string | undefined
  try {
    const [rawPath, ...rest] = args
    assertArguments(operation, rawPath, rest, options)
    const path = sanitizePath(rawPath ?? '')
    const timeoutMs = options.timeout === undefined ? (io.stderrIsTty ? undefined : UNATTENDED_MS) : parseDuration('timeout', options.timeout)
    const data: ReadonlyMap<string, RawValue> | null = await parseData(rest, io, operation === 'delete' ? 'string list' : 'K=V')
    doing = `${DOING[operation]} ${path}`
    const { field, dryRun = false, outputPolicy = false } = options
    return await runVerb({ io, router: createRouter(PATHS), signal }, operation, { path, data, format, field, dryRun, outputPolicy, timeoutMs })
  } catch (error) {
    const about = error instanceof KeymgmtError && error.code === 'USAGE' ? undefined : doing
    return complain(io, error, about, format)
  }
}

function assertArguments(operation: Operation, path: string | undefined, data: readonly string[], { force, dryRun, outputPolicy }: VerbFlags): void {
  if (path === undefined) {
    const expected = operation === 'delete' ? 'at least 1' : '1'
    throw new KeymgmtError('USAGE', `Not enough arguments (expected ${expected}, got 0)`, { hints: [`such as: keymgmt ${operation} keymgmt/key/app`] })
  }
  if (path.includes('=')) {
    // It is not repeated: what was meant as a value may be a secret.
    throw new KeymgmtError('USAGE', 'the first argument is the PATH, and this is name=value', { hints: [`such as: keymgmt ${operation} keymgmt/key/app`] })
  }
  if (dryRun && outputPolicy) throw new KeymgmtError('USAGE', '-dry-run and -output-policy are two questions', { hints: ['give one of them'] })
  if (operation === 'list' && data.length > 0) {
    throw new KeymgmtError('USAGE', `Too many arguments (expected 1, got ${data.length + 1})`)
  }
  if (operation === 'write' && data.length === 0 && force !== true) {
    throw new KeymgmtError('USAGE', 'Must supply data or use -force')
  }
}

function printPathHelp(io: Io, args: readonly string[]): number {
  if (args.length !== 1) {
    const problem = args.length === 0 ? 'Not enough' : 'Too many'
    throw new KeymgmtError('USAGE', `${problem} arguments (expected 1, got ${args.length})`)
  }
  const path = sanitizePath(args[0] ?? '')
  try {
    io.out(path === 'keymgmt' ? mountHelp(PATHS) : pathHelp(findPath(PATHS, path).path, path))
    return 0
  } catch (error) {
    return complain(io, error, `Error retrieving help`, 'table')
  }
}

function printVersion(io: Io): number {
  io.out(`keymgmt v${VERSION}\n`)
  return 0
}

/** Commander's refusals in Vault's words. */
function asUsageError(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error
  const name = /'([^']*)'/.exec(error.message)?.[1] ?? ''
  if (error.code === 'commander.unknownCommand') {
    // With a value in it, it is not repeated.
    return new KeymgmtError('COMMAND_UNKNOWN', name.includes('=') ? 'the first argument is the command, and this is name=value' : `there is no command ${JSON.stringify(name)}`, { hints: ['see which there are: keymgmt -h'] })
  }
  if (error.code === 'commander.unknownOption') {
    return new KeymgmtError('USAGE', `flag provided but not defined: -${name.replace(/^-+/, '').split('=')[0] ?? ''}`, {
      hints: ['see which there are: add -h', 'put -- before an argument that begins with a dash'],
    })
  }
  return new KeymgmtError('USAGE', error.message.replace(/^error: /, ''))
}
