import { describe, expect, it } from '@jest/globals'
import type { Outcome } from '../../../src/core/engine.js'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { trimKey } from '../../../src/core/operations/trim.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { readKey } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import { verificationResponse } from '../../../src/paths/verification.js'
import {
  AES,
  createDistributed,
  DAY_MS,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  shown,
  type Testbed,
} from './testbed.js'

/** The key `app` with `count` versions, of which the last is enabled. */
async function createVersions(count: number, change = {}): Promise<Testbed> {
  const testbed = await createDistributed(change)
  if ('replicaRegions' in change) await replicate(testbed.engine, 'k', 'app')
  for (let version = 2; version <= count; version++) await rotateKey(testbed.engine, 'app')
  await saveKey(testbed.engine, 'app', { minEnabledVersion: count })
  return testbed
}

const trimmedTo = async ({ engine }: Pick<Testbed, 'engine'>) =>
  (await readKey(engine, 'app'))?.minAvailableVersion
const keysOf = (testbed: Testbed) => shown(testbed).filter((line) => !line.includes(' is '))
const use = ({ kms }: Testbed, version: number, daysAgo: number) => {
  const key = kms.keys[version - 1]
  if (key) key.lastUse = { at: new Date(Date.now() - daysAgo * DAY_MS), operation: 'Decrypt' }
}
const calls = (testbed: ReturnType<typeof recorded>) => testbed.calls.splice(0)

describe('trim', () => {
  it('schedules the KMS keys of lower versions for deletion, and no other', async () => {
    const testbed = recorded(await createVersions(4))
    const trim = await trimKey(testbed.engine, 'app', 3)
    expect(calls(testbed)).toEqual([
      `scheduleDeletion ${HOME} 1 30`,
      `scheduleDeletion ${HOME} 2 30`,
    ])
    expect(trim).toMatchObject({ scheduled: 2, cancelled: 0, before: 0 })
    expect(
      trim.uses.map(({ version, use: last }) => [version, 'last' in last && last.last]),
    ).toEqual([
      [1, undefined],
      [2, undefined],
    ])
    expect(await trimmedTo(testbed)).toBe(3)
    expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toEqual([])
    await trimKey(testbed.engine, 'app', 3)
    expect(calls(testbed)).toEqual([])
  })

  it('schedules replicas before their primary', async () => {
    const testbed = recorded(await createVersions(2, GLOBAL))
    await trimKey(testbed.engine, 'app', 2)
    const taken = calls(testbed)
    expect(taken.slice(0, 2).sort()).toEqual([
      'scheduleDeletion eu-west-1 1 30',
      'scheduleDeletion us-east-1 1 30',
    ])
    expect(taken.slice(2)).toEqual([`scheduleDeletion ${HOME} 1 30`])
  })

  it('removes the aliases of the versions first, and brings them back', async () => {
    const base = await createVersions(3)
    await distribute(base.engine, 'k', 'app', { ...AES, versionAliases: true })
    const testbed = recorded(base)
    await trimKey(testbed.engine, 'app', 3)
    const taken = calls(testbed)
    expect(taken.slice(0, 2).sort()).toEqual([
      `removeAlias ${HOME} app-TIME/v1`,
      `removeAlias ${HOME} app-TIME/v2`,
    ])
    await trimKey(testbed.engine, 'app', 0)
    expect(shown(testbed).filter((line) => line.includes('/v'))).toHaveLength(3)
  })

  it('deletes no KMS key in a Region where an alias could not be removed', async () => {
    const base = await createVersions(3)
    await distribute(base.engine, 'k', 'app', { ...AES, versionAliases: true })
    const failing = recorded(base, () => ({
      removeAlias: () => Promise.reject(new KeymgmtError('KMS_FAILED', 'no')),
    }))
    await refusal(trimKey(failing.engine, 'app', 3))
    expect(keysOf(base).filter((line) => line.includes('pending'))).toEqual([])
  })

  it('cancels the deletion of versions from a lower number up; 0 cancels all', async () => {
    const testbed = recorded(await createVersions(4))
    await trimKey(testbed.engine, 'app', 4)
    calls(testbed)
    expect(await trimKey(testbed.engine, 'app', 2)).toMatchObject({ scheduled: 0, cancelled: 2 })
    expect(keysOf(testbed)).toEqual([
      `app version 1 ${HOME} pending-deletion`,
      `app version 2 ${HOME} disabled`,
      `app version 3 ${HOME} disabled`,
      `app version 4 ${HOME} enabled`,
    ])
    expect(await trimKey(testbed.engine, 'app', 0)).toMatchObject({ scheduled: 0, cancelled: 1 })
    expect(keysOf(testbed)[0]).toBe(`app version 1 ${HOME} disabled`)
    expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toEqual([])
  })

  it('is refused above min_enabled_version, which then can only go up', async () => {
    const { engine } = await createVersions(3)
    await saveKey(engine, 'app', { minEnabledVersion: 2 })
    expect(await refusal(trimKey(engine, 'app', 3))).toEqual([
      'FIELD_INVALID',
      'min_available_version=3 is above min_enabled_version=2: only disabled versions can be trimmed',
      'first disable them, and watch for errors: keymgmt write keymgmt/key/app min_enabled_version=3',
    ])
    // No min_enabled_version would allow it, and the value may have come from a file.
    expect(await refusal(trimKey(engine, 'app', 100_000_000_000))).toEqual([
      'FIELD_INVALID',
      'min_available_version is not a version of this key',
      'its latest version is 3',
    ])
    await trimKey(engine, 'app', 2)
    for (const minEnabledVersion of [0, 1])
      expect(await refusal(saveKey(engine, 'app', { minEnabledVersion }))).toEqual([
        'FIELD_INVALID',
        'min_enabled_version is below 2, and the versions below that are trimmed',
        `first make them available again: keymgmt write keymgmt/key/app/trim min_available_version=${minEnabledVersion}`,
      ])
    await saveKey(engine, 'app', { minEnabledVersion: 3 })
  })
})

