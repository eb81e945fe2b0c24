import { errorText } from './redact.js'

/**
 * Every code of an error, with the exit status of the command and the meaning. The exit status is 1
 * for input that Vault's client refuses, 2 for what a Vault server would refuse or fail at, 3 if a
 * check found something, 127 for an unknown command, and 130 after an interruption.
 */
export const ERRORS = {
  USAGE: {
    exitStatus: 1,
    meaning:
      'the flags, the number of arguments or the K=V syntax is wrong, or only Vault has the command',
  },
  PATH_UNSUPPORTED: { exitStatus: 2, meaning: 'the path does not exist' },
  OPERATION_UNSUPPORTED: { exitStatus: 2, meaning: 'the path does not support the operation' },
  FIELD_UNKNOWN: { exitStatus: 2, meaning: 'the path has no field of that name' },
  FIELD_MISSING: { exitStatus: 2, meaning: 'a required field is missing' },
  FIELD_INVALID: { exitStatus: 2, meaning: 'a field does not accept the value' },
  FIELD_IMMUTABLE: { exitStatus: 2, meaning: "a field can't be changed" },
  KEY_EXISTS: { exitStatus: 2, meaning: 'a key of that name already exists' },
  KEY_NOT_FOUND: { exitStatus: 2, meaning: 'no key has that name' },
  KEY_IN_USE: { exitStatus: 2, meaning: 'the key is still distributed' },
  KEY_PROTECTED: { exitStatus: 2, meaning: 'deletion_allowed is not true' },
  KMS_NOT_FOUND: { exitStatus: 2, meaning: 'no provider has that name' },
  KMS_IN_USE: { exitStatus: 2, meaning: 'keys are still distributed to the provider' },
  DISTRIBUTION_NOT_FOUND: { exitStatus: 2, meaning: 'the key is not distributed to the provider' },
  DISTRIBUTION_DIFFERS: {
    exitStatus: 2,
    meaning: 'the key is already distributed to the provider, with different settings',
  },
  UNSUPPORTED_BY_KMS: {
    exitStatus: 2,
    meaning: 'AWS KMS does not support this for a key of this type or purpose',
  },
  NO_REPLICA_REGIONS: { exitStatus: 2, meaning: 'the key has no replica_regions' },
  KMS_ENDPOINT_REFUSED: {
    exitStatus: 2,
    meaning:
      'the endpoint is neither https nor on this machine, or another setting does not allow it',
  },
  KMS_CREDENTIALS: { exitStatus: 2, meaning: 'AWS credentials are missing or not accepted' },
  KMS_ACCOUNT_DIFFERS: {
    exitStatus: 2,
    meaning: 'the KMS keys are in another AWS account, or at an embedded KMS',
  },
  KMS_ACCESS_DENIED: { exitStatus: 2, meaning: 'AWS denied the request to the IAM identity' },
  KMS_UNREACHABLE: { exitStatus: 2, meaning: 'AWS KMS cannot be reached' },
  PROXY_FAILED: {
    exitStatus: 2,
    meaning: 'the proxy is misconfigured, cannot be reached, or refused the connection',
  },
  TLS_REFUSED: {
    exitStatus: 2,
    meaning: 'a certificate is not trusted, the CA bundle is unusable, or verification is off',
  },
  KMS_LIMIT: { exitStatus: 2, meaning: 'a quota of the AWS account is exhausted' },
  KMS_TIMEOUT: { exitStatus: 2, meaning: 'the command timed out' },
  KMS_AMBIGUOUS: {
    exitStatus: 2,
    meaning: 'the reply was lost; run the command again to find out',
  },
  KMS_KEY_IN_USE: {
    exitStatus: 2,
    meaning: 'a KMS key was used recently, or its last use is unknown',
  },
  KMS_KEY_NOT_FOUND: { exitStatus: 2, meaning: 'AWS has no such KMS key' },
  KMS_MATERIAL_DIFFERS: { exitStatus: 2, meaning: 'the KMS key has different material' },
  KMS_FAILED: { exitStatus: 2, meaning: 'AWS KMS failed in another way' },
  STORE_CONFLICT: { exitStatus: 2, meaning: 'another command changed the record meanwhile' },
  STORE_LOCKED: { exitStatus: 2, meaning: 'another command is using the record' },
  STORE_OUTDATED: {
    exitStatus: 2,
    meaning: 'AWS has KMS keys that this copy of the store does not know',
  },
  STORE_SEALED: { exitStatus: 2, meaning: 'no seal of the store opens it here' },
  SEAL_REFUSED: {
    exitStatus: 2,
    meaning: "a seal can't be used for the store, or removed from it",
  },
  STORE_CORRUPT: { exitStatus: 2, meaning: 'a record is damaged' },
  STORE_VERSION: { exitStatus: 2, meaning: 'another version of keymgmt wrote the record' },
  STORE_PERMISSIONS: { exitStatus: 2, meaning: 'other users can read or change the store' },
  STORE_EXISTS: { exitStatus: 2, meaning: 'a store already exists in that place' },
  STORE_MOVED: { exitStatus: 2, meaning: 'the store is moving, or has moved, to another place' },
  STORE_UNAVAILABLE: { exitStatus: 2, meaning: 'the store cannot be read or written' },
  SNAPSHOT_INVALID: { exitStatus: 2, meaning: 'the file is not a complete, unchanged snapshot' },
  SNAPSHOT_EXISTS: { exitStatus: 2, meaning: 'a file with the name of the new snapshot exists' },
  SNAPSHOT_REFUSED: {
    exitStatus: 2,
    meaning: 'the store has what the snapshot lacks, or is another store',
  },
  SETTINGS_INVALID: { exitStatus: 2, meaning: 'the settings file cannot be used' },
  OUTPUT_FAILED: {
    exitStatus: 2,
    meaning: 'the output cannot be written; the message says if the command is done',
  },
  SYSTEM_FAILED: {
    exitStatus: 2,
    meaning: 'the operating system refused a file or an address',
  },
  INTERNAL: { exitStatus: 2, meaning: 'keymgmt has a bug: report it' },
  CHECK_INCOMPLETE: { exitStatus: 2, meaning: 'a check could not check everything' },
  CHECK_FAILED: { exitStatus: 3, meaning: 'a check found a difference' },
  COMMAND_UNKNOWN: { exitStatus: 127, meaning: 'no command has that name' },
  INTERRUPTED: { exitStatus: 130, meaning: 'the command was interrupted' },
} as const

