import { describe, expect, it } from '@jest/globals'
import { formatS3Url, parseS3Url } from '../../../../src/store/s3/address.js'

describe('the URL of a store on S3', () => {
  it.each([
    ['s3://acme-keys?region=eu-west-1', { bucket: 'acme-keys', prefix: '', region: 'eu-west-1' }],
    [
      's3://acme.keys/prod/eu?region=us-gov-west-1',
      { bucket: 'acme.keys', prefix: 'prod/eu', region: 'us-gov-west-1' },
    ],
    [
      's3://acme-keys/prod?region=eu-west-1&endpoint=https://s3.example.com&expected_owner=111122223333',
      {
        bucket: 'acme-keys',
        prefix: 'prod',
        region: 'eu-west-1',
        endpoint: 'https://s3.example.com',
        expectedOwner: '111122223333',
      },
    ],
  ])('%s', (url, address) => {
    expect(parseS3Url(url, 'KEYMGMT_STORE')).toEqual(address)
    expect(formatS3Url(address)).toBe(url)
  })

  it('accepts a slash at the end of the prefix', () => {
    expect(parseS3Url('s3://acme-keys/prod/?region=eu-west-1', 'x').prefix).toBe('prod')
  })

  it.each([
    ['s3:acme-keys', 'KEYMGMT_STORE is not a URL of a store on S3'],
    ['s3://acme-keys?region=eu-west-1#x', 'KEYMGMT_STORE is not a URL of a store on S3'],
    ['s3:///prod?region=eu-west-1', 'KEYMGMT_STORE names no bucket'],
    ['s3://Acme?region=eu-west-1', 'KEYMGMT_STORE contains an invalid bucket name'],
    ['s3://acme..keys?region=eu-west-1', 'KEYMGMT_STORE contains an invalid bucket name'],
    ['s3://10.0.0.1?region=eu-west-1', 'KEYMGMT_STORE contains an invalid bucket name'],
    ['s3://acme-keys:443/prod?region=eu-west-1', 'KEYMGMT_STORE contains an invalid bucket name'],
    ['s3://acme-keys/prod', 'KEYMGMT_STORE names no Region'],
    ['s3://acme-keys/prod?region=', 'KEYMGMT_STORE names no Region'],
    ['s3://acme-keys/prod?region=Ireland', 'KEYMGMT_STORE contains an invalid Region'],
    ['s3://acme-keys/../x?region=eu-west-1', 'KEYMGMT_STORE contains an invalid prefix'],
    ['s3://acme-keys/a//b?region=eu-west-1', 'KEYMGMT_STORE contains an invalid prefix'],
    ['s3://acme-keys/%41?region=eu-west-1', 'KEYMGMT_STORE contains an invalid prefix'],
    ['s3://acme-keys?region=eu-west-1&region=eu-west-1', 'KEYMGMT_STORE contains region twice'],
    ['s3://acme-keys?region=eu-west-1&colour=red', 'KEYMGMT_STORE contains an unknown parameter'],
    [
      's3://acme-keys?region=eu-west-1&expected_owner=12',
      'KEYMGMT_STORE contains an invalid expected_owner',
    ],
    [
      's3://acme-keys?region=eu-west-1&endpoint=http://s3.example.com',
      'the endpoint http://s3.example.com (from endpoint= in KEYMGMT_STORE) is not https',
    ],
  ])('%s is refused', (url, message) => {
    expect(() => parseS3Url(url, 'KEYMGMT_STORE')).toThrow(message)
  })

  it.each([
    's3://AKIAEXAMPLE:hunter22hunter22@acme-keys?region=eu-west-1',
    's3://acme-keys?region=eu-west-1&secret_key=hunter22hunter22',
    's3://acme-keys?region=eu-west-1&X-Amz-Signature=hunter22hunter22',
    's3://acme-keys?X-Amz-Date=hunter22hunter22',
    's3://acme-keys?AWSAccessKeyId=hunter22hunter22',
    's3://acme-keys?sig=hunter22hunter22',
    's3://acme-keys?session-token=hunter22hunter22',
    's3://acme-keys?region=eu-west-1&endpoint=https://me:hunter22hunter22@s3.example.com',
    's3://acme-keys?region=eu-west-1&endpoint=https://s3.example.com/?Signature=hunter22hunter22',
  ])('credentials in it are refused, and not repeated: %s', (url) => {
    const attempt = () => parseS3Url(url, 'KEYMGMT_STORE')
    expect(attempt).toThrow('KEYMGMT_STORE contains credentials, which a URL must not')
    expect(attempt).not.toThrow(/hunter/)
  })
})
