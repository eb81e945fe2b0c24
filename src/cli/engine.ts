import { KeymgmtError } from '../errors.js'
import { openEngine, type EngineOptions, type OpenedEngine } from '../open-engine.js'
import { humanDuration } from './output/index.js'
import type { Io } from './terminal.js'

/** Options that a command chooses. The rest comes from the terminal. */
export type CommandEngineOptions = Pick<EngineOptions, 'signal' | 'timeoutMs' | 'rehearsal'> & {
  /** Receives notices for the user. */
  readonly notice: (message: string) => void
}

/** Opens the engine of a command, which asks for a passphrase on the terminal. */
export function composeEngine(
  io: Io,
  { notice, timeoutMs, ...options }: CommandEngineOptions,
): OpenedEngine {
  return openEngine({
    ...options,
    settings: io.settings,
    env: io.env,
    platform: io.platform,
    timeoutMs,
    timeoutError: () =>
      new KeymgmtError(
        'KMS_TIMEOUT',
        `timed out after ${humanDuration(Math.round((timeoutMs ?? 0) / 1000))}`,
        { hints: ['allow more time: -timeout=30m'] },
      ),
    passphrase: async (to, signal) =>
      (await import('./input/passphrase.js')).passphraseFrom(io, { to, signal }),
    onNotice: notice,
    onProgress: io.progress,
  })
}
