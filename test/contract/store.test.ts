import { afterEach, describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalStore, createMemoryStore, createSealedStore, type Store } from '../../src/store/index.js'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'keymgmt-store-'))
  folders.push(made)
  return made
}
const root = { key: randomBytes(32), storeId: 'store' }

const STORES: readonly (readonly [string, () => Store])[] = [
  ['memory', createMemoryStore],
  ['local', () => createLocalStore({ home: folder() })],
  ['sealed local', () => createSealedStore(createLocalStore({ home: folder() }), () => Promise.resolve(root))],
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
    const results = await Promise.allSettled([1, 2, 3].map((n) => store.put('key/app', bytes(String(n)), 0)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

const LIBRARY = new URL('../../src/store/index.js', import.meta.url).href

/** A process of its own that runs `code` with a `store` on `home`. */
function inProcess(home: string, code: string) {
  const script = `import { createLocalStore } from ${JSON.stringify(LIBRARY)}; const store = createLocalStore({ home: ${JSON.stringify(home)} }); ${code}`
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
}

describe('a disk that is full', () => {
  // A file-size limit stands in for the full disk: both make a write come out short, and no mount is needed.
  it('keeps the record that was there', async () => {
    const home = folder()
    await createLocalStore({ home }).put('key/app', Buffer.from('good'), 0)
    const script = `import { createLocalStore } from ${JSON.stringify(LIBRARY)}; const store = createLocalStore({ home: ${JSON.stringify(home)} }); await store.put('key/app', Buffer.alloc(200_000), 1).then(() => process.exit(0), (error) => { console.log(error.code); process.exit(7) })`
    const child = spawn('bash', ['-c', 'ulimit -f 8; exec "$0" --input-type=module -e "$1"', process.execPath, script], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => { said += chunk.toString() })
    const status = await new Promise((resolve) => child.once('close', resolve))
    expect([status, said.trim()]).toEqual([7, 'STORE_UNAVAILABLE'])
    expect(Buffer.from((await createLocalStore({ home }).get('key/app'))?.value ?? []).toString()).toBe('good')
  })
})

describe('processes on one local store', () => {
  it('take over at once from one that was killed', async () => {
    const home = folder()
    const holder = inProcess(home, `await store.lock('key/app', 'to die'); console.log('held'); setInterval(() => {}, 1000)`)
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    await expect(createLocalStore({ home, lockWaitMs: 100 }).lock('key/app', 'test')).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      message: expect.stringContaining(`process ${String(holder.pid)}`) as unknown,
    })
    holder.kill('SIGKILL')
    await new Promise((resolve) => holder.once('close', resolve))
    const lock = await createLocalStore({ home, lockWaitMs: 2_000 }).lock('key/app', 'test')
    await lock.release()
    expect(readdirSync(join(home, 'locks'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())).toEqual([])
  })

  it('lose no update', async () => {
    const home = folder()
    const count = `for (let i = 0; i < 10; i++) {
      const lock = await store.lock('counter', 'count')
      const old = await store.get('counter/n')
      await store.put('counter/n', Buffer.from(String(Number(Buffer.from(old?.value ?? '0').toString()) + 1)), old?.revision ?? 0)
      await lock.release()
    }`
    const children = Array.from({ length: 6 }, () => inProcess(home, count))
    const statuses = await Promise.all(children.map((child) => new Promise((resolve) => child.once('close', resolve))))
    expect(statuses).toEqual([0, 0, 0, 0, 0, 0])
    expect(Buffer.from((await createLocalStore({ home }).get('counter/n'))?.value ?? []).toString()).toBe('60')
  })
})
