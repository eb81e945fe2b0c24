import { afterEach, describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLocalStore } from '../../../src/store/index.js'
import { storeAt } from './tasks.js'

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url))
const TOKEN = '0123456789abcdef'

const bases: string[] = []
afterEach(() => {
  for (const base of bases.splice(0)) rmSync(base, { recursive: true, force: true })
})
const newStoreDir = () => {
  const base = mkdtempSync(join(tmpdir(), 'keymgmt-lock-'))
  bases.push(base)
  return join(base, 'data')
}

const work = (...args: string[]) =>
  spawn(process.execPath, [WORKER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
const stem = (name: string) => createHash('sha256').update(name).digest('hex').slice(0, 32)

/** Plants the lock of `key/app` as another process might have left it. Returns its folder. */
function plant(storeDir: string, text: string, token = TOKEN): string {
  const folder = join(storeDir, 'locks', `${stem('key/app')}.lock`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, token), text)
  return folder
}

const holder = (change: object) => {
  const pids = process.platform === 'linux' ? readlinkSync('/proc/self/ns/pid') : null
  return JSON.stringify({
    token: TOKEN,
    host: hostname(),
    pids,
    pid: process.pid,
    start: null,
    purpose: 'rotate',
    since: 'then',
    ...change,
  })
}

/** A process that lives no more. */
const deadPid = async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid
}

describe('processes on one local store', () => {
  it('take over at once from one that was killed, one after the other', async () => {
    const storeDir = newStoreDir()
    const dying = work(storeDir, 'hold')
    await once(dying.stdout, 'data')
    await expect(
      createLocalStore({ storeDir, lockWaitMs: 100 }).lock('key/app', 'test'),
    ).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      message: expect.stringContaining(`process ${dying.pid ?? 0} on ${hostname()}`) as unknown,
    })
    dying.kill('SIGKILL')
    await once(dying, 'close')
    let inside = 0
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const lock = await createLocalStore({ storeDir, lockWaitMs: 5_000 }).lock('key/app', 'test')
        expect((inside += 1)).toBe(1)
        await new Promise((resolve) => setTimeout(resolve, 5))
        inside -= 1
        await lock.release()
      }),
    )
    expect(readdirSync(join(storeDir, 'locks'))).toEqual([])
  })

  it('lose no update', async () => {
    const storeDir = newStoreDir()
    const exits = await Promise.all(
      Array.from({ length: 6 }, () => once(work(storeDir, 'count', 'count/n'), 'exit')),
    )
    expect(exits.map(([code]) => code as unknown)).toEqual([0, 0, 0, 0, 0, 0])
    expect(Buffer.from((await storeAt(storeDir).get('count/n'))?.value ?? []).toString()).toBe('60')
    expect(readdirSync(join(storeDir, 'locks'))).toEqual([])
  })

  it.each([1, 2, 3])('make one store, however many make it at once (round %d)', async () => {
    const storeDir = newStoreDir()
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const exits = await Promise.all(
      names.map((name) => once(work(storeDir, 'put', `key/${name}`), 'exit')),
    )
    expect(exits.map(([code]) => code as unknown)).toEqual([0, 0, 0, 0, 0, 0])
    for (const name of names)
      expect((await storeAt(storeDir).get(`key/${name}`))?.value).toHaveLength(20)
    expect(readdirSync(storeDir).sort()).toEqual(['keyfile', 'locks', 'seal.json', 'store'])
  })
})

describe('a lock', () => {
  it('of another host is never judged dead; the error says how to remove it', async () => {
    const storeDir = newStoreDir()
    const folder = plant(storeDir, holder({ host: 'elsewhere', pid: 1 }))
    await expect(
      createLocalStore({ storeDir, lockWaitMs: 50 }).lock('key/app', 'test'),
    ).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      hints: expect.arrayContaining([`if that process has ended, remove ${folder}`]) as unknown,
    })
    expect(readFileSync(join(folder, TOKEN), 'utf8')).toContain('elsewhere')
  })

  it('of another container, which has pids of its own, is not judged dead either', async () => {
    const storeDir = newStoreDir()
    plant(storeDir, holder({ pids: 'pid:[1]', pid: await deadPid() }))
    await expect(
      createLocalStore({ storeDir, lockWaitMs: 50 }).lock('key/app', 'test'),
    ).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  })

  it("of a pid that lives again as another process is nobody's", async () => {
    const storeDir = newStoreDir()
    plant(storeDir, holder({ start: 'another' }))
    await (await createLocalStore({ storeDir, lockWaitMs: 50 }).lock('key/app', 'test')).release()
  })

  it('of the dead goes with the first lock that is taken, whatever its name, and so do their drafts', async () => {
    const storeDir = newStoreDir()
    plant(storeDir, holder({ pid: await deadPid() }))
    mkdirSync(join(storeDir, 'locks', `${stem('key/other')}.${TOKEN}`))
    writeFileSync(join(storeDir, 'locks', `${stem('key/third')}.draft`), 'torn')
    await (await createLocalStore({ storeDir }).lock('kms/k', 'test')).release()
    expect(readdirSync(join(storeDir, 'locks'))).toEqual([])
  })

  it('that is held does not go with it, nor what is no lock', async () => {
    const storeDir = newStoreDir()
    const folder = plant(storeDir, holder({}))
    writeFileSync(join(storeDir, 'locks', 'notes.txt'), 'mine')
    await (await createLocalStore({ storeDir }).lock('kms/k', 'test')).release()
    expect(readdirSync(join(storeDir, 'locks')).sort()).toEqual([
      `${stem('key/app')}.lock`,
      'notes.txt',
    ])
    expect(readdirSync(folder)).toEqual([TOKEN])
  })

  it.each([
    ['nothing', ''],
    ['half a holder', '{"tok'],
    ['null', 'null'],
    ['a path for a token', '{"token":"../../x"}'],
    ['no pid', holder({ pid: 0 })],
    ['a group of processes', holder({ pid: -1 })],
    ['a token that is none', holder({ token: 'x' }), 'x'],
  ])(
    'that holds something else, %s, is waited for as any other, and named',
    async (_what, text, token = TOKEN) => {
      const storeDir = newStoreDir()
      const folder = plant(storeDir, text, token)
      await expect(
        createLocalStore({ storeDir, lockWaitMs: 50 }).lock('key/app', 'test'),
      ).rejects.toMatchObject({
        code: 'STORE_LOCKED',
        message: expect.stringContaining(folder) as unknown,
        hints: [expect.stringContaining(`remove ${folder}`)],
      })
      expect(readFileSync(join(folder, token), 'utf8')).toBe(text)
    },
  )

  it('that is a file is waited for and named, too', async () => {
    const storeDir = newStoreDir()
    mkdirSync(join(storeDir, 'locks'), { recursive: true, mode: 0o700 })
    writeFileSync(join(storeDir, 'locks', `${stem('key/app')}.lock`), '')
    await expect(
      createLocalStore({ storeDir, lockWaitMs: 50 }).lock('key/app', 'test'),
    ).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  })

  it('that is waited for longer than a second is explained, once', async () => {
    const storeDir = newStoreDir()
    plant(storeDir, holder({}))
    const said: string[] = []
    const store = createLocalStore({
      storeDir,
      lockWaitMs: 1_400,
      onWait: (message) => said.push(message),
    })
    await expect(store.lock('key/app', 'test')).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    expect(said).toEqual([`waiting for process ${process.pid} on ${hostname()}: rotate`])
  })
})
