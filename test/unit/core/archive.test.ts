import { describe, expect, it } from '@jest/globals'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import type { Engine } from '../../../src/core/engine.js'
import { deleteKey, saveKey } from '../../../src/core/operations/keys.js'
import { readDistribution, requireKey } from '../../../src/core/records/repository.js'
import { deleteProvider, saveProvider } from '../../../src/core/operations/providers.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { recordPath } from '../../../src/core/records/model.js'
import { openRecord } from '../../../src/core/records/record.js'
import { archivedOf } from '../../../src/core/records/archive.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  AES,
  createTestbed,
  createDistributed,
  DAY_MS,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  watched,
  SIGN,
} from './testbed.js'

// Removed distributions stay on record until AWS has deleted their KMS keys.

const GONE = (purpose: string) => [
  'KMS_KEY_NOT_FOUND',
  'AWS has deleted the KMS keys of app in k',
  'nothing brings them back',
  `to distribute it with new KMS keys: keymgmt write keymgmt/kms/k/key/app purpose=${purpose}`,
]
const NOT_REMOVED = [
  'DISTRIBUTION_NOT_FOUND',
  'key "app" was not removed from k: there is nothing to restore',
  'to list its providers: keymgmt list keymgmt/key/app/kms',
]

/** The same engine, `ms` later. */
const later = (engine: Engine, ms: number): Engine => ({
  ...engine,
  now: () => new Date(Date.now() + ms),
})
const remove = (engine: Engine, kms = 'k', key = 'app') => removeDistribution(engine, kms, key)
const restore = (engine: Engine, kms = 'k', key = 'app') => restoreDistribution(engine, kms, key)
const archived = async (engine: Engine) =>
  (await archivedOf(engine, (await requireKey(engine, 'app')).current)).map(
    ({ providerName, gone, record }) => [providerName, gone, record.purpose.join()],
  )

