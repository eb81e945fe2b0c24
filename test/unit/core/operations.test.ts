import { describe, expect, it } from '@jest/globals'
import { distribute, readInterruption, replicate } from '../../../src/core/operations/distribute.js'
import { deleteKey, saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { readDistribution, readKey } from '../../../src/core/records/repository.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  AES,
  testbedOver,
  createTestbed,
  createDistributed,
  DAY_MS,
  GLOBAL,
  HOME,
  refusal,
  shown,
} from './testbed.js'

// The operations of the core and their errors. The KMS in memory passes the contract test of every
// KMS.

describe('a key', () => {
  it("is created with Vault's defaults, or with the requested type", async () => {
    const { engine } = await createTestbed()
    await saveKey(engine, 'one', {})
    await saveKey(engine, 'two', {
      type: 'ed25519',
      deletionAllowed: true,
      minEnabledVersion: 0,
      replicaRegions: ['eu-west-1', 'eu-west-1'],
    })
    expect(await readKey(engine, 'one')).toMatchObject({
      name: 'one',
      type: 'rsa-2048',
      deletionAllowed: false,
      minEnabledVersion: 1,
      latestVersion: 1,
      replicaRegions: [],
    })
    expect(await readKey(engine, 'two')).toMatchObject({
      type: 'ed25519',
      deletionAllowed: true,
      minEnabledVersion: 0,
      replicaRegions: ['eu-west-1'],
    })
    expect((await readKey(engine, 'two'))?.versions[1]?.publicKey).toMatch(
      /^-----BEGIN PUBLIC KEY-----/,
    )
    expect(await readKey(engine, 'none')).toBeUndefined()
  })

  it('keeps immutable settings, and those that are not specified', async () => {
    const { engine } = await createDistributed(GLOBAL)
    expect(await refusal(saveKey(engine, 'app', { type: 'rsa-2048' }))).toEqual([
      'FIELD_IMMUTABLE',
      'field "type" is aes256-gcm96 and can\'t be changed',
      'create another key with another name',
    ])
    expect(await refusal(saveKey(engine, 'app', { replicaRegions: ['eu-west-1'] }))).toEqual([
      'FIELD_IMMUTABLE',
      'field "replica_regions" is eu-west-1,us-east-1 and can\'t be changed',
      'create another key with another name',
    ])
    await saveKey(engine, 'app', {
      type: 'aes256-gcm96',
      replicaRegions: ['us-east-1', 'eu-west-1'],
      deletionAllowed: true,
    })
    await saveKey(engine, 'app', { minEnabledVersion: 0 })
    expect(await readKey(engine, 'app')).toMatchObject({
      deletionAllowed: true,
      minEnabledVersion: 0,
    })
    await saveKey(engine, 'bare', { type: 'aes256-gcm96' })
    expect(
      (await refusal(saveKey(engine, 'bare', { replicaRegions: ['eu-west-1'] })))[1],
    ).toContain('is not set and')
  })

  it.each([-1, 2])('refuses the minimum enabled version %d', async (minimum) => {
    const { engine } = await createDistributed()
    const words = [
      'FIELD_INVALID',
      'min_enabled_version is not a version of this key',
      'its latest version is 1; use 0 to 1, where 0 enables all versions',
    ]
    expect(await refusal(saveKey(engine, 'app', { minEnabledVersion: minimum }))).toEqual(words)
    expect(await refusal(saveKey(engine, 'new', { minEnabledVersion: minimum }))).toEqual(words)
    expect(await readKey(engine, 'new')).toBeUndefined()
  })

  it('is rotated in its distributions, and disabled below the minimum enabled version', async () => {
    const testbed = await createDistributed()
    await rotateKey(testbed.engine, 'app')
    expect((await rotateKey(testbed.engine, 'app')).latestVersion).toBe(3)
    await saveKey(testbed.engine, 'app', { minEnabledVersion: 3 })
    expect(shown(testbed)).toEqual([
      `app version 1 ${HOME} disabled`,
      `app version 2 ${HOME} disabled`,
      `app version 3 ${HOME} enabled`,
      `${HOME} alias/hashicorp/app-TIME is app version 3`,
    ])
    await saveKey(testbed.engine, 'app', { minEnabledVersion: 2 })
    expect(shown(testbed)).toContain(`app version 2 ${HOME} enabled`)
    expect(testbed.notices).toEqual([])
  })

  it('that does not exist is neither rotated nor distributed', async () => {
    const { engine } = await createTestbed()
    const words = [
      'KEY_NOT_FOUND',
      'key "app" not found',
      'to create it: keymgmt write -f keymgmt/key/app type=aes256-gcm96',
      'to list all keys: keymgmt list keymgmt/key',
    ]
    expect(await refusal(rotateKey(engine, 'app'))).toEqual(words)
    expect(await refusal(distribute(engine, 'k', 'app', AES))).toEqual(words)
  })

  it('is deleted with its material if that is allowed and no distribution needs it', async () => {
    const { engine, kms, store } = await createDistributed()
    await saveKey(engine, 'app', { deletionAllowed: true })
    expect(await refusal(deleteKey(engine, 'app'))).toEqual([
      'KEY_IN_USE',
      'app is distributed to k',
      'to remove it from k: keymgmt delete keymgmt/kms/k/key/app',
      'if k can never be reached again: keymgmt write -f keymgmt/kms/k/key/app/forget allow_orphans=true',
    ])
    await revokeDistribution(engine, 'k', 'app')
    await removeDistribution(engine, 'k', 'app')
    expect(await refusal(deleteKey(engine, 'app'))).toEqual([
      'KEY_IN_USE',
      expect.stringMatching(
        /^the removed distribution of app to k can be restored until \d{4}-\d\d-\d\dT/,
      ),
      'to restore it: keymgmt write -f keymgmt/kms/k/key/app/restore',
      'or wait until AWS has deleted the last of its KMS keys',
      'if k can never be reached again: keymgmt write -f keymgmt/kms/k/key/app/forget allow_orphans=true',
    ])
    kms.keys.length = 0
    await deleteKey({ ...engine, now: () => new Date(Date.now() + 31 * DAY_MS) }, 'app')
    expect([await readKey(engine, 'app'), await store.list('material/app')]).toEqual([
      undefined,
      [],
    ])
    await deleteKey(engine, 'app')
    await saveKey(engine, 'kept', { type: 'aes256-gcm96' })
    expect(await refusal(deleteKey(engine, 'kept'))).toEqual([
      'KEY_PROTECTED',
      'deletion of kept is not allowed',
      'to allow it: keymgmt write keymgmt/key/kept deletion_allowed=true',
    ])
  })
})

