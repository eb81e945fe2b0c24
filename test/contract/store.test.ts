import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MAX_NAME_LENGTH, MAX_SEGMENT_LENGTH } from '../../src/names.js'
import {
  createLocalStore,
  createMemoryStore,
  createOverlayStore,
  createSealedStore,
  openSealedLocalStore,
  type Revision,
  type Store,
  type StoredRecord,
} from '../../src/store/index.js'
import { parseS3Url } from '../../src/store/s3/address.js'
import { createS3Store } from '../../src/store/s3/bucket-store.js'
import { S3_ENV, startS3Server, storeUrl, type S3Server } from '../support/s3-server.js'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
const newStoreDir = () => {
  const folder = mkdtempSync(join(tmpdir(), 'keymgmt-store-'))
  folders.push(folder)
  return join(folder, 'data')
}

let s3: S3Server
beforeAll(async () => {
  s3 = await startS3Server({ pageSize: 3 })
})
afterAll(() => s3.close())
const newS3Store = () =>
  createS3Store({
    address: parseS3Url(storeUrl(s3, randomBytes(8).toString('hex')), 'KEYMGMT_STORE'),
    env: S3_ENV,
    signal: new AbortController().signal,
  })

/** Every implementation, with a function that creates a new, empty one. */
const STORES: readonly (readonly [string, () => Store])[] = [
  ['memory', createMemoryStore],
  ['local', () => createLocalStore({ storeDir: newStoreDir() })],
  ['S3', newS3Store],
  [
    'sealed S3',
    () => {
      const root = { key: randomBytes(32), storeId: randomBytes(8).toString('hex') }
      return createSealedStore(newS3Store(), () => Promise.resolve(root))
    },
  ],
  ['overlay', () => createOverlayStore(createMemoryStore())],
  [
    'sealed memory',
    () => {
      const root = { key: randomBytes(32), storeId: randomBytes(8).toString('hex') }
      return createSealedStore(createMemoryStore(), () => Promise.resolve(root))
    },
  ],
  [
    'sealed local',
    () => {
      const storeDir = newStoreDir()
      return openSealedLocalStore({ storeDir, keyfile: join(storeDir, 'keyfile') }).store
    },
  ],
]

