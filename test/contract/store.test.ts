import { afterEach, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createLocalStore,
  createMemoryStore,
  createSealedStore,
  openHome,
  type Store,
} from '../../src/store/index.js'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
const newHome = () => {
  const made = mkdtempSync(join(tmpdir(), 'keymgmt-store-'))
  folders.push(made)
  return join(made, 'home')
}

/** Every implementation, by a function that makes a new, empty one. */
const STORES: readonly (readonly [string, () => Store])[] = [
  ['memory', createMemoryStore],
  ['local', () => createLocalStore({ home: newHome() })],
  [
    'sealed memory',
    () => {
      const root = { key: randomBytes(32), storeId: randomBytes(8).toString('hex') }
      return createSealedStore(createMemoryStore(), () => Promise.resolve(root))
    },
  ],
  [
    'home',
    () => {
      const home = newHome()
      return openHome({ home, keyfile: join(home, 'keyfile') }).store
    },
  ],
]

describe.each(STORES)('the %s store', (_name, create) => {
  const bytes = (text: string) => Buffer.from(text)

  it('gives back what it was given, and undefined for what it was not', async () => {
    const store = create()
    expect(await store.get('key/app')).toBeUndefined()
    expect(await store.put('key/app', bytes('one'), 0)).toBe(1)
    expect(await store.put('key/app', bytes('two'), 1)).toBe(2)
    const { revision, value } = (await store.get('key/app')) ?? { revision: 0, value: bytes('') }
    expect([revision, Buffer.from(value).toString()]).toEqual([2, 'two'])
  })

  it('refuses what is based on another revision, and changes nothing', async () => {
    const store = create()
    await store.put('key/app', bytes('one'), 0)
    const attempts = [
      () => store.put('key/app', bytes('x'), 0),
      () => store.put('key/app', bytes('x'), 2),
      () => store.put('key/none', bytes('x'), 1),
      () => store.delete('key/app', 2),
      () => store.delete('key/none', 1),
    ]
    for (const attempt of attempts) {
      await expect(attempt()).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
    }
    expect(Buffer.from((await store.get('key/app'))?.value ?? []).toString()).toBe('one')
  })

  it('lists names and folders once, sorted, and not what is deleted', async () => {
    const store = create()
    for (const path of ['d/b/x', 'd/b/y', 'd/a', 'd/C', 'e/z']) await store.put(path, bytes('x'), 0)
    expect(await store.list('d')).toEqual(['C', 'a', 'b'])
    expect(await store.list('nothing')).toEqual([])
    await store.delete('d/b/x', 1)
    await store.delete('d/b/y', 1)
    expect(await store.list('d')).toEqual(['C', 'a'])
  })

  it('tells names apart by case', async () => {
    const store = create()
    await store.put('key/App', bytes('upper'), 0)
    expect(await store.get('key/app')).toBeUndefined()
  })

  it('lets one at a time hold a lock', async () => {
    const store = create()
    const order: string[] = []
    const first = await store.lock('key/app', 'test')
    const second = store.lock('key/app', 'test').then(async (lock) => {
      order.push('second')
      await lock.release()
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    order.push('first')
    await first.release()
    await second
    expect(order).toEqual(['first', 'second'])
  })

  it('lets only one of two win the same revision', async () => {
    const store = create()
    const results = await Promise.allSettled(
      [1, 2, 3].map((n) => store.put('key/app', bytes(String(n)), 0)),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('keeps a copy of its own of what it is given and gives', async () => {
    const store = create()
    const given = bytes('one')
    await store.put('key/app', given, 0)
    given.fill(0)
    ;(await store.get('key/app'))?.value.fill(0)
    expect(Buffer.from((await store.get('key/app'))?.value ?? []).toString()).toBe('one')
  })

  it('is free for a new record after a delete', async () => {
    const store = create()
    await store.put('key/app', bytes('one'), 0)
    await store.delete('key/app', 1)
    expect(await store.get('key/app')).toBeUndefined()
    expect(await store.put('key/app', bytes('two'), 0)).toBe(1)
  })

  it('keeps records of any name apart from each other and from the folders of that name', async () => {
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
      `key/${'n'.repeat(240)}`,
      `key/${'N'.repeat(120)}/x`,
    ]
    for (const path of paths) await store.put(path, bytes(path), 0)
    for (const path of paths)
      expect(Buffer.from((await store.get(path))?.value ?? []).toString()).toBe(path)
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
    await store.delete('key/app', 1)
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
    `key/${'n'.repeat(241)}`,
    `key/${'N'.repeat(121)}`,
  ])('refuses a path that is none: %j', async (path) => {
    const store = create()
    const attempts = [
      () => store.get(path),
      () => store.put(path, bytes('x'), 0),
      () => store.list(path),
      () => store.delete(path, 1),
      () => store.lock(path, 'test'),
    ]
    for (const attempt of attempts)
      await expect(attempt()).rejects.toMatchObject({ code: 'FIELD_INVALID' })
  })

  it('has an id that no other store has', async () => {
    const store = create()
    const id = await store.id()
    expect(id).not.toBe('')
    expect(await store.id()).toBe(id)
    expect(await create().id()).not.toBe(id)
    await store.put('key/app', bytes('x'), 0)
    expect(await store.id()).toBe(id)
  })

  it('lets a released lock go once only', async () => {
    const store = create()
    const first = await store.lock('key/app', 'first')
    await first.release()
    const second = await store.lock('key/app', 'second')
    await first.release()
    let third = 'waits'
    const waiting = store.lock('key/app', 'third').then((lock) => {
      third = 'holds'
      return lock
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(third).toBe('waits')
    await second.release()
    await (await waiting).release()
  })
})
