/**
 * Every way a request can end other than well, with the exit status the CLI gives it:
 * 1 the caller's grammar, 2 what a Vault server would refuse or fail at, 3 a check that found something,
 * 130 interrupted.
 */
const EXIT_STATUS = {
  USAGE: 1,
  PATH_UNSUPPORTED: 2,
  OPERATION_UNSUPPORTED: 2,
  FIELD_UNKNOWN: 2,
  FIELD_MISSING: 2,
  FIELD_INVALID: 2,
  FIELD_IMMUTABLE: 2,
  KEY_EXISTS: 2,
  KEY_NOT_FOUND: 2,
  KEY_IN_USE: 2,
  KEY_PROTECTED: 2,
  KMS_NOT_FOUND: 2,
  KMS_IN_USE: 2,
  DISTRIBUTION_NOT_FOUND: 2,
  DISTRIBUTION_DIFFERS: 2,
  UNSUPPORTED_BY_KMS: 2,
  NO_REPLICA_REGIONS: 2,
  KMS_ENDPOINT_REFUSED: 2,
  KMS_CREDENTIALS: 2,
  KMS_ACCESS_DENIED: 2,
  KMS_UNREACHABLE: 2,
  KMS_LIMIT: 2,
  KMS_TIMEOUT: 2,
  KMS_AMBIGUOUS: 2,
  KMS_KEY_NOT_FOUND: 2,
  KMS_MATERIAL_DIFFERS: 2,
  KMS_FAILED: 2,
  STORE_CONFLICT: 2,
  STORE_LOCKED: 2,
  STORE_SEALED: 2,
  STORE_CORRUPT: 2,
  STORE_VERSION: 2,
  STORE_PERMISSIONS: 2,
  STORE_UNAVAILABLE: 2,
  CHECK_FAILED: 3,
  INTERRUPTED: 130,
} as const

/** A stable name for what went wrong; it is the `code` of a JSON error. */
export type ErrorCode = keyof typeof EXIT_STATUS

/** What may accompany a {@link KeymgmtError} beside its message. */
export interface ErrorDetails {
  /** Next steps, one sentence each, shown apart from the message. Never contain a secret. */
  readonly hints?: readonly string[]
  /** AWS's id of the request that failed. */
  readonly requestId?: string | undefined
  readonly cause?: unknown
}

/**
 * The one error class of the library. The message says what happened and to what; the hints say what to do next.
 * Neither ever holds key material, a credential or the value of a secret field.
 */
export class KeymgmtError extends Error {
  readonly code: ErrorCode
  readonly hints: readonly string[]
  readonly requestId: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause })
    this.name = 'KeymgmtError'
    this.code = code
    this.hints = details.hints ?? []
    this.requestId = details.requestId
  }

  /** The exit status of a command that ends with this error. */
  get exitStatus(): number {
    return EXIT_STATUS[this.code]
  }
}
