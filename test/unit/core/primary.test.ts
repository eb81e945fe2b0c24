import { describe, expect, it } from '@jest/globals'
import type { Outcome } from '../../../src/core/engine.js'
import { dropRegion } from '../../../src/core/operations/drop-region.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { setPrimary } from '../../../src/core/operations/primary.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  AES,
  createDistributed,
  findProblems,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  type Testbed,
} from './testbed.js'

const [NEAR, FAR] = ['us-east-1', 'eu-west-1']
const PATH = 'keymgmt/kms/k/key/app'

/** Two versions in three Regions, with the primaries at home. */
async function createReplicated(): Promise<Testbed> {
  const testbed = await createDistributed(GLOBAL)
  await replicate(testbed.engine, 'k', 'app')
  await rotateKey(testbed.engine, 'app')
  return testbed
}

/** The Region of the primary of each version in the KMS, oldest first. */
const primaries = ({ kms }: Testbed) => [
  ...new Map(kms.keys.map(({ key, family }) => [key.id, family.primary])).values(),
]
const record = async ({ engine }: Testbed) => {
  const { primaryRegion, primaryRegions, acceptedPrimaries } =
    (await readDistribution(engine, 'k', 'app')) ?? {}
  return { primaryRegion, primaryRegions, acceptedPrimaries }
}
const moveElsewhere = ({ kms }: Testbed, version: number, region: string) => {
  const ids = [...new Set(kms.keys.map(({ key }) => key.id))]
  for (const { key, family } of kms.keys) if (key.id === ids[version - 1]) family.primary = region
}

async function outcomesOf({ engine }: Pick<Testbed, 'engine'>, region: string): Promise<string[]> {
  const outcomes: string[] = []
  const outcome = ({ region: at, version, action, state, nextStep }: Outcome) =>
    outcomes.push(
      [state, at, version ?? '-', action, ...(nextStep ? [`(${nextStep})`] : [])].join(' '),
    )
  await setPrimary({ ...engine, outcome }, 'k', 'app', region).catch(() => undefined)
  return outcomes
}