describe.each(STORES)('the %s store', (_name, create) => {
  const bytes = (text: string) => Buffer.from(text)
  const text = (found: StoredRecord | undefined) => Buffer.from(found?.value ?? []).toString()

  it('returns the value and the revision of the last put, and undefined without one', async () => {
    const store = create()
    expect(await store.get('key/app')).toBeUndefined()
    const first = await store.put('key/app', bytes('one'), undefined)
    const second = await store.put('key/app', bytes('two'), first)
    const found = await store.get('key/app')
    expect([found?.revision, text(found)]).toEqual([second, 'two'])
  })

  it('changes the revision with each put, even if the value stays the same', async () => {
    const store = create()
    const revisions = [await store.put('key/app', bytes('same'), undefined)]
    for (let n = 0; n < 3; n++)
      revisions.push(await store.put('key/app', bytes('same'), revisions.at(-1)))
    expect(new Set(revisions).size).toBe(4)
  })

  it('refuses a change that expects another revision, and changes nothing', async () => {
    const store = create()
    const old = await store.put('key/app', bytes('old'), undefined)
    await store.put('key/app', bytes('one'), old)
    const attempts = [
      () => store.put('key/app', bytes('x'), undefined),
      () => store.put('key/app', bytes('x'), old),
      () => store.put('key/app', bytes('x'), 'unknown'),
      () => store.put('key/none', bytes('x'), old),
      () => store.put('key/none', bytes('x'), 'unknown'),
      () => store.delete('key/app', old),
      () => store.delete('key/app', 'unknown'),
      () => store.delete('key/none', old),
      () => store.delete('key/none', 'unknown'),
    ]
    for (const attempt of attempts) {
      await expect(attempt()).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
    }
    expect(text(await store.get('key/app'))).toBe('one')
    expect(await store.get('key/none')).toBeUndefined()
  })

  it('refuses the revision of a record that was deleted and created again', async () => {
    const store = create()
    const first = await store.put('key/app', bytes('one'), undefined)
    await store.delete('key/app', first)
    await store.put('key/app', bytes('two'), undefined)
    await expect(store.put('key/app', bytes('x'), first)).rejects.toMatchObject({
      code: 'STORE_CONFLICT',
    })
    await expect(store.delete('key/app', first)).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
    expect(text(await store.get('key/app'))).toBe('two')
  })

  it('lists names and folders once, sorted, without deleted ones', async () => {
    const store = create()
    const revisions = new Map<string, Revision>()
    for (const path of ['d/b', 'd/b/x', 'd/b/y', 'd/a', 'd/C', 'e/z'])
      revisions.set(path, await store.put(path, bytes('x'), undefined))
    const remove = (path: string) => store.delete(path, revisions.get(path) ?? '')
    expect(await store.list('d')).toEqual(['C', 'a', 'b'])
    expect(await store.list('nothing')).toEqual([])
    await remove('d/b/x')
    await remove('d/b')
    expect(await store.list('d')).toEqual(['C', 'a', 'b'])
    await remove('d/b/y')
    expect(await store.list('d')).toEqual(['C', 'a'])
  })

  it('distinguishes names by case', async () => {
    const store = create()
    await store.put('key/App', bytes('upper'), undefined)
    expect(await store.get('key/app')).toBeUndefined()
  })

  it('gives a lock to one holder at a time', async () => {
    const store = create()
    let holders = 0
    await Promise.all(
      Array.from({ length: 5 }, async (_, n) => {
        const lock = await store.lock('key/app', 'test')
        expect(++holders).toBe(1)
        await store.put(`key/${n}`, bytes('x'), undefined)
        holders--
        await lock.release()
      }),
    )
  })

  it('lets only one of several puts replace the same revision', async () => {
    const store = create()
    const results = await Promise.allSettled(
      [1, 2, 3].map((n) => store.put('key/app', bytes(String(n)), undefined)),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const first = (await store.get('key/app'))?.revision
    const replaced = await Promise.allSettled(
      [1, 2, 3].map((n) => store.put('key/app', bytes(String(n)), first)),
    )
    expect(replaced.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('shares no bytes with its callers', async () => {
    const store = create()
    const value = bytes('one')
    await store.put('key/app', value, undefined)
    value.fill(0)
    ;(await store.get('key/app'))?.value.fill(0)
    expect(text(await store.get('key/app'))).toBe('one')
  })

  it('accepts a new record after a delete', async () => {
    const store = create()
    await store.delete('key/app', await store.put('key/app', bytes('one'), undefined))
    expect(await store.get('key/app')).toBeUndefined()
    await store.put('key/app', bytes('two'), undefined)
    expect(text(await store.get('key/app'))).toBe('two')
  })

  it('separates records of any name from each other and from folders of that name', async () => {
    const store = create()
    const paths = [
      'key',
      'key/app',
      'key/app/one',
      'key/app/one/x',
      'key/app.json',
      'key/app.json/one',
      'key/app.JSON/one',
      'key/APP',
      'key/aPP',
      'key/a.b',
      'key/app.lock/x',
      'key/app.draft',
      'key/__proto__',
      'key/con',
      'key/con/x',
      'key/Con.x',
      'key/com1.a.b',
      'key/_',
      `key/${'n'.repeat(MAX_SEGMENT_LENGTH)}`,
      `key/${'N'.repeat(MAX_SEGMENT_LENGTH / 2)}/x`,
      `retired/${'N'.repeat(MAX_NAME_LENGTH)}/${'N'.repeat(MAX_NAME_LENGTH)}-1785400000`,
    ]
    const revisions = new Map<string, Revision>()
    for (const path of paths) revisions.set(path, await store.put(path, bytes(path), undefined))
    for (const path of paths) expect(text(await store.get(path))).toBe(path)
    const below = (folder: string) =>
      [
        ...new Set(
          paths
            .filter((path) => path.startsWith(`${folder}/`))
            .map((path) => path.split('/')[folder.split('/').length] ?? ''),
        ),
      ].sort()
    for (const folder of ['key', 'key/app', 'key/app.json', 'key/con', 'key/none'])
      expect(await store.list(folder)).toEqual(below(folder))
    await store.delete('key/app', revisions.get('key/app') ?? '')
    expect(await store.list('key')).toEqual(below('key'))
    for (const path of paths.slice(2)) await (await store.lock(path, 'test')).release()
  })

  it.each([
    '',
    '/',
    '.',
    '..',
    '../keyfile',
    'key/..',
    'key/../kms',
    'key//app',
    '/key',
    'key/',
    '/etc/passwd',
    'C:/x',
    'key\\app',
    'key/a\0b',
    'key/.hidden',
    'key/a b',
    'key/dash-',
    'key/é',
    `key/${'n'.repeat(MAX_SEGMENT_LENGTH + 1)}`,
    `key/${'N'.repeat(MAX_SEGMENT_LENGTH / 2 + 1)}`,
  ])('refuses an invalid path: %j', async (path) => {
    const store = create()
    const attempts = [
      () => store.get(path),
      () => store.put(path, bytes('x'), undefined),
      () => store.list(path),
      () => store.delete(path, 'unknown'),
      () => store.lock(path, 'test'),
    ]
    for (const attempt of attempts)
      await expect(attempt()).rejects.toMatchObject({ code: 'FIELD_INVALID' })
  })

  it('has a unique id that never changes', async () => {
    const store = create()
    const id = await store.id()
    expect(id).not.toBe('')
    expect(await store.id()).toBe(id)
    expect(await create().id()).not.toBe(id)
    await store.put('key/app', bytes('x'), undefined)
    expect(await store.id()).toBe(id)
  })

  it('ignores the second release of a lock', async () => {
    const store = create()
    const first = await store.lock('key/app', 'first')
    await first.release()
    const second = await store.lock('key/app', 'second')
    await first.release()
    const order: string[] = []
    const third = store.lock('key/app', 'third').then((lock) => {
      order.push('third acquires')
      return lock
    })
    for (let n = 0; n < 20; n++) await store.put(`key/${n}`, bytes('x'), undefined)
    order.push('second releases')
    await second.release()
    await (await third).release()
    expect(order).toEqual(['second releases', 'third acquires'])
  })
})