describe('a version in use', () => {
  it.each([
    ['was used 29 days ago', 29, 'it was last used on .* \\(Decrypt\\)'],
    ['was used 31 days ago', 31, undefined],
  ])('that %s', async (_name, days, problem) => {
    const testbed = await createVersions(2)
    use(testbed, 1, days)
    if (problem === undefined) {
      await trimKey(testbed.engine, 'app', 2)
      return
    }
    const [code, message = '', ...hints] = await refusal(trimKey(testbed.engine, 'app', 2))
    expect([code, hints.at(-1)]).toEqual([
      'KMS_KEY_IN_USE',
      'to trim them anyway: keymgmt write keymgmt/key/app/trim min_available_version=2 allow_recent_use=true',
    ])
    expect(message).toMatch(new RegExp(`version 1 in k, ${HOME}: ${problem}`))
    expect([await trimmedTo(testbed), keysOf(testbed)[0]]).toEqual([
      undefined,
      `app version 1 ${HOME} disabled`,
    ])
    await trimKey(testbed.engine, 'app', 2, { allowRecentUse: true })
    expect(keysOf(testbed)[0]).toMatch('pending-deletion')
  })

  it.each([
    [
      'AWS denies the question',
      () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'AWS denied it')),
    ],
    [
      'AWS began to record uses too late',
      () =>
        Promise.resolve({
          last: undefined,
          created: new Date(Date.now() - 40 * DAY_MS),
          trackedSince: new Date(Date.now() - 10 * DAY_MS),
        }),
    ],
  ])('is assumed if %s', async (_name, lastUse) => {
    const testbed = recorded(await createVersions(2), () => ({ lastUse }))
    const [code, message] = await refusal(trimKey(testbed.engine, 'app', 2))
    expect([code, message]).toEqual(['KMS_KEY_IN_USE', expect.stringContaining('unknown')])
    expect(testbed.calls).toEqual([])
    await trimKey(testbed.engine, 'app', 2, { allowRecentUse: true })
  })
})

