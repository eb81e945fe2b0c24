import { describe, expect, it } from '@jest/globals'
import { join } from 'node:path'
import type { SealHeader } from '../../../src/crypto/root-key.js'
import { openSealedLocalStore, type OpenedStore } from '../../../src/store/index.js'
import { cancelMigration, migrateStore } from '../../../src/store/migrate.js'
import { storeUrl } from '../../support/s3-server.js'
import { sealedStoreOn } from './s3/open.js'
import { TIMES, textOf, useTwoPlaces } from './two-places.js'

const places = useTwoPlaces()
const local = (name: string) => () =>
  openSealedLocalStore({ storeDir: join(places.folder, name), keyfile: places.keyfile() })
const onS3 =
  (name: string, leaseTimes = TIMES) =>
  () =>
    sealedStoreOn(places.server, places.keyfile(), {
      url: storeUrl(places.server, name),
      leaseTimes,
    })
const migrate = async (from: OpenedStore, to: OpenedStore) =>
  migrateStore({
    from: await from.place(),
    to: await to.place(),
    open: (header) => from.seals.open(header),
    testBackend: () => Promise.resolve(),
    prepareSeals: () => undefined,
    progress: () => undefined,
  })

describe.each([
  ['local', local],
  ['S3', onS3],
])('a migration of a store: %s', (_kind, at) => {
  it('loses no write that was acknowledged', async () => {
    const [old, moved] = [at('old'), at('new')]
    await old().initialize()
    const acknowledged = new Map<string, string>()
    const deleted = new Set<string>()
    const errors: unknown[] = []
    /** Counts in one record, and creates and deletes others, each time as a new command. */
    const writer = async (name: string) => {
      for (let n = 1; ; n++) {
        const { store } = old()
        const lock = await store.lock(name, 'test')
        try {
          const before = await store.get(name)
          await store.put(name, Buffer.from(String(n)), before?.revision)
          acknowledged.set(name, String(n))
          const created = await store.put(`${name}/${n}`, Buffer.from('new'), undefined)
          acknowledged.set(`${name}/${n}`, 'new')
          if (n % 2 === 0) continue
          acknowledged.delete(`${name}/${n}`)
          await store.delete(`${name}/${n}`, created)
          deleted.add(`${name}/${n}`)
        } finally {
          await lock.release()
          // A local store never waits for anything.
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
      }
    }
    const writers = ['key/a', 'key/b', 'key/c', 'key/d'].map((name) =>
      writer(name).catch((error: unknown) => errors.push(error)),
    )
    while (acknowledged.size < 20 && errors.length === 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
    expect(errors).toEqual([])
    const { records } = await migrate(old(), moved())
    await Promise.all(writers)
    expect(errors.map((error) => (error as { code: string }).code)).toEqual(
      writers.map(() => 'STORE_MOVED'),
    )
    expect(records).toBeGreaterThanOrEqual(20)
    for (const [path, value] of acknowledged)
      expect([path, await textOf(moved(), path)]).toEqual([path, value])
    for (const path of deleted) expect(await moved().store.get(path)).toBeUndefined()
    expect(await (await moved().place()).state.read()).toBeUndefined()
  })

  it('copies the records written after a canceled migration, and removes the deleted ones', async () => {
    const [old, moved] = [at('old'), at('new')]
    const { store } = old()
    await old().initialize()
    const removed = await store.put('key/removed', Buffer.from('one'), undefined)
    const changed = await store.put('key/changed', Buffer.from('one'), undefined)
    const opened = old()
    const failing = {
      from: await old().place(),
      to: await moved().place(),
      open: (header: SealHeader) => opened.seals.open(header),
      testBackend: () => Promise.resolve(),
      progress: () => undefined,
      prepareSeals: () => {
        throw new Error('interrupted')
      },
    }
    await expect(migrateStore(failing)).rejects.toThrow('interrupted')
    await expect(moved().store.get('key/changed')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    })
    expect(await cancelMigration(await old().place())).toBe((await moved().place()).name)
    await store.delete('key/removed', removed)
    await store.put('key/changed', Buffer.from('two'), changed)
    await migrate(old(), moved())
    expect(await moved().store.list('key')).toEqual(['changed'])
    expect(await textOf(moved(), 'key/changed')).toBe('two')
  })

  it('reports a copy that does not open, and the old store can be kept', async () => {
    const [old, moved] = [at('old'), at('new')]
    await old().initialize()
    await old().store.put('key/app', Buffer.from('one'), undefined)
    const { records } = await old().place()
    const stored = await records.get('key/app')
    const damaged = Buffer.from(stored?.value ?? [])
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
    await records.put('key/app', damaged, stored?.revision)
    await expect(migrate(old(), moved())).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
    await cancelMigration(await old().place())
    await old().store.put('key/other', Buffer.from('one'), undefined)
  })
})

it('a write whose lease has run out, and that arrives late, is not acknowledged', async () => {
  const [old, moved] = [onS3('old'), onS3('new')]
  await old().initialize()
  // This writer's lease is never renewed, as if its machine slept.
  const { store } = onS3('old', { ...TIMES, renewMs: 60_000 })()
  const lock = await store.lock('key/late', 'test')
  let arrive: () => void = () => undefined
  const late = new Promise<void>((resolve) => {
    arrive = resolve
  })
  places.hold = ({ method, key }) =>
    method === 'PUT' && key === 'old/records/key/late' ? late : undefined
  const writing = store.put('key/late', Buffer.from('late'), undefined)
  writing.catch(() => undefined)
  await migrate(old(), moved())
  arrive()
  await expect(writing).rejects.toMatchObject({ code: 'STORE_MOVED' })
  await lock.release()
})
