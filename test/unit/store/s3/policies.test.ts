import { describe, expect, it } from '@jest/globals'
import { parseS3Url } from '../../../../src/store/s3/address.js'
import { storePolicies } from '../../../../src/store/s3/policies.js'

const at = (url: string) => parseS3Url(url, 'KEYMGMT_STORE')
const KEY = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const resources = (policy: { readonly Statement: readonly { readonly Resource: unknown }[] }) =>
  policy.Statement.map(({ Resource }) => Resource)

describe('the policies of a store', () => {
  it('cover the bucket and the prefix', () => {
    expect(storePolicies(at('s3://acme-keys/prod?region=eu-west-1'))).toEqual({
      bucket_policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'RequireConditionalWrites',
            Effect: 'Deny',
            Principal: '*',
            Action: 's3:PutObject',
            Resource: 'arn:aws:s3:::acme-keys/prod/*',
            Condition: { Null: { 's3:if-match': 'true', 's3:if-none-match': 'true' } },
          },
          {
            Sid: 'RequireConditionalDeletes',
            Effect: 'Deny',
            Principal: '*',
            Action: 's3:DeleteObject',
            Resource: 'arn:aws:s3:::acme-keys/prod/*',
            Condition: { Null: { 's3:if-match': 'true' } },
          },
          {
            Sid: 'KeepVersions',
            Effect: 'Deny',
            Principal: '*',
            Action: 's3:DeleteObjectVersion',
            Resource: 'arn:aws:s3:::acme-keys/prod/*',
          },
          {
            Sid: 'RequireTls',
            Effect: 'Deny',
            Principal: '*',
            Action: 's3:*',
            Resource: ['arn:aws:s3:::acme-keys', 'arn:aws:s3:::acme-keys/prod/*'],
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
        ],
      },
      iam_policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
            Resource: 'arn:aws:s3:::acme-keys/prod/*',
          },
          {
            Effect: 'Allow',
            Action: 's3:ListBucket',
            Resource: 'arn:aws:s3:::acme-keys',
            Condition: { StringLikeIfExists: { 's3:prefix': 'prod/*' } },
          },
          {
            Effect: 'Allow',
            Action: 's3:GetBucketVersioning',
            Resource: 'arn:aws:s3:::acme-keys',
          },
        ],
      },
    })
  })

  it('cover the whole bucket without a prefix', () => {
    const { bucket_policy, iam_policy } = storePolicies(at('s3://acme-keys?region=eu-west-1'))
    expect(new Set([...resources(bucket_policy), ...resources(iam_policy)].flat())).toEqual(
      new Set(['arn:aws:s3:::acme-keys', 'arn:aws:s3:::acme-keys/*']),
    )
    expect(iam_policy.Statement.map(({ Condition }) => Condition)).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it.each([
    ['us-gov-west-1', 'aws-us-gov', 's3.us-gov-west-1.amazonaws.com'],
    ['cn-north-1', 'aws-cn', 's3.cn-north-1.amazonaws.com.cn'],
  ])('are in the partition of %s', (region, partition, service) => {
    const { iam_policy } = storePolicies(at(`s3://acme-keys?region=${region}`), {
      bucketKeys: [KEY],
    })
    expect(iam_policy.Statement[0]?.Resource).toBe(`arn:${partition}:s3:::acme-keys/*`)
    expect(iam_policy.Statement[3]?.Condition).toEqual({
      StringEquals: { 'kms:ViaService': service },
    })
  })

  it('let S3 use the KMS key of the bucket, and the user the KMS key of a seal', () => {
    const { iam_policy } = storePolicies(at('s3://acme-keys?region=eu-west-1'), {
      bucketKeys: [KEY],
      sealKeys: [KEY],
    })
    expect(iam_policy.Statement.slice(3)).toEqual([
      {
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
        Resource: [KEY],
        Condition: { StringEquals: { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' } },
      },
      {
        Effect: 'Allow',
        Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey'],
        Resource: [KEY],
      },
    ])
  })
})
