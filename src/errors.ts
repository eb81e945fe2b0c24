/**
 * Every way a request can end other than well: the exit status of the command, and what it means. 1
 * the caller's grammar, 2 what a Vault server would refuse or fail at, 3 a check that found
 * something, 127 no such command, 130 interrupted.
 */
export const ERRORS = {
  USAGE: { exitStatus: 1, meaning: 'flags, the number of arguments, or K=V syntax' },
  PATH_UNSUPPORTED: { exitStatus: 2, meaning: 'there is no such path' },
  OPERATION_UNSUPPORTED: { exitStatus: 2, meaning: 'that cannot be done at this path' },
  FIELD_UNKNOWN: { exitStatus: 2, meaning: 'the path has no field of that name' },
  FIELD_MISSING: { exitStatus: 2, meaning: 'a field must be given' },
  FIELD_INVALID: { exitStatus: 2, meaning: 'a field does not take that value' },
  FIELD_IMMUTABLE: { exitStatus: 2, meaning: 'a field cannot be changed' },
  KEY_EXISTS: { exitStatus: 2, meaning: 'there is a key of that name already' },
  KEY_NOT_FOUND: { exitStatus: 2, meaning: 'there is no key of that name' },
  KEY_IN_USE: { exitStatus: 2, meaning: 'the key is still distributed' },
  KEY_PROTECTED: { exitStatus: 2, meaning: 'deletion_allowed is not true' },
  KMS_NOT_FOUND: { exitStatus: 2, meaning: 'there is no provider of that name' },
  KMS_IN_USE: { exitStatus: 2, meaning: 'keys are still distributed to the provider' },
  DISTRIBUTION_NOT_FOUND: { exitStatus: 2, meaning: 'the key is not in that provider' },
  DISTRIBUTION_DIFFERS: {
    exitStatus: 2,
    meaning: 'the key is in that provider already, otherwise than asked for',
  },
  UNSUPPORTED_BY_KMS: {
    exitStatus: 2,
    meaning: 'AWS KMS cannot do that with a key of this type or purpose',
  },
  NO_REPLICA_REGIONS: { exitStatus: 2, meaning: 'the key has no replica_regions' },
  KMS_ENDPOINT_REFUSED: {
    exitStatus: 2,
    meaning: 'the endpoint is not https, and not this machine',
  },
  KMS_CREDENTIALS: {
    exitStatus: 2,
    meaning: 'there are no AWS credentials, or AWS does not take them',
  },
  KMS_ACCESS_DENIED: { exitStatus: 2, meaning: 'the IAM identity may not do that' },
  KMS_UNREACHABLE: { exitStatus: 2, meaning: 'AWS KMS cannot be reached' },
  PROXY_FAILED: {
    exitStatus: 2,
    meaning: 'the proxy is set wrongly, cannot be reached or refused the connection',
  },
  TLS_REFUSED: {
    exitStatus: 2,
    meaning: 'a certificate is not trusted, the CA bundle is unusable, or verification is off',
  },
  KMS_LIMIT: { exitStatus: 2, meaning: 'a quota of the AWS account' },
  KMS_TIMEOUT: { exitStatus: 2, meaning: 'it took longer than it may' },
  KMS_AMBIGUOUS: {
    exitStatus: 2,
    meaning: 'whether AWS did it is not known; the next run finds out',
  },
  KMS_KEY_NOT_FOUND: { exitStatus: 2, meaning: 'AWS has no such KMS key' },
  KMS_MATERIAL_DIFFERS: { exitStatus: 2, meaning: 'the KMS key has other material' },
  KMS_FAILED: { exitStatus: 2, meaning: 'anything else that AWS KMS, or keymgmt, failed at' },
  STORE_CONFLICT: { exitStatus: 2, meaning: 'another command changed the record meanwhile' },
  STORE_LOCKED: { exitStatus: 2, meaning: 'another command is at work on it' },
  STORE_SEALED: { exitStatus: 2, meaning: 'the keyfile or the passphrase is missing or wrong' },
  STORE_CORRUPT: { exitStatus: 2, meaning: 'a record is damaged' },
  STORE_VERSION: { exitStatus: 2, meaning: 'a newer keymgmt wrote the record' },
  STORE_PERMISSIONS: { exitStatus: 2, meaning: 'others can read or change the store' },
  STORE_UNAVAILABLE: { exitStatus: 2, meaning: 'the store cannot be read or written' },
  CHECK_FAILED: { exitStatus: 3, meaning: 'a check found something that is not as it should be' },
  COMMAND_UNKNOWN: { exitStatus: 127, meaning: 'there is no such command' },
  INTERRUPTED: { exitStatus: 130, meaning: 'interrupted' },
} as const

/** A stable name for what went wrong; it is the `code` of a JSON error. */
export type ErrorCode = keyof typeof ERRORS

/** What may accompany a {@link KeymgmtError} beside its message. */
export interface ErrorDetails {
  /** Next steps, one sentence each, shown apart from the message. Never contain a secret. */
  readonly hints?: readonly string[]
  /** AWS's id of the request that failed. */
  readonly requestId?: string | undefined
  readonly cause?: unknown
}

/**
 * The one error class of the library. The message says what happened and to what; the hints say
 * what to do next. Neither ever holds key material, a credential or the value of a secret field.
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
    return ERRORS[this.code].exitStatus
  }
}
