import type { DevKms } from '../../../dev-kms/index.js'
import { KeymgmtError } from '../../../errors.js'
import { KNOWN_REGIONS } from '../../../aws/partition.js'
import { didYouMean } from '../../../suggest.js'
import { loadFormat, type FormatName } from '../../output/index.js'
import type { Terminal } from '../../terminal.js'
import type { Context } from '../command.js'
import { runChild } from './child.js'
import { isShell, prepareShell, shellQuote } from './shells.js'
import { start, type DevFlags } from './start.js'
import {
  devEnvironment,
  removedNames,
  setVariables,
  type DevStore,
  type DevValues,
} from './variables.js'
import { chooseStore, createWorkspace, type Workspace } from './workspace.js'

/** The values of all flags of `keymgmt dev`. */
export type ServeFlags = DevFlags & {
  readonly format: FormatName
  /** An absolute path, or a `file:` URL. */
  readonly store?: string
}

/**
 * Serves until the command has ended, and returns its exit status. Without a command, serves until
 * interrupted.
 */
export async function serve(
  context: Context,
  command: readonly string[],
  flags: ServeFlags,
): Promise<number> {
  const { terminal } = context
  const region = readRegion(terminal.env)
  const workspace = createWorkspace()
  try {
    const store = chooseStore(flags.store, workspace, context)
    const kms = await start(flags)
    try {
      const values = { ...valuesOf(kms, store, workspace, region), clock: flags.clock }
      if (terminal.stderrIsTty) terminal.err(banner(kms.account.id, store, command))
      if (command.length > 0) return await runCommand(command, values, workspace, terminal)
      // A program that reads the variables may end the server at once.
      const interrupted = interruption(context.signal)
      await printVariables(terminal, values, flags.format)
      terminal.err('The embedded AWS KMS is running, in memory, until you press Ctrl-C.\n')
      await interrupted
      return 0
    } finally {
      await kms.close()
    }
  } finally {
    workspace.remove()
  }
}

async function runCommand(
  command: readonly string[],
  values: DevValues,
  workspace: Workspace,
  { env, stdinIsTty }: Terminal,
): Promise<number> {
  const shell = stdinIsTty ? prepareShell(command, workspace, env) : undefined
  if (shell) workspace.write(shell.files)
  return runChild(shell?.command ?? command, { ...devEnvironment(env, values), ...shell?.env })
}

/** Prints the variables, as shell commands or for a program. */
async function printVariables(
  { env, out }: Terminal,
  values: DevValues,
  format: FormatName,
): Promise<void> {
  const variables = setVariables(values)
  if (format !== 'table') {
    const text = (await loadFormat(format)).field(variables, { escapeControls: false })
    out(`${text.trimEnd()}\n`)
    return
  }
  for (const [name, value] of Object.entries(variables))
    out(`export ${name}=${shellQuote(value)}\n`)
  const removed = removedNames(env, values)
  if (removed.length > 0) out(`unset ${removed.join(' ')}\n`)
}

/** Resolves when the signal asks the server to end. */
function interruption(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      resolve()
    }
    if (signal.aborted) end()
    signal.addEventListener('abort', end)
    process.once('SIGHUP', end)
  })
}

/** The Region of the command if the caller has set none. */
const DEFAULT_REGION = 'us-east-1'

/** @throws KeymgmtError USAGE for a Region in which the embedded KMS would refuse every request. */
function readRegion(env: Terminal['env']): string {
  const name = ['AWS_REGION', 'AWS_DEFAULT_REGION'].find((variable) => env[variable])
  if (name === undefined) return DEFAULT_REGION
  const region = env[name] ?? ''
  if (KNOWN_REGIONS.includes(region)) return region
  throw new KeymgmtError('USAGE', `the environment variable ${name} names no AWS Region`, {
    hints: [
      ...didYouMean(region, KNOWN_REGIONS, 2),
      `set ${name} to a Region such as ${DEFAULT_REGION}, or unset it`,
    ],
  })
}

function valuesOf(
  { endpoint, credentials }: DevKms,
  store: DevStore,
  workspace: Workspace,
  region: string,
): DevValues {
  return {
    endpoint,
    credentials,
    region,
    files: {
      settings: workspace.join('settings.json'),
      awsConfig: workspace.join('aws', 'config'),
      awsCredentials: workspace.join('aws', 'credentials'),
    },
    store,
  }
}

function banner(account: string, store: DevStore, [program]: readonly string[]): string {
  const kept =
    'home' in store ? `${store.home} (throw-away, removed at the end)` : `${store.storeDir} (kept)`
  const end =
    program === undefined
      ? '  to end   press Ctrl-C'
      : isShell(program)
        ? '  to leave type exit'
        : `  until    ${program} ends`
  return [
    'keymgmt dev: an embedded AWS KMS, in memory. Nothing reaches AWS.',
    `  account  ${account}`,
    `  store    ${kept}`,
    end,
    '',
  ].join('\n')
}
