import { describe, expect, it } from '@jest/globals'
import { readDetailedStatus } from '../../../src/core/operations/detailed-status.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { setPrimary } from '../../../src/core/operations/primary.js'
import { removeDistribution } from '../../../src/core/operations/remove.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { recordPath, type CreatedKmsKey } from '../../../src/core/records/model.js'
import { monthlyCost } from '../../../src/core/records/monthly-cost.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import { detailedStatusData, detailedStatusRows } from '../../../src/paths/detailed-status.js'
import { AES, createDistributed, DAY_MS, HOME, recorded } from './testbed.js'

const kmsKey = (version: number, more: Partial<CreatedKmsKey> = {}): CreatedKmsKey => ({
  version,
  region: HOME,
  state: 'created',
  key: { id: `id-${version}`, arn: `arn-${version}` },
  materials: [{ version, fingerprint: 'f', imported: true }],
  ...more,
})

describe('the monthly cost', () => {
  const record = async () => {
    const { engine } = await createDistributed()
    const found = await readDistribution(engine, 'k', 'app')
    if (!found) throw new Error('there is no distribution')
    return found
  }
  const materials = [1, 2, 3, 4].map((version) => ({ version, fingerprint: 'f', imported: true }))

  it.each<[title: string, cost: number, kmsKeys: CreatedKmsKey[], inPlace?: boolean]>([
    ['nothing', 0, []],
    ['two versions, one of them disabled', 2, [kmsKey(1, { enabled: false }), kmsKey(2)]],
    ['a KMS key whose deletion is scheduled', 1, [kmsKey(1, { deletion: {} }), kmsKey(2)]],
    ['two Regions', 2, [kmsKey(1), kmsKey(1, { region: 'eu-west-1' })]],
    ['one rotation in place', 2, [kmsKey(1, { materials: materials.slice(0, 2) })], true],
    ['more rotations in place', 3, [kmsKey(1, { materials })], true],
    ['rotations by somebody else', 3, [kmsKey(1, { rotations: 7 })], true],
  ])('of %s is $%d', async (_title, cost, kmsKeys, inPlace = false) => {
    const rotation = inPlace ? ({ rotation: 'in_place' } as const) : {}
    expect(monthlyCost({ ...(await record()), ...rotation, kmsKeys })).toBe(cost)
  })
})

describe('the detailed status', () => {
  it('has a row for each distribution, present or removed, and for each key without one', async () => {
    const testbed = await createDistributed({ replicaRegions: ['eu-west-1'] })
    const { engine } = testbed
    await rotateKey(engine, 'app')
    await saveKey(engine, 'app', { minEnabledVersion: 2, rotationPeriod: 90 * 86_400 })
    await saveKey(engine, 'old', { type: 'aes256-gcm96' })
    await distribute(engine, 'k', 'old', AES)
    await removeDistribution(engine, 'k', 'old', 7)
    await saveKey(engine, 'plain', { type: 'ed25519' })
    const day = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10)
    const { written, calls, engine: watched } = recorded(testbed)
    const { keys, unchecked } = await readDetailedStatus({
      ...watched,
      now: () => new Date(Date.now() + 3 * DAY_MS),
    })
    expect([written, calls, unchecked]).toEqual([[], [], []])
    expect(detailedStatusRows(keys)).toEqual([
      {
        Key: 'app',
        Versions: '1-2',
        Age: '3d',
        'Next rotation': day(90),
        Provider: 'k',
        Regions: HOME,
        State: 'active, 1 disabled',
        Deletion: '',
        Monthly: '$2',
        Alias: expect.stringMatching(/^alias\/hashicorp\/app-\d+$/),
      },
      expect.objectContaining({
        Key: 'old',
        Versions: '1',
        'Next rotation': '',
        State: 'removed',
        Deletion: day(7),
        Monthly: '$0',
      }),
      expect.objectContaining({ Key: 'plain', Versions: '1', Age: '3d', Provider: '', State: '' }),
    ])
  })

  it('names the Region of primaries that are not in the Region of the provider', async () => {
    const { engine } = await createDistributed({ replicaRegions: ['eu-west-1', 'us-east-1'] })
    await rotateKey(engine, 'app')
    await replicate(engine, 'k', 'app')
    const shown = async () => {
      const status = await readDetailedStatus(engine)
      const [data] = detailedStatusData(status).keys as { distributions: object[] }[]
      const { Regions } = detailedStatusRows(status.keys)[0] ?? {}
      return { Regions, data: data?.distributions[0] }
    }
    expect(await shown()).toMatchObject({
      Regions: `${HOME}, eu-west-1, us-east-1`,
      data: expect.not.objectContaining({
        primary_region: expect.anything() as unknown,
      }) as unknown,
    })
    await setPrimary(engine, 'k', 'app', 'us-east-1')
    expect(await shown()).toMatchObject({
      Regions: `${HOME}, eu-west-1, us-east-1 (primary)`,
      data: { primary_region: 'us-east-1', primary_regions: { 1: 'us-east-1', 2: 'us-east-1' } },
    })
    await saveKey(engine, 'app', { minEnabledVersion: 2 })
    await setPrimary(engine, 'k', 'app', 'eu-west-1')
    expect(await shown()).toMatchObject({
      Regions: `${HOME}, eu-west-1 (primary of 2), us-east-1 (primary of 1)`,
      data: { primary_region: 'eu-west-1', primary_regions: { 1: 'us-east-1', 2: 'eu-west-1' } },
    })
  })

  it('leaves out a removed distribution whose waiting period is over', async () => {
    const { engine } = await createDistributed()
    await removeDistribution(engine, 'k', 'app', 7)
    const at = (days: number) => ({
      ...engine,
      now: () => new Date(Date.now() + days * DAY_MS),
    })
    const countAt = async (days: number) =>
      (await readDetailedStatus(at(days))).keys.flatMap(({ distributions }) => distributions).length
    expect([await countAt(6), await countAt(8)]).toEqual([1, 0])
  })

  it('names a damaged record, and shows the others', async () => {
    const { engine } = await createDistributed()
    await saveKey(engine, 'plain', { type: 'ed25519' })
    const path = recordPath.distribution('k', 'app')
    const stored = await engine.store.get(path)
    await engine.store.put(path, new TextEncoder().encode('{'), stored?.revision)
    const { keys, unchecked } = await readDetailedStatus(engine)
    expect(keys.map(({ key, distributions }) => [key.name, distributions.length])).toEqual([
      ['app', 0],
      ['plain', 0],
    ])
    expect(unchecked).toEqual([{ path, reason: expect.any(String) }])
  })
})
