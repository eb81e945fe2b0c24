import { homedir } from 'node:os'
import { KeymgmtError } from '../errors.js'
import { openEngine, type EngineOptions, type OpenedEngine } from '../open-engine.js'
import { devClock } from './dev-clock.js'
import { humanDuration } from './output/index.js'
import type { Context } from './commands/command.js'

/** Options that a command chooses. The rest comes from the terminal. */
export type CommandEngineOptions = Pick<
  EngineOptions,
  'timeoutMs' | 'dryRun' | 'noCreate' | 'createSeals'
> & {
  /** Receives notices for the user. By default, they are lines on stderr. */
  readonly notice?: (message: string) => void
  /** Receives the outcome at each provider, Region and version. */
  readonly outcome?: EngineOptions['onOutcome']
}

/**
 * Opens the engine of a command. It asks for a passphrase on the terminal if the store needs one.
 */
export function composeEngine(
  { terminal, signal, settings, command }: Context,
  { notice, outcome, timeoutMs, ...options }: CommandEngineOptions = {},
): OpenedEngine {
  const opened = openEngine({
    ...options,
    signal,
    settings,
    command,
    env: terminal.env,
    platform: terminal.platform,
    now: devClock(terminal.env),
    timeoutMs,
    timeoutError: () =>
      new KeymgmtError(
        'KMS_TIMEOUT',
        `timed out after ${humanDuration(Math.round((timeoutMs ?? 0) / 1000))}`,
        { hints: ['allow more time: -timeout=30m'] },
      ),
    passphrase: async (to, bounded, mayAsk) =>
      (await import('./input/passphrase.js')).passphraseFrom(terminal, {
        to,
        signal: bounded,
        mayAsk,
      }),
    onNotice:
      notice ??
      ((message) => {
        terminal.err(`${message}\n`)
      }),
    onOutcome: outcome,
    onProgress: terminal.progress,
  })
  provideHome()
  return opened
}

/**
 * Sets HOME to a folder that doesn't exist, as Debian does for users without a home folder. The AWS
 * SDK looks for its files there, and fails if there is no home folder.
 */
function provideHome(): void {
  try {
    homedir()
  } catch {
    process.env.HOME = '/nonexistent'
  }
}
