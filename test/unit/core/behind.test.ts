import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import type { Engine, Outcome } from '../../../src/core/engine.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { importVersion } from '../../../src/core/operations/import.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { listBehind } from '../../../src/core/operations/list-behind.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { readStatus } from '../../../src/core/operations/status.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { readDistribution, readKey, requireKey } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  AES,
  createDistributed,
  findProblems,
  GLOBAL,
  recorded,
  refusal,
  shown,
  type Testbed,
} from './testbed.js'

const unreachable = () => Promise.reject(new KeymgmtError('KMS_UNREACHABLE', 'no route'))

/** The testbed, with the providers in these Regions out of reach. */
const without = (testbed: Testbed, ...dead: readonly string[]) =>
  recorded(testbed, (provider) =>
    dead.includes(provider.region)
      ? Object.fromEntries(
          Object.keys(provider)
            .filter((name) => name !== 'region')
            .map((name) => [name, unreachable]),
        )
      : {},
  )

/** The key `app` in `k` (us-west-1) and in `other` (eu-west-1). */
async function createPair(): Promise<Testbed> {
  const testbed = await createDistributed()
  await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
  await distribute(testbed.engine, 'other', 'app', AES)
  return testbed
}

const latest = async ({ engine }: Testbed) => {
  const key = await readKey(engine, 'app')
  return [key?.latestVersion, key?.pendingVersion]
}
const behind = async ({ engine }: Testbed) =>
  (await listBehind(engine, (await requireKey(engine, 'app')).current)).map(
    ({ providerName, versions, behind: why }) => [providerName, versions, why?.reason],
  )
const kmsKeysIn = ({ kms }: Testbed, region: string) =>
  kms.keys.filter((key) => key.region === region).length

async function outcomesOf(engine: Engine, step: (engine: Engine) => Promise<unknown>) {
  const outcomes: Outcome[] = []
  await step({ ...engine, outcome: (outcome) => outcomes.push(outcome) }).catch(() => undefined)
  return outcomes.map(
    ({ state, provider, version, alias, action }) =>
      `${state} ${provider} ${alias ? 'alias' : (version ?? '')} ${action}`,
  )
}

const rotate = (engine: Engine) => rotateKey(engine, 'app')