/** A stable name for the kind of an error; the `code` of a JSON error. */
export type ErrorCode = keyof typeof ERRORS

/** The optional parts of a {@link KeymgmtError}. */
export interface ErrorDetails {
  /** Next steps, one sentence each, printed below the message. They never contain a secret. */
  readonly hints?: readonly string[]
  /** AWS's id of the request that failed. */
  readonly requestId?: string | undefined
  /** AWS's name for the error, such as `NotFoundException`, if AWS replied with one. */
  readonly awsError?: string | undefined
  /** The error that caused this one. */
  readonly cause?: unknown
}

/**
 * The library's only error class. The message says what happened and to what; the hints say what to
 * do next. Neither ever contains key material, a credential or the value of a secret field. Both
 * may quote text of a service: known secrets in it are masked, control characters are escaped, and
 * its length is bounded.
 */
export class KeymgmtError extends Error {
  readonly code: ErrorCode
  readonly hints: readonly string[]
  readonly requestId: string | undefined
  readonly awsError: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(errorText(message), details.cause === undefined ? {} : { cause: details.cause })
    this.name = 'KeymgmtError'
    this.code = code
    this.hints = (details.hints ?? []).map(errorText)
    this.requestId = details.requestId && errorText(details.requestId)
    this.awsError = details.awsError
  }

  /** Returns a copy of the error with these hints before its own. */
  withHints(hints: readonly string[]): KeymgmtError {
    const { code, message, requestId, awsError } = this
    return new KeymgmtError(code, message, {
      hints: [...hints, ...this.hints],
      requestId,
      awsError,
      cause: this,
    })
  }

  /** The exit status of a command that ends with this error. */
  get exitStatus(): number {
    return ERRORS[this.code].exitStatus
  }
}

/**
 * Returns a copy of `error` with these hints after its own. Returns anything but a
 * {@link KeymgmtError} unchanged.
 */
export function withHints(error: unknown, hints: readonly string[]): unknown {
  if (!(error instanceof KeymgmtError)) return error
  const { code, message, requestId, awsError } = error
  return new KeymgmtError(code, message, {
    hints: [...error.hints, ...hints],
    requestId,
    awsError,
    cause: error,
  })
}