describe('a key whose deletion was interrupted', () => {
  it('names no material that is gone', async () => {
    const { engine } = await createTestbed()
    await saveKey(engine, 'app', { type: 'aes256-gcm96', deletionAllowed: true })
    const remove = (path: string, revision: string) =>
      path === 'key/app' ? Promise.reject(new Error('killed')) : engine.store.delete(path, revision)
    const interrupted = { ...engine, store: { ...engine.store, delete: remove } }
    await expect(deleteKey(interrupted, 'app')).rejects.toThrow('killed')
    expect((await readKey(engine, 'app'))?.versions[1]?.material).toEqual({ state: 'not-in-store' })
    await deleteKey(engine, 'app')
    expect(await readKey(engine, 'app')).toBeUndefined()
  })
})

describe('a distribution', () => {
  it('has a KMS key for each version, tagged, and an alias', async () => {
    const testbed = await createTestbed()
    const engine = { ...testbed.engine, now: () => new Date(1_688_559_292_173) }
    await saveKey(engine, 'my.app', { type: 'aes256-gcm96' })
    await distribute(engine, 'k', 'my.app', { ...AES, purpose: ['encrypt', 'decrypt', 'encrypt'] })
    expect(shown(testbed)).toEqual([
      `my.app version 1 ${HOME} enabled`,
      `${HOME} alias/hashicorp/my_app-TIME is my.app version 1`,
    ])
    expect(await readDistribution(engine, 'k', 'my.app')).toMatchObject({
      name: 'my.app-1688559292',
      distributionTime: '2023-07-05T12:14:52.173Z',
      purpose: ['decrypt', 'encrypt'],
      protection: 'hsm',
      regions: [HOME],
      state: 'active',
    })
    const key = await readKey(engine, 'my.app')
    expect(Object.fromEntries(testbed.kms.keys[0]?.tags ?? [])).toMatchObject({
      'managed-by': 'keymgmt',
      'keymgmt:store': await testbed.store.id(),
      'keymgmt:key': 'my.app',
      'keymgmt:key-id': key?.id,
      'keymgmt:version': '1',
    })
  })

  it('can be repeated, and is refused with other settings', async () => {
    const testbed = await createDistributed()
    const before = shown(testbed)
    await distribute(testbed.engine, 'k', 'app', AES)
    expect(shown(testbed)).toEqual(before)
    await saveKey(testbed.engine, 'pair', { type: 'rsa-2048' })
    await distribute(testbed.engine, 'k', 'pair', {
      purpose: ['sign', 'verify'],
      protection: 'hsm',
    })
    expect(await refusal(distribute(testbed.engine, 'k', 'pair', AES))).toEqual([
      'DISTRIBUTION_DIFFERS',
      "pair is already distributed to k with purpose=sign,verify protection=hsm rotation=alias, which can't be changed",
      'to change that, first remove the distribution, whose KMS keys AWS then deletes: keymgmt delete keymgmt/kms/k/key/pair',
    ])
  })

  it('creates version aliases on request, and keeps them until they are turned off', async () => {
    const testbed = await createDistributed()
    await distribute(testbed.engine, 'k', 'app', { ...AES, versionAliases: true })
    await rotateKey(testbed.engine, 'app')
    expect(shown(testbed).filter((line) => line.includes('alias'))).toEqual([
      `${HOME} alias/hashicorp/app-TIME is app version 2`,
      `${HOME} alias/hashicorp/app-TIME/v1 is app version 1`,
      `${HOME} alias/hashicorp/app-TIME/v2 is app version 2`,
    ])
    await distribute(testbed.engine, 'k', 'app', AES)
    expect(testbed.kms.aliases.size).toBe(3)
    await distribute(testbed.engine, 'k', 'app', { ...AES, versionAliases: false })
    expect(testbed.kms.aliases.size).toBe(1)
  })

  it('is rotated in every Region, and removed with its primaries last', async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    await rotateKey(testbed.engine, 'app')
    expect(testbed.kms.keys.map(({ region }) => region).sort()).toEqual([
      'eu-west-1',
      'eu-west-1',
      'us-east-1',
      'us-east-1',
      HOME,
      HOME,
    ])
    expect(testbed.kms.aliases.size).toBe(3)
    await replicate(testbed.engine, 'k', 'app')
    const scheduled = await removeDistribution(testbed.engine, 'k', 'app', 7)
    expect(scheduled).toHaveLength(6)
    expect(scheduled.filter(({ date }) => date === undefined).map(({ region }) => region)).toEqual([
      HOME,
      HOME,
    ])
    expect([testbed.kms.keys.every(({ deletion }) => deletion), testbed.kms.aliases.size]).toEqual([
      true,
      0,
    ])
  })

  it('is replicated only if it exists and its key has replica Regions', async () => {
    const { engine } = await createDistributed()
    expect(await refusal(replicate(engine, 'k', 'app'))).toEqual([
      'NO_REPLICA_REGIONS',
      'key app does not have replica_regions',
      'replica_regions can be set only when a key is created; to create another key: keymgmt write keymgmt/key/app-2 type=aes256-gcm96 replica_regions=us-east-1,eu-west-1',
    ])
    await saveKey(engine, 'wide', { type: 'aes256-gcm96', ...GLOBAL })
    expect(await refusal(replicate(engine, 'k', 'wide'))).toEqual([
      'DISTRIBUTION_NOT_FOUND',
      'key "wide" is not distributed to k',
      'to distribute it: keymgmt write keymgmt/kms/k/key/wide purpose=encrypt,decrypt',
    ])
  })

  it('that was interrupted is finished by the next write to the key, which says so', async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    const { kind } = testbed.kms
    const failing = testbedOver(testbed.store, testbed.kms, {
      ...kind,
      open: async (settings) => ({
        ...(await kind.open(settings)),
        pointAlias: () => Promise.reject(new KeymgmtError('KMS_FAILED', 'failed')),
      }),
    })
    expect(await refusal(distribute(failing.engine, 'k', 'app', AES))).toEqual([
      'KMS_FAILED',
      'failed',
    ])
    expect(await readInterruption(testbed.engine, 'k', 'app')).toBe('distribution')
    expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toMatchObject(
      [
        {
          what: 'unfinished',
          region: HOME,
          expected: 'every command finished',
          found: 'lacks version 1: failed',
          repairable: true,
        },
        { what: 'alias' },
      ],
    )
    expect(await refusal(distribute(failing.engine, 'k', 'app', AES))).toEqual([
      'KMS_FAILED',
      'failed',
    ])
    // The same command again does what it was asked to do, and nothing besides.
    expect([...failing.notices, ...testbed.notices]).toEqual([])
    await saveKey(testbed.engine, 'app', { deletionAllowed: true })
    expect(testbed.notices).toEqual(['Also bringing up to date: app in k lacks version 1 (failed)'])
    expect(await readInterruption(testbed.engine, 'k', 'app')).toBeUndefined()
    expect(await refusal(rotateKey(failing.engine, 'app'))).toEqual([
      'KMS_FAILED',
      'failed',
      'version 2 was created, and it becomes the latest as soon as one provider has it',
      'to bring k up to date without another version: keymgmt write -f keymgmt/key/app/rotate',
      'to rotate without it: keymgmt write keymgmt/key/app/rotate without=k',
    ])
    expect(await readKey(testbed.engine, 'app')).toMatchObject({
      latestVersion: 1,
      pendingVersion: 2,
    })
    expect((await rotateKey(testbed.engine, 'app')).latestVersion).toBe(2)
    expect(testbed.notices[1]).toBe(
      'No version is created, because app in k lacks version 2 (failed). This rotation only brings the key up to date. To create version 3, rotate again afterwards.',
    )
    expect(await readKey(testbed.engine, 'app')).not.toHaveProperty('pendingVersion')
  })
})

