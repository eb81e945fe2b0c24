import { afterEach, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { startDevKms, type DevKms, type Fault } from '../../../src/dev-kms/index.js'
import { KEY_TYPES } from '../../../src/crypto/key-types.js'
import { awsKms } from '../../../src/kms/aws/index.js'
import { OPERATION_TAG, type KmsKey } from '../../../src/kms/kms-key.js'
import type { KmsProvider } from '../../../src/kms/provider.js'

const [HOME, AWAY, FAR] = ['us-west-1', 'eu-west-1', 'us-east-1']
const OPERATION = 'UpdatePrimaryRegion'
const TYPE = 'aes256-gcm96'

let kms: DevKms | undefined
afterEach(async () => {
  await kms?.close()
})

/** A provider of an embedded KMS with faults, and a multi-Region KMS key in it. */
async function open(faults: readonly Fault[]): Promise<{
  readonly provider: KmsProvider
  readonly key: KmsKey
  readonly material: Uint8Array
}> {
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
  const material = await KEY_TYPES[TYPE].generate()
  await provider.importMaterial(HOME, key, TYPE, material)
  return { provider, key, material }
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

describe('a move of the primary', () => {
  const replicated = async (faults: readonly Fault[]) => {
    const { provider, key, material } = await open(faults)
    for (const region of [AWAY, FAR]) {
      await provider.replicate(key, region, request())
      await provider.awaitReplica(region, key)
      await provider.importMaterial(region, key, TYPE, material)
    }
    return { provider, key }
  }

  it.each(['drop', 'error-after', 'error', 'throttle'] as const)(
    'is certain after a failed attempt: %s',
    async (kind) => {
      const { provider, key } = await replicated([{ operation: OPERATION, nth: 1, kind }])
      await provider.movePrimary(HOME, key, AWAY)
      expect(await provider.inspect(AWAY, key)).toMatchObject({ multiRegion: { primary: AWAY } })
    },
  )

  it('is found by the next command after a lost reply', async () => {
    const { provider, key } = await replicated([
      { operation: OPERATION, nth: 1, kind: 'drop' },
      { operation: OPERATION, nth: 2, kind: 'denied' },
    ])
    const code = 'KMS_ACCESS_DENIED'
    await expect(provider.movePrimary(HOME, key, AWAY)).rejects.toMatchObject({ code })
    await provider.movePrimary(HOME, key, AWAY)
  })

  it('is waited for', async () => {
    const { provider, key } = await replicated([])
    await provider.movePrimary(HOME, key, AWAY)
    for (const region of [HOME, AWAY])
      expect(kms?.account.region(region).keys.get(key.id)?.updatingUntil ?? 0).toBeLessThan(
        Date.now(),
      )
  })

  it('is refused if somebody moved the primary to another Region', async () => {
    const { provider, key } = await replicated([])
    await provider.movePrimary(HOME, key, FAR)
    await expect(provider.movePrimary(HOME, key, AWAY)).rejects.toMatchObject({
      code: 'KMS_FAILED',
      awsError: 'UnsupportedOperationException',
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
