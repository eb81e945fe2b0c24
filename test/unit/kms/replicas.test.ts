import { afterEach, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { startDevKms, type DevKms, type Fault } from '../../../src/dev-kms/index.js'
import { KEY_TYPES } from '../../../src/crypto/key-types.js'
import { awsKms } from '../../../src/kms/aws/index.js'
import { OPERATION_TAG, type KmsKey } from '../../../src/kms/kms-key.js'
import type { KmsProvider } from '../../../src/kms/provider.js'

const [HOME, AWAY] = ['us-west-1', 'eu-west-1']
const TYPE = 'aes256-gcm96'

let kms: DevKms | undefined
afterEach(async () => {
  await kms?.close()
})

/** A provider of an embedded KMS with faults, and a multi-Region KMS key in it. */
async function open(
  faults: readonly Fault[],
): Promise<{ readonly provider: KmsProvider; readonly key: KmsKey }> {
  kms = await startDevKms({ faults })
  const { accessKeyId, secretAccessKey } = kms.credentials
  const kind = awsKms({ env: {}, signal: new AbortController().signal })
  const provider = await kind.open({
    region: HOME,
    credentials: {
      endpoint: kms.endpoint,
      access_key: accessKeyId,
      secret_key: secretAccessKey,
    },
  })
  const key = await provider.create(request())
  await provider.importMaterial(HOME, key, TYPE, await KEY_TYPES[TYPE].generate())
  return { provider, key }
}

const request = () => ({
  type: TYPE as typeof TYPE,
  purpose: ['decrypt', 'encrypt'] as const,
  multiRegion: true,
  description: 'replicas',
  tags: { [OPERATION_TAG]: randomUUID() },
})

describe('a replica whose Region is out of reach', () => {
  const denied: Fault = { operation: 'DescribeKey', nth: 1, kind: 'denied' }

  it('does not exist if its primary does not list it', async () => {
    const { provider, key } = await open([denied])
    expect(await provider.findReplica(key, AWAY, new Date())).toBeUndefined()
  })

  it('may exist if its primary lists it', async () => {
    const { provider, key } = await open([denied])
    await provider.replicate(key, AWAY, request())
    await expect(provider.findReplica(key, AWAY, new Date())).rejects.toMatchObject({
      code: 'KMS_ACCESS_DENIED',
    })
  })

  it('may exist if its primary is out of reach too', async () => {
    const { provider, key } = await open([{ ...denied, nth: '*' }])
    await expect(provider.findReplica(key, AWAY, new Date())).rejects.toMatchObject({
      code: 'KMS_ACCESS_DENIED',
    })
  })
})

describe('the error of a replication', () => {
  it.each(['denied', 'limit'] as const)('is certain: %s', async (kind) => {
    const { provider, key } = await open([{ operation: 'ReplicateKey', nth: '*', kind }])
    const code = kind === 'denied' ? 'KMS_ACCESS_DENIED' : 'KMS_LIMIT'
    await expect(provider.replicate(key, AWAY, request())).rejects.toMatchObject({ code })
    await expect(provider.replicate(key, 'xx-nowhere-1', request())).rejects.toMatchObject({ code })
  })

  it.each(['drop', 'error-after', 'error'] as const)('is ambiguous: %s', async (kind) => {
    const { provider, key } = await open([{ operation: 'ReplicateKey', nth: '*', kind }])
    await expect(provider.replicate(key, AWAY, request())).rejects.toMatchObject({
      code: 'KMS_AMBIGUOUS',
    })
  })

  it('is ambiguous after an earlier attempt without a reply', async () => {
    const { provider, key } = await open([
      { operation: 'ReplicateKey', nth: 1, kind: 'error' },
      { operation: 'ReplicateKey', nth: 2, kind: 'denied' },
    ])
    await expect(provider.replicate(key, AWAY, request())).rejects.toMatchObject({
      code: 'KMS_AMBIGUOUS',
    })
  })
})