describe('a removal or revocation', () => {
  it('has the requested waiting period, and can be reversed until AWS has deleted the KMS keys', async () => {
    const testbed = await createDistributed()
    const before = shown(testbed)
    const [{ date = '' } = {}] = await removeDistribution(testbed.engine, 'k', 'app', 7)
    expect(Math.round((new Date(date).getTime() - Date.now()) / DAY_MS)).toBe(7)
    expect(await readDistribution(testbed.engine, 'k', 'app')).toBeUndefined()
    expect(await removeDistribution(testbed.engine, 'k', 'app')).toEqual([])
    await restoreDistribution(testbed.engine, 'k', 'app')
    expect(shown(testbed)).toEqual(before)
    const [later] = await removeDistribution(testbed.engine, 'k', 'app')
    expect(Math.round((new Date(later?.date ?? 0).getTime() - Date.now()) / DAY_MS)).toBe(30)
    testbed.kms.keys.length = 0
    expect(await refusal(restoreDistribution(testbed.engine, 'k', 'app'))).toEqual([
      'KMS_KEY_NOT_FOUND',
      'AWS has deleted the KMS keys of app in k',
      'nothing brings them back',
      'to distribute it with new KMS keys: keymgmt write keymgmt/kms/k/key/app purpose=decrypt,encrypt',
    ])
    await distribute(testbed.engine, 'k', 'app', AES)
    expect(testbed.kms.keys).toHaveLength(1)
  })

  it('is reversed by distributing again, with a notice', async () => {
    const testbed = await createDistributed()
    await removeDistribution(testbed.engine, 'k', 'app')
    await distribute(testbed.engine, 'k', 'app', AES)
    expect(testbed.kms.keys).toHaveLength(1)
    expect(testbed.notices).toEqual([
      expect.stringMatching(
        /^Bringing back the KMS keys that were scheduled for deletion with app-\d+$/,
      ),
    ])
  })

  it('is not reversed for another purpose', async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'rsa-2048' })
    await distribute(testbed.engine, 'k', 'app', { purpose: ['sign', 'verify'], protection: 'hsm' })
    await removeDistribution(testbed.engine, 'k', 'app')
    await distribute({ ...testbed.engine, now: () => new Date(Date.now() + 2000) }, 'k', 'app', AES)
    expect(testbed.kms.keys).toHaveLength(2)
  })

  it('of the material alone is reversed with the same material', async () => {
    const testbed = await createDistributed()
    await revokeDistribution(testbed.engine, 'k', 'app')
    await revokeDistribution(testbed.engine, 'k', 'app')
    expect(shown(testbed)[0]).toBe(`app version 1 ${HOME} empty`)
    expect(await refusal(distribute(testbed.engine, 'k', 'app', AES))).toEqual([
      'DISTRIBUTION_DIFFERS',
      'app is already distributed to k, and its material is revoked',
      'to bring the material back: keymgmt write -f keymgmt/kms/k/key/app/restore',
    ])
    expect((await verifyDistribution(testbed.engine, 'k', 'app', true)).differences).toEqual([])
    await restoreDistribution(testbed.engine, 'k', 'app')
    expect((await verifyDistribution(testbed.engine, 'k', 'app', true)).differences).toEqual([])
    expect(shown(testbed)[0]).toBe(`app version 1 ${HOME} enabled`)
  })

  it('is needed before a restore', async () => {
    const { engine } = await createTestbed()
    await saveKey(engine, 'app', { type: 'aes256-gcm96' })
    expect(await refusal(revokeDistribution(engine, 'k', 'app'))).toEqual([
      'DISTRIBUTION_NOT_FOUND',
      'key "app" is not distributed to k',
      'to distribute it: keymgmt write keymgmt/kms/k/key/app purpose=encrypt,decrypt',
    ])
    expect(await refusal(restoreDistribution(engine, 'k', 'app'))).toEqual([
      'DISTRIBUTION_NOT_FOUND',
      'key "app" was not removed from k: there is nothing to restore',
      'to list its providers: keymgmt list keymgmt/key/app/kms',
    ])
  })
})

