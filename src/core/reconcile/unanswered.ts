import { KeymgmtError, type ErrorCode } from '../../errors.js'

/** Errors of the way to AWS, and of single records. */
const UNANSWERED: readonly ErrorCode[] = [
  'PROXY_FAILED',
  'TLS_REFUSED',
  'STORE_CORRUPT',
  'KEY_NOT_FOUND',
]

/** True if only the question failed; anything else ends the command. */
export function isUnanswered(error: unknown): error is KeymgmtError {
  return (
    error instanceof KeymgmtError &&
    (error.code.startsWith('KMS_') || UNANSWERED.includes(error.code))
  )
}
