import { afterEach, describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLocalStore } from '../../../src/store/index.js'
import { hasEnded, identifyProcess } from '../../../src/store/process-identity.js'
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
  writeFileSync(join(folder, token), text, { mode: 0o600 })
  return folder
}

const holder = (change: object) =>
  JSON.stringify({
    ...identifyProcess(),
    token: TOKEN,
    purpose: 'rotate',
    since: new Date().toISOString(),
    ...change,
  })

/** The pid of a process that has ended. */
const deadPid = async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid
}

describe('processes on one local store', () => {
  it('take over immediately from a killed one, one after another', async () => {
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
        await storeAt(storeDir).get('key/app')
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

  it.each([1, 2, 3])('create one store if several create it at once (round %d)', async () => {
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
  it('of another host is never evicted; the error says how to remove it', async () => {
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

  it('of another container, which has its own pids, is not evicted either', async () => {
    const storeDir = newStoreDir()
    plant(storeDir, holder({ pids: 'pid:[1]', pid: await deadPid() }))
    await expect(
      createLocalStore({ storeDir, lockWaitMs: 50 }).lock('key/app', 'test'),
    ).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  })

  it('of a pid that another process now has is free', async () => {
    const storeDir = newStoreDir()
    plant(storeDir, holder({ start: '1' }))
    await (await createLocalStore({ storeDir, lockWaitMs: 50 }).lock('key/app', 'test')).release()
  })

  it.each([
    ['which has no /proc/sys', (file: string) => file.startsWith('/proc/sys/')],
    ['which has no /proc', (file: string) => file.startsWith('/proc/')],
    ['which has no machine id', (file: string) => file.includes('machine-id')],
  ])('that is held is not taken by a process %s', async (_what, isHidden) => {
    const storeDir = newStoreDir()
    const holding = work(storeDir, 'hold')
    await once(holding.stdout, 'data')
    const preload = `data:text/javascript,import fs from 'node:fs';import m from 'node:module';
      const isHidden=${String(isHidden)};
      for (const name of ['readFileSync','readlinkSync','openSync']) { const real=fs[name]; fs[name]=(file,...rest)=>{
        if (isHidden(String(file))) throw Object.assign(new Error('hidden'),{code:'ENOENT'}); return real(file,...rest) } }
      m.syncBuiltinESMExports()`
    const blind = spawn(
      process.execPath,
      ['--import', preload.replaceAll('\n', ' '), WORKER, storeDir, 'put'],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let said = ''
    blind.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    const [waiting] = (await once(blind.stderr, 'data')) as [Buffer]
    expect(waiting.toString()).toBe(
      `waiting for process ${holding.pid ?? 0} on ${hostname()}: hold\n`,
    )
    expect([said, blind.exitCode]).toEqual(['', null])
    blind.kill('SIGKILL')
    holding.kill('SIGKILL')
    await Promise.all([once(blind, 'close'), once(holding, 'close')])
  })

  it('of an ended process is removed, with its drafts, when any lock is first taken', async () => {
    const storeDir = newStoreDir()
    plant(storeDir, holder({ pid: await deadPid() }))
    mkdirSync(join(storeDir, 'locks', `${stem('key/other')}.${TOKEN}`))
    writeFileSync(join(storeDir, 'locks', `${stem('key/third')}.draft`), 'torn')
    await (await createLocalStore({ storeDir }).lock('kms/k', 'test')).release()
    expect(readdirSync(join(storeDir, 'locks'))).toEqual([])
  })

  it('that is held is not removed then, nor are other files', async () => {
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
    'with unknown content, %s, is waited for like any other, and named',
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

  it('that is a file is also waited for and named', async () => {
    const storeDir = newStoreDir()
    mkdirSync(join(storeDir, 'locks'), { recursive: true, mode: 0o700 })
    writeFileSync(join(storeDir, 'locks', `${stem('key/app')}.lock`), '')
    await expect(
      createLocalStore({ storeDir, lockWaitMs: 50 }).lock('key/app', 'test'),
    ).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  })

  it('that is waited for longer than a second is reported once', async () => {
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

describe('the holder of a lock', () => {
  const self = { ...identifyProcess(), host: 'db', machine: 'm', boot: 'b' }
  const since = new Date().toISOString()
  const early = '2000-01-01T00:00:00.000Z'

  it('has ended if its pid is free on the same running machine', async () => {
    const other = { ...self, pid: (await deadPid()) ?? 0 }
    expect(hasEnded(other, since, self)).toBe(true)
    expect(hasEnded({ ...other, machine: null }, since, { ...self, machine: null })).toBe(true)
  })

  it.each([
    ['another host', { host: 'other' }],
    ['another machine of the same name', { machine: 'n', boot: 'c' }],
    ['a machine with the same id', { boot: 'c' }],
    ['an unknown boot', { boot: null }],
    ['an unknown machine', { machine: null }],
    ['other pids', { pids: 'pid:[1]' }],
  ])(
    'may be alive although its pid is free or has another start time: %s',
    async (_what, change) => {
      for (const part of [{ pid: (await deadPid()) ?? 0 }, { start: '1' }])
        for (const [one, other] of [
          [{ ...self, ...part, ...change }, self],
          [
            { ...self, ...part },
            { ...self, ...change },
          ],
        ] as const)
          expect(hasEnded(one, since, other)).toBe(false)
    },
  )

  it('may be alive if neither process can identify its machine', async () => {
    const blind = { ...self, machine: null, boot: null, pids: null, start: null }
    expect(hasEnded({ ...blind, pid: (await deadPid()) ?? 0 }, since, blind)).toBe(false)
  })

  it('has ended if its machine has restarted since', () => {
    const other = { ...self, boot: 'earlier' }
    expect(hasEnded(other, early, self)).toBe(true)
    expect(hasEnded({ ...other, machine: null }, early, { ...self, machine: null })).toBe(false)
    expect(hasEnded({ ...other, machine: 'n' }, early, self)).toBe(false)
    expect(hasEnded(other, 'then', self)).toBe(false)
  })
})