describe('a trim that did not finish', () => {
  const interrupted = async () => {
    const base = await createVersions(3)
    const failing = recorded(base, (provider) => ({
      scheduleDeletion: (region, key, days) =>
        key.id === base.kms.keys[1]?.key.id
          ? Promise.reject(new KeymgmtError('KMS_UNREACHABLE', 'no route'))
          : provider.scheduleDeletion(region, key, days),
    }))
    const outcomes: Outcome[] = []
    const engine = { ...failing.engine, outcome: (each: Outcome) => outcomes.push(each) }
    const error = await refusal(trimKey(engine, 'app', 3))
    return { base, outcomes, error }
  }

  it('names both ways forward', async () => {
    const { outcomes, error } = await interrupted()
    expect(error.slice(-2)).toEqual([
      'to finish it: keymgmt write keymgmt/key/app/trim min_available_version=3',
      'to cancel it: keymgmt write keymgmt/key/app/trim min_available_version=0',
    ])
    expect(outcomes.map(({ version, action, state }) => [version, action, state]).sort()).toEqual([
      [1, 'schedule-deletion', 'done'],
      [2, 'schedule-deletion', 'failed'],
    ])
  })

  it('is finished by no other command, which says so', async () => {
    const { base } = await interrupted()
    const testbed = recorded(base)
    await rotateKey(testbed.engine, 'app')
    await saveKey(testbed.engine, 'app', { minEnabledVersion: 4 })
    await repairDistribution(testbed.engine, 'k', 'app')
    expect(calls(testbed).filter((call) => call.startsWith('scheduleDeletion'))).toEqual([])
    expect(testbed.notices).toContain(
      'Skipped the trim of app in k, which did not finish: to finish it: keymgmt write keymgmt/key/app/trim min_available_version=3; to cancel it: keymgmt write keymgmt/key/app/trim min_available_version=0',
    )
    const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
    expect(differences.map(({ what, version, repairable }) => [what, version, repairable])).toEqual(
      [
        ['unfinished', undefined, false],
        ['state', 2, false],
      ],
    )
  })

  it('is finished by the same command, or cancelled by 0', async () => {
    const { base } = await interrupted()
    await trimKey(base.engine, 'app', 3)
    expect(keysOf(base).slice(0, 2)).toEqual([
      `app version 1 ${HOME} pending-deletion`,
      `app version 2 ${HOME} pending-deletion`,
    ])
    const other = await interrupted()
    await trimKey(other.base.engine, 'app', 0)
    expect(keysOf(other.base).filter((line) => line.includes('pending'))).toEqual([])
  })

  it('is finished by the same command after somebody else cancelled a deletion', async () => {
    const testbed = await createVersions(2)
    await trimKey(testbed.engine, 'app', 2)
    const provider = await testbed.kms.kind.open({ region: HOME, credentials: {} })
    const [first] = testbed.kms.keys
    if (first) await provider.cancelDeletion(HOME, first.key)
    const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
    expect(differences).toMatchObject([
      { what: 'state', expected: 'pending-deletion', found: 'disabled', repairable: false },
    ])
    await trimKey(testbed.engine, 'app', 2)
    expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toEqual([])
  })
})

