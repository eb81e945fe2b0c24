import { describe, expect, it } from '@jest/globals'
import { join } from 'node:path'
import type { RootKey } from '../../../src/crypto/root-key.js'
import { openSealedLocalStore, type OpenedStore } from '../../../src/store/index.js'
import { rotateRootKey } from '../../../src/store/rotate.js'
import { openEnvelope } from '../../../src/store/sealed.js'
import { sealedStoreOn } from './s3/open.js'
import { TIMES, textOf, useTwoPlaces } from './two-places.js'

const places = useTwoPlaces()
const local = () =>
  openSealedLocalStore({ storeDir: join(places.folder, 'data'), keyfile: places.keyfile() })
const onS3 = (leaseTimes = TIMES) => sealedStoreOn(places.server, places.keyfile(), { leaseTimes })
const rotate = async (opened: OpenedStore, progress: (message: string) => void = () => undefined) =>
  rotateRootKey({ place: await opened.place(), seals: opened.seals, progress })
const rootOf = async ({ seals }: OpenedStore): Promise<RootKey> => {
  const header = await seals.header()
  if (!header) throw new Error('the store has no header')
  return seals.open(header)
}
/** The paths of the records that do not open with a root key. */
const unopened = async (opened: OpenedStore, { key, storeId }: RootKey) => {
  const place = await opened.place()
  const paths: string[] = []
  for (const path of await place.paths()) {
    const stored = await place.records.get(path)
    try {
      openEnvelope({ key, storeId }, path, stored?.value ?? Buffer.alloc(0))
    } catch {
      paths.push(path)
    }
  }
  return paths.sort()
}

describe.each([
  ['a local store', local],
  ['a store on S3', onS3],
])('the rotation of the root key of %s', (_kind, open) => {
  it('seals every record under a new root key, and the old root key opens no record', async () => {
    await open().initialize()
    const { store } = open()
    const revision = await store.put('key/app', Buffer.from('one'), undefined)
    await store.put('kms/k', Buffer.from('two'), undefined)
    const [old, id] = [await rootOf(open()), await store.id()]
    expect(await rotate(open())).toEqual({ storeId: id, records: 2, resealed: 2 })
    expect(await unopened(open(), old)).toEqual(['key/app', 'kms/k'])
    expect(await unopened(open(), await rootOf(open()))).toEqual([])
    expect(await open().seals.header()).not.toHaveProperty('previous')
    expect([await textOf(open(), 'key/app'), await open().store.id()]).toEqual(['one', id])
    // A command that began before it goes on, also with a revision that it read before.
    expect(await textOf({ ...open(), store }, 'kms/k')).toBe('two')
    await store.put('key/app', Buffer.from('three'), revision)
    await store.put('key/new', Buffer.from('four'), undefined)
    expect(await unopened(open(), await rootOf(open()))).toEqual([])
    await expect(store.put('key/app', Buffer.from('five'), revision)).rejects.toMatchObject({
      code: 'STORE_CONFLICT',
    })
  })

  it('loses no write of commands that run meanwhile, and no command fails', async () => {
    await open().initialize()
    const acknowledged = new Map<string, string>()
    const errors: unknown[] = []
    let stops = false
    const writer = async (name: string) => {
      for (let n = 1; !stops; n++) {
        const { store } = open()
        const lock = await store.lock(name, 'test')
        try {
          const before = await store.get(name)
          // Other work between the read and the write.
          await new Promise((resolve) => setTimeout(resolve, 5))
          await store.put(name, Buffer.from(String(n)), before?.revision)
          acknowledged.set(name, String(n))
          await store.put(`${name}/${n}`, Buffer.from('new'), undefined)
          acknowledged.set(`${name}/${n}`, 'new')
        } finally {
          await lock.release()
        }
      }
    }
    const writers = ['key/a', 'key/b', 'key/c'].map((name) =>
      writer(name).catch((error: unknown) => errors.push(error)),
    )
    for (let rotation = 1; rotation <= 2; rotation++) {
      const wanted = acknowledged.size + 10
      while (acknowledged.size < wanted && errors.length === 0)
        await new Promise((resolve) => setTimeout(resolve, 5))
      await rotate(open())
    }
    stops = true
    await Promise.all(writers)
    expect(errors).toEqual([])
    expect(await unopened(open(), await rootOf(open()))).toEqual([])
    for (const [path, value] of acknowledged)
      expect([path, await textOf(open(), path)]).toEqual([path, value])
  })

  it('is completed by the same call after an interruption; until then, everything works', async () => {
    await open().initialize()
    for (const name of ['a', 'b', 'c'])
      await open().store.put(`key/${name}`, Buffer.from(name), undefined)
    const old = await rootOf(open())
    await expect(
      rotate(open(), () => {
        throw new Error('interrupted')
      }),
    ).rejects.toThrow('interrupted')
    const opened = open()
    for (const name of ['a', 'b', 'c']) expect(await textOf(opened, `key/${name}`)).toBe(name)
    const found = await opened.store.get('key/a')
    await opened.store.put('key/a', Buffer.from('changed'), found?.revision)
    await opened.store.put('key/d', Buffer.from('d'), undefined)
    const first = await rootOf(open())
    await rotate(open())
    expect(Buffer.from((await rootOf(open())).key).equals(first.key)).toBe(true)
    expect(await unopened(open(), old)).toEqual(['key/a', 'key/b', 'key/c', 'key/d'])
    expect(await textOf(open(), 'key/a')).toBe('changed')
    expect(await open().seals.header()).not.toHaveProperty('previous')
  })

  it('names a record that opens with neither root key, and drops none of them', async () => {
    await open().initialize()
    await open().store.put('key/app', Buffer.from('one'), undefined)
    const { records } = await open().place()
    const stored = await records.get('key/app')
    const damaged = Buffer.from(stored?.value ?? [])
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
    const revision = await records.put('key/app', damaged, stored?.revision)
    await expect(rotate(open())).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('key/app'),
    })
    expect(await open().seals.header()).toHaveProperty('previous')
    await records.put('key/app', stored?.value ?? Buffer.alloc(0), revision)
    await rotate(open())
    expect(await textOf(open(), 'key/app')).toBe('one')
  })
})

it('a write whose lease has run out, and that arrives late, is sealed again', async () => {
  await onS3().initialize()
  // This writer's lease is never renewed, as if its machine slept.
  const { store } = onS3({ ...TIMES, renewMs: 60_000 })
  const lock = await store.lock('key/late', 'test')
  await store.get('key/late')
  let arrive: () => void = () => undefined
  const late = new Promise<void>((resolve) => {
    arrive = resolve
  })
  places.hold = ({ method, key }) =>
    method === 'PUT' && key === 'prod/records/key/late' ? late : undefined
  const writing = store.put('key/late', Buffer.from('late'), undefined)
  writing.catch(() => undefined)
  await rotate(onS3())
  arrive()
  await writing
  await lock.release()
  expect(await textOf(onS3(), 'key/late')).toBe('late')
  expect(await unopened(onS3(), await rootOf(onS3()))).toEqual([])
})