describe('a removed distribution', () => {
  it('is restored in reverse order of removal, and leaves the archive', async () => {
    const { engine, store } = await createTestbed()
    await saveKey(engine, 'app', { type: 'rsa-2048' })
    await distribute(engine, 'k', 'app', SIGN)
    await remove(engine)
    await distribute(later(engine, 2_000), 'k', 'app', AES)
    await remove(engine)
    expect(await archived(engine)).toEqual([
      ['k', false, 'decrypt,encrypt'],
      ['k', false, 'sign,verify'],
    ])
    await restore(engine)
    expect((await readDistribution(engine, 'k', 'app'))?.purpose).toEqual(['decrypt', 'encrypt'])
    expect(await archived(engine)).toEqual([['k', false, 'sign,verify']])
    expect(await store.list('archive/k')).toHaveLength(1)
  })

  it('is not restored in another provider', async () => {
    const { engine } = await createDistributed()
    await remove(engine)
    await saveProvider(engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
    await distribute(later(engine, 2_000), 'other', 'app', AES)
    await remove(engine, 'other')
    expect((await archived(engine)).map(([kms]) => kms)).toEqual(['other', 'k'])
    await restore(engine)
    expect(await readDistribution(engine, 'k', 'app')).toMatchObject({
      state: 'active',
      regions: [HOME],
    })
    expect((await archived(engine)).map(([kms]) => kms)).toEqual(['other'])
  })

  it.each(['app-1', 'app-1700000000'])(
    "is found by its name, which begins with the key's: %s",
    async (name) => {
      const { engine } = await createDistributed()
      await saveKey(engine, name, { type: 'aes256-gcm96' })
      await distribute(engine, 'k', name, AES)
      await remove(engine)
      await remove(engine, 'k', name)
      const read: string[] = []
      const store = watched(engine.store, (call, [path]) => {
        if (call === 'get') read.push(String(path))
      })
      expect(
        await archivedOf({ ...engine, store }, (await requireKey(engine, name)).current),
      ).toMatchObject([{ providerName: 'k' }])
      expect(read).toEqual([expect.stringMatching(`^archive/k/${name}-\\d{10}$`)])
      await restore(engine, 'k', name)
      expect(await readDistribution(engine, 'k', name)).toMatchObject({ state: 'active' })
    },
  )

  it('is not restored for a later key of the same name', async () => {
    const { engine, kms, store } = await createDistributed({ deletionAllowed: true })
    await remove(engine)
    await (await requireKey(engine, 'app')).remove()
    await saveKey(engine, 'app', { type: 'aes256-gcm96' })
    expect(await refusal(restore(engine))).toEqual(NOT_REMOVED)
    await distribute(engine, 'k', 'app', AES)
    expect(kms.keys).toHaveLength(2)
    await remove(engine)
    expect(await store.list('archive/k')).toHaveLength(2)
  })

  it('is ignored if it disappears during the search', async () => {
    const testbed = await createDistributed()
    await remove(testbed.engine)
    const { key, store } = {
      key: (await requireKey(testbed.engine, 'app')).current,
      store: { ...testbed.store, get: () => Promise.resolve(undefined) },
    }
    expect(await archivedOf({ ...testbed.engine, store }, key)).toEqual([])
  })

  it('is not restored after AWS has deleted all its KMS keys', async () => {
    const { engine, kms } = await createDistributed(GLOBAL)
    await replicate(engine, 'k', 'app')
    await remove(engine)
    kms.keys.length = 0
    expect(await refusal(restore(engine))).toEqual(GONE('decrypt,encrypt'))
    expect(await readDistribution(engine, 'k', 'app')).toBeUndefined()
  })

  it.each([1, 2])('is restored without %d KMS keys that AWS has deleted', async (count) => {
    const { engine, kms } = await createDistributed(GLOBAL)
    await replicate(engine, 'k', 'app')
    await remove(engine)
    kms.keys.splice(0, count)
    await restore(engine)
    expect(kms.keys.map(({ deletion, enabled }) => [deletion, enabled])).toEqual(
      kms.keys.map(() => [undefined, true]),
    )
    expect(
      (await readDistribution(engine, 'k', 'app'))?.kmsKeys.filter(({ state }) => state === 'lost'),
    ).toHaveLength(count)
  })

  it('that never had a KMS key is created again', async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    const failing = recorded(testbed, () => ({
      create: () => Promise.reject(new KeymgmtError('KMS_LIMIT', 'too many')),
    }))
    expect(await refusal(distribute(failing.engine, 'k', 'app', AES))).toEqual([
      'KMS_LIMIT',
      'too many',
    ])
    expect(await remove(testbed.engine)).toEqual([])
    expect(await archived(testbed.engine)).toEqual([['k', true, 'decrypt,encrypt']])
    expect(await refusal(restore(testbed.engine))).toEqual(GONE('decrypt,encrypt'))
    const { engine, calls, notices } = recorded(testbed)
    await distribute(engine, 'k', 'app', AES)
    expect([calls.slice(0, 2), notices, await archived(engine)]).toEqual([
      ['account', 'create 1'],
      [],
      [],
    ])
  })

  it('is looked up in its own provider, not in another one of that name', async () => {
    const { engine } = await createDistributed()
    await remove(engine)
    const provider = await openRecord(engine.store, recordPath.provider('k'))
    await provider?.remove()
    expect((await refusal(restore(engine)))[0]).toBe('KMS_NOT_FOUND')
    await saveProvider(engine, 'k', { provider: 'awskms', keyCollection: 'eu-west-1' })
    expect((await refusal(restore(engine)))[0]).toBe('DISTRIBUTION_DIFFERS')
    await distribute(later(engine, 2_000), 'k', 'app', AES)
    expect(await readDistribution(engine, 'k', 'app')).toMatchObject({ regions: ['eu-west-1'] })
  })

  it('expires after the latest deletion date, and not before all KMS keys have one', async () => {
    const { engine, kms } = await createDistributed()
    await remove(engine)
    const at = kms.keys[0]?.deletion as Date
    expect(await archived({ ...engine, now: () => at })).toEqual([['k', false, 'decrypt,encrypt']])
    expect(await archived({ ...engine, now: () => new Date(at.getTime() + 1) })).toEqual([
      ['k', true, 'decrypt,encrypt'],
    ])
    const wide = await createDistributed(GLOBAL)
    await replicate(wide.engine, 'k', 'app')
    await remove(wide.engine)
    expect(await archived(later(wide.engine, 365 * DAY_MS))).toEqual([
      ['k', false, 'decrypt,encrypt'],
    ])
  })

  it('is dropped if it has expired and the key is distributed again, and is kept until then', async () => {
    const { engine, kms } = await createDistributed()
    await remove(engine)
    kms.keys.length = 0
    await distribute(later(engine, 2_000), 'k', 'app', AES)
    expect(await archived(engine)).toHaveLength(1)
    await remove(engine)
    kms.keys.length = 0
    await distribute(later(engine, 40 * DAY_MS), 'k', 'app', AES)
    expect(await archived(engine)).toEqual([])
  })

  it('may be dropped by another command at the same time', async () => {
    const testbed = await createDistributed()
    await remove(testbed.engine)
    testbed.kms.keys.length = 0
    let reads = 0
    const get = (path: string) =>
      path.startsWith('archive/') && reads++ > 0
        ? Promise.resolve(undefined)
        : testbed.store.get(path)
    const { engine } = recorded({ ...testbed, store: { ...testbed.store, get } })
    await distribute(later(engine, 40 * DAY_MS), 'k', 'app', AES)
    expect([reads, testbed.kms.keys.length]).toEqual([3, 1])
  })

  it('keeps its key while a KMS key without its material can be restored', async () => {
    const { engine, kms } = await createDistributed({ deletionAllowed: true })
    await revokeDistribution(engine, 'k', 'app')
    await remove(engine)
    expect((await refusal(deleteKey(engine, 'app')))[0]).toBe('KEY_IN_USE')
    await restore(engine)
    expect(kms.keys[0]).toMatchObject({ enabled: true, deletion: undefined })
  })

  const DELETIONS = [
    ['key', 'KEY_IN_USE', (engine: Engine) => deleteKey(engine, 'app')],
    ['provider', 'KMS_IN_USE', (engine: Engine) => deleteProvider(engine, 'k')],
  ] as const
  it.each(DELETIONS)(
    'keeps its %s until AWS has deleted the KMS keys',
    async (_what, code, attempt) => {
      const { engine, kms, store } = await createDistributed({ deletionAllowed: true })
      await remove(engine)
      const date = (kms.keys[0]?.deletion as Date).toISOString()
      const words = [
        code,
        `the removed distribution of app to k can be restored until ${date}`,
        'to restore it: keymgmt write -f keymgmt/kms/k/key/app/restore',
        'or wait until AWS has deleted the last of its KMS keys',
        'if k can never be reached again: keymgmt write -f keymgmt/kms/k/key/app/forget allow_orphans=true',
      ]
      expect(await refusal(attempt(engine))).toEqual(words)
      // The local clock is ahead, and AWS still has the KMS key.
      expect(await refusal(attempt(later(engine, 40 * DAY_MS)))).toEqual(words)
      const [kept] = kms.keys.splice(0)
      // AWS hides the KMS key from these credentials, and its deletion date is not over.
      expect(await refusal(attempt(engine))).toEqual(words)
      expect(kept).toBeDefined()
      await attempt(later(engine, 40 * DAY_MS))
      expect(await store.list('archive/k')).toEqual([])
    },
  )

  it.each(DELETIONS)(
    "keeps its %s while a primary waits for its replicas, and while AWS can't be reached",
    async (_what, code, attempt) => {
      const testbed = await createDistributed({ ...GLOBAL, deletionAllowed: true })
      await replicate(testbed.engine, 'k', 'app')
      await remove(testbed.engine)
      testbed.kms.keys.splice(1)
      expect((await refusal(attempt(later(testbed.engine, 40 * DAY_MS))))[0]).toBe(code)
      const failing = recorded(testbed, () => ({
        inspect: () => Promise.reject(new KeymgmtError('KMS_UNREACHABLE', 'failed')),
      }))
      expect((await refusal(attempt(later(failing.engine, 40 * DAY_MS))))[0]).toBe(
        'KMS_UNREACHABLE',
      )
      testbed.kms.keys.splice(0)
      await attempt(later(testbed.engine, 40 * DAY_MS))
    },
  )
})
