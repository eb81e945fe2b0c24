import { afterEach, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSealedLocalStore, type OpenedStore } from '../../../src/store/index.js'
import { formatState, parseState } from '../../../src/store/state.js'
import { startS3Server } from '../../support/s3-server.js'
import { sealedStoreOn } from './s3/open.js'

const value = Buffer.from('one')
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** Returns a function that opens a store as a new command does. */
type Opening = (onMoved?: (notice: string) => void) => OpenedStore

const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'keymgmt-state-'))
  cleanups.push(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}
const localStore = (): Promise<Opening> => {
  const folder = newFolder()
  return Promise.resolve((onMoved) =>
    openSealedLocalStore({
      storeDir: join(folder, 'data'),
      keyfile: join(folder, 'keyfile'),
      onMoved,
    }),
  )
}
const s3Store = async (): Promise<Opening> => {
  const keyfile = join(newFolder(), 'keyfile')
  const server = await startS3Server()
  cleanups.push(() => server.close())
  await sealedStoreOn(server, keyfile).initialize()
  return (onMoved) => sealedStoreOn(server, keyfile, { onMoved })
}

describe('the text of a state', () => {
  it('is parsed again', () => {
    const state = { condition: 'moved', other: 's3://acme-keys/prod?region=eu-west-1' } as const
    expect(parseState(formatState(state), '/srv')).toEqual(state)
    expect(parseState(undefined, '/srv')).toBeUndefined()
  })

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"condition":"moved"}',
    '{"condition":"moved","other":""}',
    '{"condition":"moved","other":"a\\nb"}',
    '{"condition":"other","other":"/srv"}',
    '{"condition":"constructor","other":"/srv"}',
  ])('is refused if it is damaged: %j', (text) => {
    expect(() => parseState(text, '/srv')).toThrow('the state of the store /srv is damaged')
  })
})

describe.each([
  ['a local store', localStore],
  ['a store on S3', s3Store],
])('%s', (_kind, create) => {
  const used = async () => {
    const open = await create()
    const opened = open()
    const revision = await opened.store.put('key/app', value, undefined)
    return { open, revision, state: (await opened.place()).state }
  }

  it.each(['migrating', 'moved'] as const)(
    'refuses writes and allows reads: %s',
    async (condition) => {
      const { open, revision, state } = await used()
      const old = open().store
      expect((await old.get('key/app'))?.value).toEqual(value)
      await state.replace(formatState({ condition, other: '/srv/new' }), undefined)
      const notices: string[] = []
      const { store } = open((notice) => notices.push(notice))
      for (const write of [
        () => store.put('key/app', value, revision),
        () => store.put('key/new', value, undefined),
        () => store.delete('key/app', revision),
        () => store.lock('key/app', 'test'),
      ])
        await expect(write()).rejects.toMatchObject({
          code: 'STORE_MOVED',
          message: expect.stringContaining('/srv/new'),
        })
      expect((await store.get('key/app'))?.value).toEqual(value)
      expect(await store.list('key')).toEqual(['app'])
      expect(notices).toEqual(
        condition === 'moved' ? [expect.stringContaining('has moved to /srv/new')] : [],
      )
      // A command that began before does not report a write as done.
      await expect(old.put('key/late', value, undefined)).rejects.toMatchObject({
        code: 'STORE_MOVED',
      })
    },
  )

  it.each(['receiving', 'restoring'] as const)('refuses every use: %s', async (condition) => {
    const { open, revision, state } = await used()
    await state.replace(formatState({ condition, other: '/srv/old' }), undefined)
    const { store } = open()
    for (const use of [
      () => store.get('key/app'),
      () => store.list('key'),
      () => store.put('key/app', value, revision),
      () => store.lock('key/app', 'test'),
    ])
      await expect(use()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(await state.replace(undefined, await state.read())).toBe(true)
    expect((await open().store.get('key/app'))?.value).toEqual(value)
  })

  it('lets one of several commands replace a text', async () => {
    const { state } = await used()
    const texts = ['/srv/1', '/srv/2', '/srv/3'].map((other) =>
      formatState({ condition: 'restoring', other }),
    )
    const results = await Promise.all(texts.map((text) => state.replace(text, undefined)))
    expect(results.filter(Boolean)).toHaveLength(1)
    expect(await state.read()).toBe(texts[results.indexOf(true)])
    expect(await state.replace(undefined, 'other')).toBe(false)
  })

  it('knows the paths of all records, and awaits the locks that are held', async () => {
    const { open } = await used()
    const opened = open()
    const { store } = opened
    const place = await opened.place()
    await store.put('key/App.json/one', value, undefined)
    expect([...(await place.paths())].sort()).toEqual(['key/App.json/one', 'key/app'])
    const own = await store.lock('operator', 'own')
    const lock = await store.lock('key/app', 'test')
    const order: string[] = []
    const waiting = place.awaitLocks('operator').then(() => order.push('waited'))
    await new Promise((resolve) => setTimeout(resolve, 100))
    order.push('released')
    await lock.release()
    await waiting
    await own.release()
    expect(order).toEqual(['released', 'waited'])
  })
})
