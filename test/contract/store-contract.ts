import assert from 'node:assert/strict'
import { MAX_NAME_LENGTH, MAX_SEGMENT_LENGTH } from '../../src/names.js'
import type { Revision, Store, StoredRecord } from '../../src/store/index.js'

/** A promise that every store keeps. `create` returns a new, empty store. */
export interface Promised {
  readonly name: string
  readonly run: (create: () => Store) => Promise<void>
}

const bytes = (text: string) => Buffer.from(text)
const text = (found: StoredRecord | undefined) => Buffer.from(found?.value ?? []).toString()
const conflicts = (attempt: Promise<unknown>) => assert.rejects(attempt, { code: 'STORE_CONFLICT' })

/** Valid paths that a careless store would mix up. */
const PATHS = [
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

const INVALID_PATHS = [
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
]

/** The contract of a store, for a test runner and for `npm run conformance`. */
export const STORE_CONTRACT: readonly Promised[] = [
  {
    name: 'returns the value and the revision of the last put, and undefined without one',
    run: async (create) => {
      const store = create()
      assert.equal(await store.get('key/app'), undefined)
      const first = await store.put('key/app', bytes('one'), undefined)
      const second = await store.put('key/app', bytes('two'), first)
      const found = await store.get('key/app')
      assert.deepEqual([found?.revision, text(found)], [second, 'two'])
    },
  },
  {
    name: 'changes the revision with each put, even if the value stays the same',
    run: async (create) => {
      const store = create()
      const revisions = [await store.put('key/app', bytes('same'), undefined)]
      for (let n = 0; n < 3; n++)
        revisions.push(await store.put('key/app', bytes('same'), revisions.at(-1)))
      assert.equal(new Set(revisions).size, 4)
    },
  },
  {
    name: 'refuses a change that expects another revision, and changes nothing',
    run: async (create) => {
      const store = create()
      const old = await store.put('key/app', bytes('old'), undefined)
      await store.put('key/app', bytes('one'), old)
      await conflicts(store.put('key/app', bytes('x'), undefined))
      await conflicts(store.put('key/app', bytes('x'), old))
      await conflicts(store.put('key/app', bytes('x'), 'unknown'))
      await conflicts(store.put('key/none', bytes('x'), old))
      await conflicts(store.put('key/none', bytes('x'), 'unknown'))
      await conflicts(store.delete('key/app', old))
      await conflicts(store.delete('key/app', 'unknown'))
      await conflicts(store.delete('key/none', old))
      await conflicts(store.delete('key/none', 'unknown'))
      assert.equal(text(await store.get('key/app')), 'one')
      assert.equal(await store.get('key/none'), undefined)
    },
  },
  {
    name: 'refuses the revision of a record that was deleted and created again',
    run: async (create) => {
      const store = create()
      const first = await store.put('key/app', bytes('one'), undefined)
      await store.delete('key/app', first)
      await store.put('key/app', bytes('two'), undefined)
      await conflicts(store.put('key/app', bytes('x'), first))
      await conflicts(store.delete('key/app', first))
      assert.equal(text(await store.get('key/app')), 'two')
    },
  },
  {
    name: 'lists names and folders once, sorted, without deleted ones',
    run: async (create) => {
      const store = create()
      const revisions = new Map<string, Revision>()
      for (const path of ['d/b', 'd/b/x', 'd/b/y', 'd/a', 'd/C', 'e/z'])
        revisions.set(path, await store.put(path, bytes('x'), undefined))
      const remove = (path: string) => store.delete(path, revisions.get(path) ?? '')
      assert.deepEqual(await store.list('d'), ['C', 'a', 'b'])
      assert.deepEqual(await store.list('nothing'), [])
      await remove('d/b/x')
      await remove('d/b')
      assert.deepEqual(await store.list('d'), ['C', 'a', 'b'])
      await remove('d/b/y')
      assert.deepEqual(await store.list('d'), ['C', 'a'])
    },
  },
  {
    name: 'distinguishes names by case',
    run: async (create) => {
      const store = create()
      await store.put('key/App', bytes('upper'), undefined)
      assert.equal(await store.get('key/app'), undefined)
    },
  },
  {
    name: 'gives a lock to one holder at a time',
    run: async (create) => {
      const store = create()
      let holders = 0
      const hold = async (n: number) => {
        const lock = await store.lock('key/app', 'test')
        assert.equal(++holders, 1)
        await store.put(`key/${n}`, bytes('x'), undefined)
        holders--
        await lock.release()
      }
      await Promise.all([0, 1, 2, 3, 4].map(hold))
    },
  },
  {
    name: 'lets only one of several puts replace the same revision',
    run: async (create) => {
      const store = create()
      const race = async (expected: Revision | undefined) => {
        const puts = ['1', '2', '3'].map((n) => store.put('key/app', bytes(n), expected))
        const results = await Promise.allSettled(puts)
        assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
      }
      await race(undefined)
      await race((await store.get('key/app'))?.revision)
    },
  },
  {
    name: 'shares no bytes with its callers',
    run: async (create) => {
      const store = create()
      const value = bytes('one')
      await store.put('key/app', value, undefined)
      value.fill(0)
      ;(await store.get('key/app'))?.value.fill(0)
      assert.equal(text(await store.get('key/app')), 'one')
    },
  },
  {
    name: 'accepts a new record after a delete',
    run: async (create) => {
      const store = create()
      await store.delete('key/app', await store.put('key/app', bytes('one'), undefined))
      assert.equal(await store.get('key/app'), undefined)
      await store.put('key/app', bytes('two'), undefined)
      assert.equal(text(await store.get('key/app')), 'two')
    },
  },
  {
    name: 'separates records of any name from each other and from folders of that name',
    run: async (create) => {
      const store = create()
      const revisions = new Map<string, Revision>()
      for (const path of PATHS) revisions.set(path, await store.put(path, bytes(path), undefined))
      for (const path of PATHS) assert.equal(text(await store.get(path)), path)
      for (const folder of ['key', 'key/app', 'key/app.json', 'key/con', 'key/none'])
        assert.deepEqual(await store.list(folder), namesBelow(folder))
      await store.delete('key/app', revisions.get('key/app') ?? '')
      assert.deepEqual(await store.list('key'), namesBelow('key'))
      for (const path of PATHS.slice(2)) await (await store.lock(path, 'test')).release()
    },
  },
  {
    name: 'refuses an invalid path',
    run: async (create) => {
      const store = create()
      const refused = (attempt: Promise<unknown>, path: string) =>
        assert.rejects(attempt, { code: 'FIELD_INVALID' }, JSON.stringify(path))
      for (const path of INVALID_PATHS) {
        await refused(store.get(path), path)
        await refused(store.put(path, bytes('x'), undefined), path)
        await refused(store.list(path), path)
        await refused(store.delete(path, 'unknown'), path)
        await refused(store.lock(path, 'test'), path)
      }
    },
  },
  {
    name: 'has a unique id that never changes',
    run: async (create) => {
      const store = create()
      const id = await store.id()
      assert.notEqual(id, '')
      assert.equal(await store.id(), id)
      assert.notEqual(await create().id(), id)
      await store.put('key/app', bytes('x'), undefined)
      assert.equal(await store.id(), id)
    },
  },
  {
    name: 'ignores the second release of a lock',
    run: async (create) => {
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
      assert.deepEqual(order, ['second releases', 'third acquires'])
    },
  },
]

/** The names of {@link PATHS} directly below `folder`, each once, sorted. */
function namesBelow(folder: string): string[] {
  const below = PATHS.filter((path) => path.startsWith(`${folder}/`))
  const depth = folder.split('/').length
  return [...new Set(below.map((path) => path.split('/')[depth] ?? ''))].sort()
}
