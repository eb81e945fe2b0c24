import { partitionOf } from '../../aws/partition.js'
import { SEAL_ACTIONS } from '../seals/awskms.js'
import type { S3Address } from './address.js'

type OneOrMore = string | readonly string[]

/** A statement of an IAM policy, or of a bucket policy if it names principals. */
export interface StoreStatement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal?: '*'
  readonly Action: OneOrMore
  readonly Resource: OneOrMore
  /** By operator, then by condition key. */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore>>>>
}

interface Policy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly StoreStatement[]
}

/** The policies of a store on S3. */
export interface StorePolicies {
  /** For the bucket: restricts everybody, and allows nothing. */
  readonly bucket_policy: Policy
  /** For the users and roles that use the store. */
  readonly iam_policy: Policy
}

/** The KMS keys outside the store that its users need, by ARN. */
export interface StoreKmsKeys {
  /** The KMS keys with which the bucket encrypts its objects (SSE-KMS). */
  readonly bucketKeys?: readonly string[]
  /** The KMS keys that seal the store. */
  readonly sealKeys?: readonly string[]
}

/**
 * PURE: returns the policies of the store at an address.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html
 */
export function storePolicies(address: S3Address, kmsKeys: StoreKmsKeys = {}): StorePolicies {
  const { bucket: name, prefix, region } = address
  const bucket = `arn:${partitionOf(region)}:s3:::${name}`
  const objects = `${bucket}/${prefix === '' ? '' : `${prefix}/`}*`
  return {
    bucket_policy: { Version: '2012-10-17', Statement: restrictions(bucket, objects) },
    iam_policy: {
      Version: '2012-10-17',
      Statement: [...permissions(address, bucket, objects), ...kmsPermissions(region, kmsKeys)],
    },
  }
}

function restrictions(bucket: string, objects: string): StoreStatement[] {
  const deny = (Sid: string, Action: string, rest: Partial<StoreStatement> = {}) =>
    ({ Sid, Effect: 'Deny', Principal: '*', Action, Resource: objects, ...rest }) as const
  return [
    deny('RequireConditionalWrites', 's3:PutObject', {
      Condition: { Null: { 's3:if-match': 'true', 's3:if-none-match': 'true' } },
    }),
    deny('RequireConditionalDeletes', 's3:DeleteObject', {
      Condition: { Null: { 's3:if-match': 'true' } },
    }),
    deny('KeepVersions', 's3:DeleteObjectVersion'),
    deny('RequireTls', 's3:*', {
      Resource: [bucket, objects],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    }),
  ]
}

/**
 * S3 answers a request for an object that does not exist with 404 only if the user may list the
 * bucket. That check has no `s3:prefix`, so the condition is `...IfExists`.
 */
function permissions({ prefix }: S3Address, bucket: string, objects: string): StoreStatement[] {
  return [
    {
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      Resource: objects,
    },
    {
      Effect: 'Allow',
      Action: 's3:ListBucket',
      Resource: bucket,
      ...(prefix !== '' && { Condition: { StringLikeIfExists: { 's3:prefix': `${prefix}/*` } } }),
    },
    { Effect: 'Allow', Action: 's3:GetBucketVersioning', Resource: bucket },
  ]
}

function kmsPermissions(region: string, kmsKeys: StoreKmsKeys): StoreStatement[] {
  const { bucketKeys = [], sealKeys = [] } = kmsKeys
  const viaS3 = `s3.${region}.${partitionOf(region) === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com'}`
  return [
    ...(bucketKeys.length === 0
      ? []
      : [
          {
            Effect: 'Allow',
            Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
            Resource: bucketKeys,
            Condition: { StringEquals: { 'kms:ViaService': viaS3 } },
          } as const,
        ]),
    ...(sealKeys.length === 0
      ? []
      : [
          {
            Effect: 'Allow',
            Action: SEAL_ACTIONS,
            Resource: sealKeys,
          } as const,
        ]),
  ]
}
