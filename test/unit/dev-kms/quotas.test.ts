import { KMS } from '@aws-sdk/client-kms'
import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { createQuotas } from '../../../src/dev-kms/quotas.js'
import { copyAccount } from '../../../src/dev-kms/index.js'
import { createLab, errorOf, HOME } from './lab.js'

/** The number of requests before the first is throttled, while the clock stands still. */
function capacity(take: () => void): number {
  let count = 0
  try {
    for (; count < 200_000; count++) take()
  } catch (error) {
    expect((error as Error).name).toBe('ThrottlingException')
  }
  return count
}

describe("AWS's request quotas", () => {
  it.each([
    ['GetParametersForImport', 1],
    ['CreateKey', 5],
    ['ImportKeyMaterial', 15],
    ['DeleteAlias', 15],
    ['TagResource', 10],
    ['CreateGrant', 50],
    ['ListKeyRotations', 100],
    ['ListKeys', 500],
    ['GetKeyPolicy', 1000],
    ['DescribeKey', 2000],
  ])('%s: %d per second', (operation, expected) => {
    const quotas = createQuotas(() => 0)
    expect(
      capacity(() => {
        quotas.request(operation, HOME)
      }),
    ).toBe(expected)
  })
  it('are separate for each operation and Region, and recover with time', () => {
    let now = 0
    const quotas = createQuotas(() => now)
    const taking = (operation: string, region: string) =>
      capacity(() => {
        quotas.request(operation, region)
      })
    expect([
      taking('CreateKey', HOME),
      taking('CreateAlias', HOME),
      taking('CreateKey', 'eu-west-1'),
    ]).toEqual([5, 5, 5])
    now = 400
    expect(taking('CreateKey', HOME)).toBe(2)
  })
  it('of cryptographic operations are shared, by key family and Region', () => {
    const quotas = createQuotas(() => 0)
    expect(
      capacity(() => {
        quotas.use('rsa', HOME)
      }),
    ).toBe(1000)
    expect(
      capacity(() => {
        quotas.use('ecc', HOME)
      }),
    ).toBe(1000)
    quotas.use('hmac', 'ca-central-1')
    expect(
      capacity(() => {
        quotas.use('symmetric', 'ca-central-1')
      }),
    ).toBe(9_999)
    expect(
      capacity(() => {
        quotas.use('symmetric', 'eu-central-1')
      }),
    ).toBe(20_000)
    expect(
      capacity(() => {
        quotas.use('symmetric', HOME)
      }),
    ).toBe(100_000)
    expect(
      capacity(() => {
        quotas.pair('RSA_4096', HOME)
      }),
    ).toBe(1)
  })
})

it("ReplicateKey counts twice against the CreateKey of the replica's Region", async () => {
  const lab = await createLab()
  const ids: string[] = []
  for (let count = 0; count < 3; count++) {
    const id = await lab.create({ MultiRegion: true })
    await lab.put(id, randomBytes(32))
    ids.push(id)
  }
  const strict = await createLab({ account: copyAccount(lab.kms.account), quotas: 'aws' })
  try {
    const kms = new KMS({
      region: HOME,
      endpoint: strict.kms.endpoint,
      credentials: strict.kms.credentials,
      maxAttempts: 1,
    })
    const outcomes = await Promise.all(
      ids.map((KeyId) => errorOf(kms.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' }))),
    )
    expect(outcomes.toSorted()).toEqual(['ThrottlingException', 'none', 'none'])
  } finally {
    await Promise.all([lab.close(), strict.close()])
  }
})

it('a Region can be full', async () => {
  const lab = await createLab({ limits: { keys: 2 } })
  try {
    const kms = new KMS({
      region: HOME,
      endpoint: lab.kms.endpoint,
      credentials: lab.kms.credentials,
      maxAttempts: 1,
    })
    expect([
      await errorOf(kms.createKey({})),
      await errorOf(kms.createKey({})),
      await errorOf(kms.createKey({})),
    ]).toEqual(['none', 'none', 'LimitExceededException'])
  } finally {
    await lab.close()
  }
})
