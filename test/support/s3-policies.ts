import { readStatements } from '../../src/dev-kms/policy-document.js'
import { decide, type Wanted } from '../../src/dev-kms/policy.js'
import type { S3Request } from './s3-server.js'

// Asks the policies about a request, as S3 does. Uses the evaluator of the embedded KMS.

/** The policies that apply to a request. */
export interface S3Policies {
  readonly bucket?: object
  readonly iam?: object
}

/** The condition keys of S3 that the requests below have. */
const CONDITION_KEYS = ['aws:SecureTransport', 's3:if-match', 's3:if-none-match', 's3:prefix']

/**
 * The permissions that a request needs, with the values of its condition keys.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: without s3:ListBucket,
 * S3 denies a request for an object that does not exist.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html: a
 * condition on an ETag needs s3:GetObject too.
 */
export function wantedBy(
  { method, bucket, key, query, headers, exists }: S3Request,
  isTls = true,
): readonly Wanted[] {
  const given = {
    'aws:securetransport': String(isTls),
    's3:if-match': headers['if-match'],
    's3:if-none-match': headers['if-none-match'],
  }
  const want = (action: string, isObject: boolean, more: Record<string, unknown> = {}): Wanted => ({
    action,
    resource: `arn:aws:s3:::${bucket}${isObject ? `/${key}` : ''}`,
    values: new Map(
      Object.entries({ ...given, ...more }).flatMap(([name, value]) =>
        typeof value === 'string' ? [[name, [value]]] : [],
      ),
    ),
  })
  if (key === '' && query.has('versioning')) return [want('s3:GetBucketVersioning', false)]
  if (key === '')
    return [want('s3:ListBucket', false, { 's3:prefix': query.get('prefix') ?? undefined })]
  const read = want('s3:GetObject', true)
  const change = {
    PUT: want('s3:PutObject', true),
    DELETE: want(query.has('versionId') ? 's3:DeleteObjectVersion' : 's3:DeleteObject', true),
  }[method]
  if (change) return headers['if-match'] === undefined ? [change] : [change, read]
  return exists ? [read] : [read, want('s3:ListBucket', false)]
}

/** True if the policies allow everything that is wanted, and deny none of it. */
export function allows({ bucket, iam }: S3Policies, wanted: readonly Wanted[]): boolean {
  const statements = [
    ...(bucket ? readStatements(bucket, ['Principal', 'NotPrincipal']) : []),
    ...(iam ? readStatements(iam) : []),
  ]
  return wanted.every((each) => {
    const decision = decide(statements, each, CONDITION_KEYS)
    if (typeof decision === 'object') throw new Error(`unknown condition ${decision.unknown}`)
    return decision === 'Allow'
  })
}
