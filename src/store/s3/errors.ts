import type { AwsFailure } from '../../aws/failure.js'
import { KeymgmtError, type ErrorCode } from '../../errors.js'
import { redact, shorten } from '../../redact.js'
import { NOT_IMPLEMENTED } from './retry.js'

/** The requests of a store, and the permission that each one needs. */
export const S3_PERMISSIONS = {
  GetObject: 's3:GetObject',
  PutObject: 's3:PutObject',
  DeleteObject: 's3:DeleteObject',
  ListObjectsV2: 's3:ListBucket',
  GetBucketVersioning: 's3:GetBucketVersioning',
} as const

/** A request of a store. */
export type S3Operation = keyof typeof S3_PERMISSIONS

/** Quote at most this much of a service. */
const MAX_SERVICE_TEXT = 600

const WRONG_REGION = "correct region= in the store's URL: the bucket is in another Region"
const CHECK_CREDENTIALS =
  'check the AWS credentials: AWS_PROFILE, the AWS_* variables, or the role of the machine'
const EXPIRED = 'the session has expired: get new credentials, then run the same command again'
const CLOCK = "correct this machine's clock, which differs from AWS's, then run the command again"

/** By the `name` of the SDK's error. A Map, because the names come from outside. */
const ADVICE = new Map<string, readonly [code: ErrorCode, hint: string]>([
  [
    'NoSuchBucket',
    ['STORE_UNAVAILABLE', "create the bucket, or correct its name in the store's URL"],
  ],
  ['PermanentRedirect', ['STORE_UNAVAILABLE', WRONG_REGION]],
  ['AuthorizationHeaderMalformed', ['STORE_UNAVAILABLE', WRONG_REGION]],
  ['IllegalLocationConstraintException', ['STORE_UNAVAILABLE', WRONG_REGION]],
  ['InvalidAccessKeyId', ['KMS_CREDENTIALS', CHECK_CREDENTIALS]],
  ['SignatureDoesNotMatch', ['KMS_CREDENTIALS', CHECK_CREDENTIALS]],
  ['InvalidToken', ['KMS_CREDENTIALS', CHECK_CREDENTIALS]],
  ['ExpiredToken', ['KMS_CREDENTIALS', EXPIRED]],
  ['RequestTimeTooSkewed', ['KMS_CREDENTIALS', CLOCK]],
])

/** PURE: the error for a request of the store `store` that is not sent again. */
export function s3Error(failure: AwsFailure, operation: S3Operation, store: string): KeymgmtError {
  const { error, name, status, code: socketCode, requestId } = failure
  if (error instanceof KeymgmtError) return ofStore(error, store)
  const reason = shorten(redact(failure.message), MAX_SERVICE_TEXT) || 'no reply'
  const [code, hint] = ADVICE.get(name) ?? ['STORE_UNAVAILABLE', otherwise(failure, operation)]
  return new KeymgmtError(
    code,
    `the store ${store}: ${operation}: ${status === undefined && socketCode ? socketCode : name}: ${reason}`,
    {
      hints: [hint, ...(isDenied(failure) ? denialHints(store) : [])],
      requestId,
      cause: error,
    },
  )
}

/** The error of a lookup of credentials, which does not know the store. */
function ofStore(error: KeymgmtError, store: string): KeymgmtError {
  if (error.code !== 'KMS_CREDENTIALS') return error
  const { code, message, hints, requestId } = error
  return new KeymgmtError(code, `the store ${store}: ${message}`, {
    hints,
    requestId,
    cause: error,
  })
}

function isDenied({ name, status }: AwsFailure): boolean {
  return !ADVICE.has(name) && (status === 403 || name === 'AccessDenied')
}

function denialHints(store: string): readonly string[] {
  return [
    ...(store.includes('expected_owner=')
      ? ['check expected_owner= in its URL: the bucket must belong to that account']
      : []),
    'to print the policies that a user and the bucket need: keymgmt policy store',
  ]
}

function otherwise(failure: AwsFailure, operation: S3Operation): string {
  const { status = 0 } = failure
  if (isDenied(failure)) return deniedKmsHint(failure) ?? permissionHint(operation)
  if (status === 0)
    return 'check the network, the Region and the endpoint, then run the same command again'
  if (status === NOT_IMPLEMENTED)
    return 'use Amazon S3, or a server that implements this request of S3; nothing was changed'
  return status < 500
    ? 'S3 refused the request: the same command fails again until that reason is removed'
    : 'run the same command again: it continues where this one stopped'
}

/** The hint if S3 may not use the KMS key of the bucket for the user. */
function deniedKmsHint({ message }: AwsFailure): string | undefined {
  const [, action] = /not authorized to perform: (kms:[A-Za-z]+)/.exec(message) ?? []
  return action === undefined
    ? undefined
    : `allow ${action} on the KMS key with which the bucket encrypts, through S3: keymgmt policy store -bucket-key=ARN`
}

/** Without s3:ListBucket, S3 denies access to an object that does not exist. */
function permissionHint(operation: S3Operation): string {
  const permission = S3_PERMISSIONS[operation]
  const needed = operation === 'GetObject' ? `${permission} and s3:ListBucket` : permission
  return `allow ${needed} in the IAM policy of the user or role, and in the bucket's policy`
}
