import { homedir } from 'node:os'
import { KeymgmtError, type ErrorCode } from '../errors.js'
import { describeStore, locate } from '../store/locate.js'
import { storeExists } from '../store/sealed-local.js'
import type { Context } from './commands/command.js'

/** The errors that the choice of a wrong store can cause. */
const CAUSED_BY_STORE: ReadonlySet<ErrorCode> = new Set([
  'KEY_NOT_FOUND',
  'KMS_NOT_FOUND',
  'DISTRIBUTION_NOT_FOUND',
])

type Surroundings = Pick<Context, 'terminal' | 'settings'>

/** Returns `error` with a hint that names the store, if something was not found there. */
export function withStoreHint(error: unknown, surroundings: Surroundings): unknown {
  if (!(error instanceof KeymgmtError) || !CAUSED_BY_STORE.has(error.code)) return error
  const { text, exists } = storeOf(surroundings)
  return error.withHints([exists ? `this is the store ${text}` : missing(text)])
}

/**
 * Returns the hint for a read that found nothing because there is no store; undefined if there is
 * one.
 */
export function missingStoreHint(surroundings: Surroundings): string | undefined {
  const { text, exists } = storeOf(surroundings)
  return exists ? undefined : missing(text)
}

function storeOf({ terminal, settings }: Surroundings): { text: string; exists: boolean } {
  const location = locate(terminal.env, terminal.platform, homedir, settings)
  // Opening a store on S3 that does not exist already fails.
  const exists = 's3' in location || storeExists(location.storeDir)
  return { text: describeStore(location), exists }
}

function missing(text: string): string {
  return `there is no store in ${text}: if you expected one, check KEYMGMT_STORE, KEYMGMT_HOME and the setting store`
}