describe('verify and repair', () => {
  it('find and fix changes that somebody else made', async () => {
    const testbed = await createDistributed()
    await rotateKey(testbed.engine, 'app')
    const [first, second] = testbed.kms.keys
    if (!first || !second) throw new Error('there are no two KMS keys')
    Object.assign(first, { material: undefined, expires: new Date(0) })
    first.tags.delete('keymgmt:key')
    second.enabled = false
    testbed.kms.aliases.clear()
    const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', true)
    const alias = (await readDistribution(testbed.engine, 'k', 'app'))?.name ?? ''
    const nextStep = 'keymgmt write -f keymgmt/kms/k/key/app/repair'
    const at = { region: HOME, repairable: true, nextStep }
    expect(differences).toEqual([
      {
        ...at,
        what: 'state',
        version: 1,
        subject: first.key.id,
        expected: 'enabled',
        found: 'pending-import',
      },
      {
        ...at,
        what: 'expiry',
        version: 1,
        subject: first.key.id,
        expected: 'never',
        found: '1970-01-01T00:00:00.000Z',
      },
      {
        ...at,
        what: 'tags',
        version: 1,
        subject: first.key.id,
        expected: "keymgmt's tags",
        found: 'missing or changed: keymgmt:key',
      },
      {
        ...at,
        what: 'state',
        version: 2,
        subject: second.key.id,
        expected: 'enabled',
        found: 'disabled',
      },
      {
        ...at,
        what: 'alias',
        version: 2,
        subject: `alias/hashicorp/${alias}`,
        expected: `names ${second.key.id}`,
        found: 'does not exist',
      },
    ])
    expect(await repairDistribution(testbed.engine, 'k', 'app')).toEqual({
      repaired: differences,
      remaining: [],
      unchecked: [],
    })
    expect((await verifyDistribution(testbed.engine, 'k', 'app', true)).differences).toEqual([])
  })

  it("cancel somebody else's deletion, and move an alias back", async () => {
    const testbed = await createDistributed()
    await rotateKey(testbed.engine, 'app')
    const [first, second] = testbed.kms.keys
    if (!first || !second) throw new Error('there are no two KMS keys')
    second.deletion = new Date(Date.now() + DAY_MS)
    for (const name of testbed.kms.aliases.keys()) testbed.kms.aliases.set(name, first.key.id)
    const { repaired } = await repairDistribution(testbed.engine, 'k', 'app')
    expect(repaired.map(({ what, expected, found }) => [what, expected, found])).toEqual([
      ['state', 'enabled', 'pending-deletion'],
      ['alias', `names ${second.key.id}`, `names ${first.key.id}`],
    ])
    expect((await verifyDistribution(testbed.engine, 'k', 'app', true)).differences).toEqual([])
  })

  it("can't fix deleted KMS keys or other material", async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'ecdsa-p256' })
    await distribute(testbed.engine, 'k', 'app', { purpose: ['sign', 'verify'], protection: 'hsm' })
    await rotateKey(testbed.engine, 'app')
    const [first, second] = testbed.kms.keys
    if (!first || !second) throw new Error('there are no two KMS keys')
    first.material = 'other'
    testbed.kms.keys.splice(1, 1)
    const { repaired, remaining } = await repairDistribution(testbed.engine, 'k', 'app')
    expect(repaired).toEqual([])
    expect(remaining).toEqual([
      {
        what: 'material',
        region: HOME,
        version: 1,
        subject: first.key.id,
        expected: 'the material in the store',
        found: 'other material',
        repairable: false,
        nextStep: expect.stringContaining(`--key-id ${first.key.id}`),
      },
      {
        what: 'kms-key',
        region: HOME,
        version: 2,
        subject: second.key.id,
        expected: 'exists',
        found: 'deleted',
        repairable: false,
        nextStep:
          'nothing brings it back; for a new KMS key: keymgmt write -f keymgmt/key/app/rotate',
      },
    ])
  })

  it('report missing and additional Regions', async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    testbed.kms.keys.splice(
      testbed.kms.keys.findIndex(({ region }) => region === 'us-east-1'),
      1,
    )
    const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
    expect(
      differences.map(({ what, region, expected, found, repairable }) => [
        what,
        region,
        expected,
        found,
        repairable,
      ]),
    ).toEqual([
      ['multi-region', HOME, 'us-west-1, eu-west-1, us-east-1', 'us-west-1, eu-west-1', false],
      [
        'multi-region',
        'eu-west-1',
        'us-west-1, eu-west-1, us-east-1',
        'us-west-1, eu-west-1',
        false,
      ],
      ['kms-key', 'us-east-1', 'exists', 'deleted', false],
    ])
  })
})
