import { afterAll, describe, expect, it } from '@jest/globals'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEngine } from '../../src/open-engine.js'
import { createOverlayStore } from '../../src/store/index.js'

const base = mkdtempSync(join(tmpdir(), 'keymgmt-open-engine-'))
afterAll(() => {
  rmSync(base, { recursive: true, force: true })
})
let stores = 0
const newStoreDir = () => join(base, String((stores += 1)))
const value = Buffer.from('value')

describe('openEngine', () => {
  it('reads and creates nothing before the first write, and announces the keyfile', async () => {
    const KEYMGMT_HOME = newStoreDir()
    const notices: string[] = []
    const { engine, seal } = openEngine({
      env: { KEYMGMT_HOME },
      onNotice: (message) => notices.push(message),
    })
    expect(await seal()).toEqual({ seals: [], kmsKeys: [], path: KEYMGMT_HOME })
    expect(existsSync(KEYMGMT_HOME)).toBe(false)
    await engine.store.put('key/app', value, undefined)
    const keyfile = join(KEYMGMT_HOME, 'keyfile')
    expect(await seal()).toEqual({ seals: ['keyfile'], kmsKeys: [], path: KEYMGMT_HOME, keyfile })
    expect(notices).toEqual([expect.stringContaining(keyfile)])
  })

  it('uses the default location of the platform', () => {
    const env = { XDG_DATA_HOME: join(base, 'share') }
    return expect(openEngine({ env, platform: 'linux' }).seal()).resolves.toEqual({
      seals: [],
      kmsKeys: [],
      path: join(base, 'share', 'keymgmt'),
    })
  })

  it.each([
    ['KEYMGMT_SEAL', 'passphrase'],
    ['KEYMGMT_PASSPHRASE', 'secret'],
    ['KEYMGMT_PASSPHRASE_FILE', '/run/passphrase'],
  ])('seals a new store with a passphrase if %s is set', async (variable, setting) => {
    const { engine, seal } = openEngine({
      env: { KEYMGMT_HOME: newStoreDir(), [variable]: setting },
      passphrase: (to) => Promise.resolve(Buffer.from(`to ${to} it`)),
    })
    await engine.store.put('key/app', value, undefined)
    expect(await seal()).toMatchObject({ seals: ['passphrase'] })
  })

  it('changes nothing in a dry run', async () => {
    const KEYMGMT_HOME = newStoreDir()
    const { engine } = openEngine({
      env: { KEYMGMT_HOME },
      dryRun: { middleware: () => [], store: createOverlayStore },
    })
    await engine.store.put('key/app', value, undefined)
    expect(existsSync(KEYMGMT_HOME)).toBe(false)
  })
})

describe('the time limit', () => {
  const unlockWithin = (timeoutMs: number | undefined, timeoutError?: () => Error) => {
    const interrupt = new AbortController()
    const { engine } = openEngine({
      env: { KEYMGMT_HOME: newStoreDir(), KEYMGMT_SEAL: 'passphrase' },
      signal: interrupt.signal,
      timeoutMs,
      timeoutError,
      passphrase: (_to, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error)
          })
        }),
    })
    return { interrupt, result: engine.store.put('key/app', value, undefined) }
  }

  it('ends the wait with KMS_TIMEOUT', () =>
    expect(unlockWithin(20).result).rejects.toMatchObject({
      code: 'KMS_TIMEOUT',
      message: 'timed out after 20 ms',
    }))

  it('ends the wait with the error of the caller', () =>
    expect(unlockWithin(20, () => new Error('too late')).result).rejects.toThrow('too late'))

  it.each([undefined, 60_000, 2 ** 40])('of %d ms lets a signal end the wait', (timeoutMs) => {
    const { interrupt, result } = unlockWithin(timeoutMs)
    setTimeout(() => {
      interrupt.abort(new Error('interrupted'))
    }, 20)
    return expect(result).rejects.toThrow('interrupted')
  })
})