describe('a version that one of two providers cannot take', () => {
  it('is the latest as soon as the other has it, and the reason is recorded', async () => {
    const testbed = await createPair()
    const half = without(testbed, 'eu-west-1')
    expect(await refusal(rotate(half.engine))).toEqual([
      'KMS_UNREACHABLE',
      'no route',
      'version 2 was created, and it is the latest',
      'to bring other up to date without another version: keymgmt write -f keymgmt/key/app/rotate',
      'to rotate without it: keymgmt write keymgmt/key/app/rotate without=other',
      'if other can never be reached again: keymgmt write -f keymgmt/kms/other/key/app/forget allow_orphans=true',
    ])
    expect(await latest(testbed)).toEqual([2, undefined])
    expect(await behind(testbed)).toEqual([['other', [2], 'no route']])
    expect((await readDistribution(testbed.engine, 'other', 'app'))?.behind).toMatchObject({
      reason: 'no route',
    })
    expect(await readStatus(testbed.engine)).toMatchObject({ distributions: 2, behind: 1 })
    const { differences } = await verifyDistribution(testbed.engine, 'other', 'app', false)
    expect(differences).toMatchObject([
      {
        what: 'unfinished',
        found: 'lacks version 2: no route',
        nextStep: 'keymgmt write -f keymgmt/kms/other/key/app/repair',
      },
    ])
  })

  it('is all that the next rotation brings, which says so; the one after it creates another', async () => {
    const testbed = await createPair()
    const half = without(testbed, 'eu-west-1')
    await refusal(rotate(half.engine))
    for (let attempt = 0; attempt < 2; attempt++)
      expect((await refusal(rotate(half.engine)))[2]).toBe(
        'no version was created, and version 2 is the latest',
      )
    expect(await latest(testbed)).toEqual([2, undefined])
    expect(await outcomesOf(testbed.engine, rotate)).toEqual([
      'done other 2 create',
      'done other alias point-alias',
    ])
    expect(testbed.notices).toEqual([
      'No version is created, because app in other lacks version 2 (no route). This rotation only brings the key up to date. To create version 3, rotate again afterwards.',
    ])
    expect([await latest(testbed), await behind(testbed)]).toEqual([[2, undefined], []])
    expect(await readDistribution(testbed.engine, 'other', 'app')).not.toHaveProperty('behind')
    await rotate(testbed.engine)
    expect(await latest(testbed)).toEqual([3, undefined])
    expect([kmsKeysIn(testbed, 'us-west-1'), kmsKeysIn(testbed, 'eu-west-1')]).toEqual([3, 3])
  })

  it.each<readonly [string, (engine: Engine) => Promise<unknown>]>([
    ['repair', (engine) => repairDistribution(engine, 'other', 'app')],
    ['distribute', (engine) => distribute(engine, 'other', 'app', AES)],
    ['a setting', (engine) => saveKey(engine, 'app', { deletionAllowed: true })],
  ])('is brought by %s as well', async (_name, step) => {
    const testbed = await createPair()
    await refusal(rotate(without(testbed, 'eu-west-1').engine))
    await step(testbed.engine)
    expect(await behind(testbed)).toEqual([])
    expect(await readDistribution(testbed.engine, 'other', 'app')).not.toHaveProperty('behind')
  })

  it('keeps the earlier version enabled there, which min_enabled_version reports', async () => {
    const testbed = await createPair()
    const half = without(testbed, 'eu-west-1')
    await refusal(rotate(half.engine))
    const setting = (engine: Engine) => saveKey(engine, 'app', { minEnabledVersion: 2 })
    expect((await refusal(setting(half.engine)))[0]).toBe('KMS_UNREACHABLE')
    expect(shown(testbed).filter((line) => line.includes('version 1'))).toEqual([
      'app version 1 eu-west-1 enabled',
      'app version 1 us-west-1 disabled',
      'eu-west-1 alias/hashicorp/app-TIME is app version 1',
    ])
  })

  it('does not fail a setting that changes nothing there', async () => {
    const testbed = await createPair()
    const half = without(testbed, 'eu-west-1')
    await refusal(rotate(half.engine))
    for (const change of [{ minEnabledVersion: 1 }, { deletionAllowed: true }])
      await saveKey(half.engine, 'app', change)
    expect(half.notices.at(-1)).toBe('app in other is still behind: no route')
  })
})

describe('a version that no provider can take', () => {
  it('is pending: it becomes the latest with the first, and no other is created before', async () => {
    const testbed = await createPair()
    const dead = without(testbed, 'us-west-1', 'eu-west-1')
    expect((await refusal(rotate(dead.engine)))[2]).toBe(
      'version 2 was created, and it becomes the latest as soon as one provider has it',
    )
    await refusal(rotate(dead.engine))
    expect(await latest(testbed)).toEqual([1, 2])
    await refusal(rotate(without(testbed, 'eu-west-1').engine))
    expect(await latest(testbed)).toEqual([2, undefined])
  })

  it('is the latest once there is no distribution that it waits for', async () => {
    const testbed = await createDistributed()
    await refusal(rotate(without(testbed, 'us-west-1').engine))
    expect(await latest(testbed)).toEqual([1, 2])
    await removeDistribution(testbed.engine, 'k', 'app')
    expect(await latest(testbed)).toEqual([2, undefined])
  })

  it('does not wait for a KMS key that AWS lost before it was filled', async () => {
    const testbed = await createDistributed()
    const lossy = recorded(testbed, () => ({ importMaterial: unreachable }))
    await refusal(rotate(lossy.engine))
    testbed.kms.keys.splice(1, 1)
    await rotate(testbed.engine)
    expect(await latest(testbed)).toEqual([2, undefined])
    await rotate(testbed.engine)
    expect(await latest(testbed)).toEqual([3, undefined])
  })

  it('is the latest although the command was interrupted after it got there', async () => {
    const testbed = await createPair()
    const stopped = new KeymgmtError('INTERRUPTED', 'interrupted')
    const half = recorded(testbed, (provider) =>
      provider.region === 'eu-west-1' ? { create: () => Promise.reject(stopped) } : {},
    )
    expect((await refusal(rotate(half.engine)))[0]).toBe('INTERRUPTED')
    expect(await latest(testbed)).toEqual([2, undefined])
    expect(await behind(testbed)).toEqual([['other', [2], undefined]])
  })
})