describe('a Region for the primaries', () => {
  it('gets the primary of every version, once', async () => {
    const testbed = await createReplicated()
    const { calls, engine } = recorded(testbed)
    expect(await outcomesOf({ engine }, FAR)).toEqual([
      `done ${HOME} 1 move-primary`,
      `done ${HOME} 2 move-primary`,
    ])
    expect(calls).toEqual([`movePrimary ${HOME} 1 ${FAR}`, `movePrimary ${HOME} 2 ${FAR}`])
    expect(primaries(testbed)).toEqual([FAR, FAR])
    expect(await record(testbed)).toEqual({
      primaryRegion: FAR,
      primaryRegions: { 1: FAR, 2: FAR },
    })
    expect(await outcomesOf(testbed, FAR)).toEqual([])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('gets the primary of a later version in the same rotation', async () => {
    const testbed = await createReplicated()
    await setPrimary(testbed.engine, 'k', 'app', FAR)
    await rotateKey(testbed.engine, 'app')
    expect(primaries(testbed)).toEqual([FAR, FAR, FAR])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('can be the Region of the provider again', async () => {
    const testbed = await createReplicated()
    await setPrimary(testbed.engine, 'k', 'app', FAR)
    await setPrimary(testbed.engine, 'k', 'app', HOME)
    expect(primaries(testbed)).toEqual([HOME, HOME])
    expect(await record(testbed)).toEqual({ primaryRegion: HOME })
  })

  it('gets the primary of a disabled version when the version is enabled', async () => {
    const testbed = await createReplicated()
    await saveKey(testbed.engine, 'app', { minEnabledVersion: 2 })
    expect(await outcomesOf(testbed, FAR)).toEqual([
      `skipped ${HOME} 1 move-primary (to move it: keymgmt write keymgmt/key/app min_enabled_version=1)`,
      `done ${HOME} 2 move-primary`,
    ])
    expect(testbed.notices.at(-1)).toBe(
      'Version 1 of app is disabled and its primary was not moved in k: AWS moves only the primaries of enabled KMS keys',
    )
    const { skipped, differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
    expect([skipped, differences]).toEqual([
      [{ action: 'move-primary', version: 1, region: HOME, to: FAR }],
      [],
    ])
    await saveKey(testbed.engine, 'app', { minEnabledVersion: 1 })
    expect(primaries(testbed)).toEqual([FAR, FAR])
  })

  it('gets the primary of a key that is rotated in place', async () => {
    const testbed = await createDistributedInPlace()
    await setPrimary(testbed.engine, 'k', 'app', FAR)
    await rotateKey(testbed.engine, 'app')
    expect(primaries(testbed)).toEqual([FAR])
    expect(await record(testbed)).toEqual({ primaryRegion: FAR, primaryRegions: { 1: FAR } })
    expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toEqual([])
  })

  it('is on record before the first call, so that the next command finishes', async () => {
    const testbed = await createReplicated()
    const denied = recorded(testbed, () => ({
      movePrimary: () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied')),
    }))
    expect(await outcomesOf(denied, FAR)).toEqual([
      `failed ${HOME} 1 move-primary (run the same command again)`,
      `failed ${HOME} 2 move-primary (run the same command again)`,
    ])
    await rotateKey(testbed.engine, 'app')
    expect(primaries(testbed)).toEqual([FAR, FAR, FAR])
  })

  it('survives a removal, a restoration and a revocation', async () => {
    const testbed = await createReplicated()
    const { engine, kms } = testbed
    await setPrimary(engine, 'k', 'app', FAR)
    const { calls, engine: watching } = recorded(testbed)
    await removeDistribution(watching, 'k', 'app')
    expect(calls.filter((call) => call.startsWith('scheduleDeletion')).slice(-2)).toEqual([
      `scheduleDeletion ${FAR} 1 30`,
      `scheduleDeletion ${FAR} 2 30`,
    ])
    expect(kms.keys.every(({ deletion }) => deletion)).toBe(true)
    await restoreDistribution(engine, 'k', 'app')
    await revokeDistribution(engine, 'k', 'app')
    await restoreDistribution(engine, 'k', 'app')
    await distribute(engine, 'k', 'app', AES)
    expect(primaries(testbed)).toEqual([FAR, FAR])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('is not affected by another Region that is dropped and restored', async () => {
    const testbed = await createReplicated()
    const { engine } = testbed
    await dropRegion(engine, 'k', 'app', NEAR)
    await setPrimary(engine, 'k', 'app', FAR)
    await restoreDistribution(engine, 'k', 'app')
    await dropRegion(engine, 'k', 'app', NEAR)
    await restoreDistribution(engine, 'k', 'app')
    expect(primaries(testbed)).toEqual([FAR, FAR])
    expect(await findProblems(testbed)).toEqual([])
  })
})

async function createDistributedInPlace(): Promise<Testbed> {
  const testbed = await createDistributed({ ...GLOBAL })
  await removeDistribution(testbed.engine, 'k', 'app')
  testbed.kms.keys.length = 0
  await distribute(testbed.engine, 'k', 'app', { ...AES, rotation: 'in_place' })
  await replicate(testbed.engine, 'k', 'app')
  return testbed
}

describe('a primary that somebody else moved', () => {
  it('stays there once repair has accepted it, until the user chooses a Region again', async () => {
    const testbed = await createReplicated()
    const { engine } = testbed
    await setPrimary(engine, 'k', 'app', FAR)
    moveElsewhere(testbed, 1, NEAR)
    expect((await verifyDistribution(engine, 'k', 'app', false)).differences).toHaveLength(1)
    await repairDistribution(engine, 'k', 'app')
    expect(await record(testbed)).toEqual({
      primaryRegion: FAR,
      primaryRegions: { 1: NEAR, 2: FAR },
      acceptedPrimaries: [1],
    })
    await rotateKey(engine, 'app')
    expect(primaries(testbed)).toEqual([NEAR, FAR, FAR])
    expect(await findProblems(testbed)).toEqual([])
    await setPrimary(engine, 'k', 'app', FAR)
    expect(primaries(testbed)).toEqual([FAR, FAR, FAR])
    expect(await record(testbed)).toEqual({
      primaryRegion: FAR,
      primaryRegions: { 1: FAR, 2: FAR, 3: FAR },
    })
  })

  it.each([HOME, NEAR, FAR])(
    'is moved to %s without a repair, if the user chooses it',
    async (to) => {
      const testbed = await createReplicated()
      moveElsewhere(testbed, 1, NEAR)
      await setPrimary(testbed.engine, 'k', 'app', to)
      expect(primaries(testbed)).toEqual([to, to])
      expect(await findProblems(testbed)).toEqual([])
    },
  )

  it('stays unknown if AWS denies the look', async () => {
    const testbed = await createReplicated()
    const { engine, calls } = recorded(testbed, () => ({
      inspect: () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied')),
    }))
    await setPrimary(engine, 'k', 'app', FAR)
    expect(calls).toEqual([`movePrimary ${HOME} 1 ${FAR}`, `movePrimary ${HOME} 2 ${FAR}`])
  })

  it('is no longer accepted when it is back', async () => {
    const testbed = await createReplicated()
    const { engine } = testbed
    await setPrimary(engine, 'k', 'app', FAR)
    for (const region of [HOME, FAR]) {
      moveElsewhere(testbed, 1, region)
      await repairDistribution(engine, 'k', 'app')
    }
    expect(await record(testbed)).toEqual({
      primaryRegion: FAR,
      primaryRegions: { 1: FAR, 2: FAR },
    })
  })
})

describe('a Region that has a primary', () => {
  it('is dropped only after the commands in the hint', async () => {
    const testbed = await createReplicated()
    const { engine } = testbed
    await setPrimary(engine, 'k', 'app', FAR)
    expect(await refusal(dropRegion(engine, 'k', 'app', FAR))).toEqual([
      'KEY_IN_USE',
      `${FAR} is the Region that was chosen for the primaries of app`,
      `to choose another one first: keymgmt write ${PATH}/primary region=${HOME}`,
      `to remove the key from all Regions: keymgmt delete ${PATH}`,
    ])
    await revokeDistribution(engine, 'k', 'app')
    expect((await refusal(dropRegion(engine, 'k', 'app', FAR)))[2]).toBe(
      `to choose another one first: keymgmt write -f ${PATH}/restore; then keymgmt write ${PATH}/primary region=${HOME}`,
    )
    await restoreDistribution(engine, 'k', 'app')
    await setPrimary(engine, 'k', 'app', HOME)
    await dropRegion(engine, 'k', 'app', FAR)
  })

  it('is dropped after repair and a move, if somebody else moved it there', async () => {
    const testbed = await createReplicated()
    const { engine } = testbed
    await saveKey(engine, 'app', { minEnabledVersion: 2 })
    moveElsewhere(testbed, 1, FAR)
    expect((await refusal(dropRegion(engine, 'k', 'app', FAR)))[2]).toBe(
      `to move it first: keymgmt write keymgmt/key/app min_enabled_version=1; then keymgmt write -f ${PATH}/repair; then keymgmt write ${PATH}/primary region=${HOME}`,
    )
    await saveKey(engine, 'app', { minEnabledVersion: 1 })
    await repairDistribution(engine, 'k', 'app')
    await setPrimary(engine, 'k', 'app', HOME)
    await dropRegion(engine, 'k', 'app', FAR)
    expect(await findProblems(testbed)).toEqual([])
  })
})

describe("a Region can't have the primaries", () => {
  it('if the key is not replicated to it', async () => {
    const testbed = await createDistributed(GLOBAL)
    expect(await refusal(setPrimary(testbed.engine, 'k', 'app', FAR))).toEqual([
      'FIELD_INVALID',
      `app is not replicated to ${FAR} in k`,
      `its Regions are ${HOME}`,
      `to replicate it there first: keymgmt write ${PATH}/replicate regions=${FAR}`,
    ])
    expect(await refusal(setPrimary(testbed.engine, 'k', 'app', 'us-east-2'))).toEqual([
      'FIELD_INVALID',
      'app is not replicated to us-east-2 in k',
      `its Regions are ${HOME}`,
    ])
  })

  it('if it was dropped and AWS still has the replicas', async () => {
    const testbed = await createReplicated()
    await dropRegion(testbed.engine, 'k', 'app', FAR)
    const [code, , hint] = await refusal(setPrimary(testbed.engine, 'k', 'app', FAR))
    expect([code, hint]).toEqual([
      'DISTRIBUTION_DIFFERS',
      `to bring them back: keymgmt write -f ${PATH}/restore`,
    ])
  })

  it('if the key has no replica Regions or is revoked', async () => {
    const single = await createDistributed()
    expect((await refusal(setPrimary(single.engine, 'k', 'app', FAR)))[0]).toBe(
      'NO_REPLICA_REGIONS',
    )
    const revoked = await createReplicated()
    await revokeDistribution(revoked.engine, 'k', 'app')
    expect((await refusal(setPrimary(revoked.engine, 'k', 'app', FAR)))[0]).toBe(
      'DISTRIBUTION_DIFFERS',
    )
  })
})
