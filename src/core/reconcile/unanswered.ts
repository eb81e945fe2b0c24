import { KeymgmtError, type ErrorCode } from '../../errors.js'

/** Errors that concern only one request or one record. */
const UNANSWERED: readonly ErrorCode[] = [
  'PROXY_FAILED',
  'TLS_REFUSED',
  'STORE_CORRUPT',
  'KEY_NOT_FOUND',
]

/** True if only this check failed. Any other error ends the command. */
export function isUnanswered(error: unknown): error is KeymgmtError {
  return (
    error instanceof KeymgmtError &&
    (error.code.startsWith('KMS_') || UNANSWERED.includes(error.code))
  )
}

/** Returns the error of a check that failed. @throws any other error. */
export function unlessUnanswered(error: unknown): KeymgmtError {
  if (!isUnanswered(error) || error.code === 'KMS_ACCOUNT_DIFFERS') throw error
  return error
}