describe('rotate without=PROVIDER', () => {
  it('creates a version at once, leaves the named one alone, and says so', async () => {
    const testbed = await createPair()
    const half = without(testbed, 'eu-west-1')
    await refusal(rotate(half.engine))
    half.calls.length = 0
    const leaving = (engine: Engine) => rotateKey(engine, 'app', { without: ['other'] })
    expect(await outcomesOf(half.engine, leaving)).toEqual([
      'skipped other 3 create',
      'done k 3 create',
      'done k alias point-alias',
    ])
    expect(await latest(testbed)).toEqual([3, undefined])
    expect(await behind(testbed)).toEqual([['other', [2, 3], 'no route']])
    await leaving(half.engine)
    await rotate(testbed.engine)
    expect([await latest(testbed), await behind(testbed)]).toEqual([[4, undefined], []])
    expect([kmsKeysIn(testbed, 'us-west-1'), kmsKeysIn(testbed, 'eu-west-1')]).toEqual([4, 4])
  })

  it('records that the provider was left out', async () => {
    const testbed = await createPair()
    await rotateKey(testbed.engine, 'app', { without: ['other'] })
    expect(await behind(testbed)).toEqual([['other', [2], 'left out of the rotation (without)']])
    expect(kmsKeysIn(testbed, 'eu-west-1')).toBe(1)
  })

  it('does not wait for a named provider, even if it is the only one', async () => {
    const testbed = await createDistributed()
    const dead = without(testbed, 'us-west-1')
    await refusal(rotate(dead.engine))
    expect(await latest(testbed)).toEqual([1, 2])
    await rotateKey(dead.engine, 'app', { without: ['k'] })
    expect(await latest(testbed)).toEqual([2, undefined])
    await rotateKey(dead.engine, 'app', { without: ['k'] })
    expect(await latest(testbed)).toEqual([3, undefined])
  })

  it('still brings other providers that are behind up to date, and creates no version', async () => {
    const testbed = await createPair()
    await refusal(rotate(without(testbed, 'us-west-1', 'eu-west-1').engine))
    await rotateKey(testbed.engine, 'app', { without: ['other'] })
    expect(await latest(testbed)).toEqual([2, undefined])
    expect(await behind(testbed)).toEqual([['other', [2], 'no route']])
  })

  it('refuses a provider that the key is not in, and changes nothing', async () => {
    const testbed = await createPair()
    const refused = (name: string) =>
      refusal(rotateKey(testbed.engine, 'app', { without: ['k', name] }))
    expect(await refused('othr')).toEqual([
      'FIELD_INVALID',
      '"without" names no provider that app is in',
      'did you mean "other"?',
      'app is distributed to k, other',
    ])
    expect((await refusal(rotateKey(testbed.engine, 'app', { without: [] }))).slice(1)).toEqual([
      '"without" names no provider that app is in',
      'app is distributed to k, other',
    ])
    expect((await refused('nothing-like-it')).slice(2)).toEqual(['app is distributed to k, other'])
    expect(await latest(testbed)).toEqual([1, undefined])
  })
})