describe('the trimmed versions', () => {
  const trimmed = async () => {
    const testbed = await createVersions(3)
    await trimKey(testbed.engine, 'app', 3)
    return testbed
  }

  it('are in no new distribution, rotation or repair', async () => {
    const testbed = recorded(await trimmed())
    await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
    await distribute(testbed.engine, 'other', 'app', { ...AES, versionAliases: true })
    await rotateKey(testbed.engine, 'app')
    await repairDistribution(testbed.engine, 'k', 'app')
    expect(keysOf(testbed).filter((line) => /version [12] /.test(line))).toEqual([
      `app version 1 ${HOME} pending-deletion`,
      `app version 2 ${HOME} pending-deletion`,
    ])
    expect((await verifyDistribution(testbed.engine, 'other', 'app', false)).differences).toEqual(
      [],
    )
  })

  it('are shown as trimmed, before and after AWS has deleted their KMS keys', async () => {
    const testbed = await trimmed()
    const states = async () => {
      const { data } = verificationResponse(
        await verifyDistribution(testbed.engine, 'k', 'app', false),
      )
      const { kms_keys: kmsKeys } = data as { kms_keys: { state: string }[] }
      return [data?.verified, ...kmsKeys.map(({ state }) => state)]
    }
    expect(await states()).toEqual([true, 'trimmed', 'trimmed', 'enabled'])
    testbed.kms.keys.splice(0, 2)
    expect(await states()).toEqual([true, 'trimmed', 'trimmed', 'enabled'])
    expect(await repairDistribution(testbed.engine, 'k', 'app')).toMatchObject({ remaining: [] })
    expect(await states()).toEqual([true, 'trimmed', 'trimmed', 'enabled'])
    const outcomes: Outcome[] = []
    const engine = { ...testbed.engine, outcome: (each: Outcome) => outcomes.push(each) }
    await trimKey(engine, 'app', 0)
    expect(outcomes.map(({ version, state }) => [version, state])).toEqual([
      [1, 'lost'],
      [2, 'lost'],
    ])
  })

  it('stay trimmed through a removal, a revocation and a restore', async () => {
    const testbed = await trimmed()
    await removeDistribution(testbed.engine, 'k', 'app')
    await restoreDistribution(testbed.engine, 'k', 'app')
    await revokeDistribution(testbed.engine, 'k', 'app')
    await restoreDistribution(testbed.engine, 'k', 'app')
    expect(keysOf(testbed)).toEqual([
      `app version 1 ${HOME} pending-deletion`,
      `app version 2 ${HOME} pending-deletion`,
      `app version 3 ${HOME} enabled`,
    ])
    testbed.kms.keys.splice(0, 2)
    await removeDistribution(testbed.engine, 'k', 'app')
    testbed.notices.splice(0)
    await restoreDistribution(testbed.engine, 'k', 'app')
    expect(testbed.notices).toEqual([])
    await removeDistribution(testbed.engine, 'k', 'app')
    await distribute(testbed.engine, 'k', 'app', AES)
    expect(keysOf(testbed)).toEqual([`app version 3 ${HOME} enabled`])
  })

  it('are not adopted', async () => {
    const { engine } = await trimmed()
    await saveProvider(engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
    expect(await refusal(adopt(engine, 'other', 'app', { kmsKeyId: 'any', version: 2 }))).toEqual([
      'FIELD_INVALID',
      'version 2 of app is trimmed',
      'first make it available again: keymgmt write keymgmt/key/app/trim min_available_version=2',
    ])
  })

  it('are trimmed in a revoked distribution, too', async () => {
    const testbed = await createVersions(2)
    await revokeDistribution(testbed.engine, 'k', 'app')
    await trimKey(testbed.engine, 'app', 2)
    expect(keysOf(testbed)).toEqual([
      `app version 1 ${HOME} pending-deletion`,
      `app version 2 ${HOME} empty`,
    ])
  })
})

it('a KMS key that is rotated in place is left alone', async () => {
  const testbed = await createDistributed()
  await saveProvider(testbed.engine, 'place', { provider: 'awskms', keyCollection: 'eu-west-1' })
  await distribute(testbed.engine, 'place', 'app', { ...AES, rotation: 'in_place' })
  await rotateKey(testbed.engine, 'app')
  await saveKey(testbed.engine, 'app', { minEnabledVersion: 2 })
  const outcomes: Outcome[] = []
  const engine = { ...testbed.engine, outcome: (each: Outcome) => outcomes.push(each) }
  await trimKey(engine, 'app', 2)
  expect(outcomes.map(({ provider, version, state }) => [provider, version, state])).toEqual([
    ['place', 1, 'not-applicable'],
    ['k', 1, 'done'],
  ])
  expect(keysOf(testbed)).toContain('app, rotated in place eu-west-1 enabled')
})
