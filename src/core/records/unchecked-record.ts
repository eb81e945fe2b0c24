import { KeymgmtError, type ErrorCode } from '../../errors.js'

/** A record that could not be read. */
export interface UncheckedRecord {
  /** Path of the record. */
  readonly path: string
  /** The reason. */
  readonly reason: string
}

/** The errors that are about one record. */
const OF_ONE_RECORD: readonly ErrorCode[] = ['STORE_CORRUPT', 'STORE_VERSION']

/**
 * Returns a record that can't be read, so that it hides no other.
 * @throws any error that is not about one record.
 */
export function uncheckedRecord(path: string, error: unknown): UncheckedRecord {
  if (error instanceof KeymgmtError && OF_ONE_RECORD.includes(error.code))
    return { path, reason: error.message }
  throw error
}