describe('distributions that are never behind', () => {
  it('is a removed or revoked distribution; restore imports the versions created meanwhile', async () => {
    const testbed = await createPair()
    await revokeDistribution(testbed.engine, 'k', 'app')
    await removeDistribution(testbed.engine, 'other', 'app')
    await rotate(testbed.engine)
    await rotate(testbed.engine)
    expect([await latest(testbed), await behind(testbed)]).toEqual([[3, undefined], []])
    for (const provider of ['k', 'other'])
      await restoreDistribution(testbed.engine, provider, 'app')
    expect(await behind(testbed)).toEqual([])
    for (const region of ['us-west-1', 'eu-west-1'])
      expect(shown(testbed).filter((line) => line.includes(region))).toEqual([
        `app version 1 ${region} enabled`,
        `app version 2 ${region} enabled`,
        `app version 3 ${region} enabled`,
        `${region} alias/hashicorp/app-TIME is app version 3`,
      ])
  })

  it('is a lost KMS key', async () => {
    const testbed = await createDistributed()
    testbed.kms.keys.length = 0
    await repairDistribution(testbed.engine, 'k', 'app')
    expect(await behind(testbed)).toEqual([])
    await rotate(testbed.engine)
    expect(await latest(testbed)).toEqual([2, undefined])
  })
})

it('a distribution with a Region out of reach is behind', async () => {
  const testbed = await createDistributed(GLOBAL)
  const half = recorded(testbed, (provider) => ({
    replicate: (key, region, request) =>
      region === 'eu-west-1' ? unreachable() : provider.replicate(key, region, request),
  }))
  await refusal(replicate(half.engine, 'k', 'app'))
  expect(await behind(testbed)).toEqual([['k', [1], 'no route']])
  await refusal(rotate(half.engine))
  expect(await latest(testbed)).toEqual([1, undefined])
})

it('one provider out of reach does not prevent an import of own material into the others', async () => {
  const testbed = await createPair()
  const half = without(testbed, 'eu-west-1')
  await refusal(rotate(half.engine))
  const material = randomBytes(32)
  const own = (engine: Engine) => importVersion(engine, 'app', { material, type: 'aes256-gcm96' })
  for (let attempt = 0; attempt < 2; attempt++)
    expect((await refusal(own(half.engine)))[0]).toBe('KMS_UNREACHABLE')
  expect(await latest(testbed)).toEqual([3, undefined])
  await own(testbed.engine)
  expect([await latest(testbed), await behind(testbed)]).toEqual([[3, undefined], []])
})

it('own material waits for a pending version that no provider has', async () => {
  const testbed = await createDistributed()
  const dead = without(testbed, 'us-west-1')
  await refusal(rotate(dead.engine))
  const own = (engine: Engine) =>
    importVersion(engine, 'app', { material: randomBytes(32), type: 'aes256-gcm96' })
  expect((await refusal(own(dead.engine)))[0]).toBe('KMS_UNREACHABLE')
  expect(await latest(testbed)).toEqual([1, 2])
  await own(testbed.engine)
  expect(await latest(testbed)).toEqual([3, undefined])
})

it('a rotation without kms:ListAliases says that the next one finishes it', async () => {
  const testbed = await createDistributed()
  const denied = () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied'))
  const { engine } = recorded(testbed, () => ({ aliasTargets: denied }))
  expect(await refusal(rotateKey(engine, 'app'))).toEqual([
    'KMS_ACCESS_DENIED',
    'denied',
    'version 2 was created, and it becomes the latest as soon as one provider has it',
    'to bring k up to date without another version: keymgmt write -f keymgmt/key/app/rotate',
    'to rotate without it: keymgmt write keymgmt/key/app/rotate without=k',
  ])
  expect((await rotateKey(testbed.engine, 'app')).latestVersion).toBe(2)
  expect(await findProblems(testbed)).toEqual([])
})
