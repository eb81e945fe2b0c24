import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSealedLocalStore, type OpenedStore } from '../../../../src/store/index.js'
import type { SealName } from '../../../../src/store/seals/index.js'
import { rekey } from '../../../../src/store/seals/rekey.js'

const KEYFILE: SealName = { kind: 'keyfile' }
const PASSPHRASE: SealName = { kind: 'passphrase' }
const value = Buffer.from('value')
let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'keymgmt-rekey-'))
})
afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

const headerFile = () => join(base, 'data', 'seal.json')
/** Opens the store for a user who gives one passphrase, or types another one. */
const open = (given?: string, typed: { open?: string; create?: string } = {}): OpenedStore =>
  openSealedLocalStore({
    storeDir: join(base, 'data'),
    keyfile: join(base, 'keyfile'),
    passphrase: (to, mayAsk) => {
      const text = given ?? (mayAsk ? typed[to] : undefined)
      return Promise.resolve(text === undefined ? undefined : Buffer.from(text))
    },
  })
const change = async (
  opened: OpenedStore,
  add: readonly SealName[],
  remove: readonly SealName[] = [],
) => rekey(await opened.place(), opened.seals, { add, remove })
const read = async (opened: OpenedStore) => (await opened.store.get('key/app'))?.value.toString()

beforeEach(async () => {
  await open().store.put('key/app', value, undefined)
})

describe('rekey', () => {
  it('adds a seal, and then removes the first one, without a change of records', async () => {
    const record = join(base, 'data', 'store', 'key', 'app.json')
    const before = readFileSync(record)
    expect(await change(open('right'), [PASSPHRASE])).toEqual({
      seals: ['keyfile', 'passphrase'],
      added: ['passphrase'],
      removed: [],
      unproven: [],
    })
    expect([await read(open()), await read(open('wrong'))]).toEqual(['value', 'value'])
    expect(await change(open('right'), [], [KEYFILE])).toMatchObject({ seals: ['passphrase'] })
    expect(await read(open('right'))).toBe('value')
    await expect(read(open('wrong'))).rejects.toMatchObject({ code: 'STORE_SEALED' })
    expect(readFileSync(record).equals(before)).toBe(true)
  })

  it('exchanges seals in one command, and can be repeated', async () => {
    const opened = open('right')
    expect(await change(opened, [PASSPHRASE], [KEYFILE])).toMatchObject({ seals: ['passphrase'] })
    expect(await read(opened)).toBe('value')
    const header = readFileSync(headerFile(), 'utf8')
    expect(await change(open('right'), [PASSPHRASE], [KEYFILE])).toEqual({
      seals: ['passphrase'],
      added: [],
      removed: [],
      unproven: [],
    })
    expect(readFileSync(headerFile(), 'utf8')).toBe(header)
  })

  it('replaces a passphrase by a new one', async () => {
    await change(open('old'), [PASSPHRASE], [KEYFILE])
    const typing = open(undefined, { open: 'old', create: 'new' })
    expect(await change(typing, [PASSPHRASE], [PASSPHRASE])).toMatchObject({
      seals: ['passphrase'],
      added: ['passphrase'],
      removed: ['passphrase'],
    })
    expect(await read(open('new'))).toBe('value')
    await expect(read(open('old'))).rejects.toMatchObject({ code: 'STORE_SEALED' })
    await expect(change(open('new'), [PASSPHRASE], [PASSPHRASE])).rejects.toMatchObject({
      code: 'SEAL_REFUSED',
      message: 'the new passphrase is the one that opens the store now',
    })
  })

  it.each<[string, readonly SealName[], readonly SealName[], string]>([
    ['the last seal', [], [KEYFILE], 'no seal of the store'],
    ['a seal that it does not have', [PASSPHRASE], [{ kind: 'awskms', id: 'x' }], 'has no seal'],
    ['a keyfile that it adds', [KEYFILE], [KEYFILE], '-add and -remove both name keyfile'],
  ])('does not remove %s', async (_what, add, remove, says) => {
    const header = readFileSync(headerFile(), 'utf8')
    await expect(change(open('right'), add, remove)).rejects.toMatchObject({
      code: 'SEAL_REFUSED',
      message: expect.stringContaining(says) as unknown,
      hints: [expect.any(String)],
    })
    expect(readFileSync(headerFile(), 'utf8')).toBe(header)
  })

  it('does not remove the only seal that opens the store here', async () => {
    await change(open('right'), [PASSPHRASE])
    await expect(change(open(), [], [KEYFILE])).rejects.toMatchObject({
      code: 'SEAL_REFUSED',
      message:
        'no seal that would remain opens the store here: the store needs a passphrase, and none was specified',
      hints: [expect.stringContaining('KEYMGMT_PASSPHRASE_FILE'), 'nothing was changed'],
    })
    expect(await read(open())).toBe('value')
  })

  it('does not add a seal to a store that nothing opens, or that does not exist', async () => {
    renameSync(join(base, 'keyfile'), join(base, 'elsewhere'))
    await expect(change(open('right'), [PASSPHRASE])).rejects.toMatchObject({
      message: `the keyfile is missing: ${join(base, 'keyfile')}`,
    })
    rmSync(join(base, 'data'), { recursive: true })
    await expect(change(open('right'), [PASSPHRASE])).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    })
  })

  it('does not overwrite the change of another command', async () => {
    const opened = open('right')
    const header = await opened.seals.header()
    if (!header) throw new Error('there is a store')
    await change(open('right'), [PASSPHRASE])
    const older = { ...header, mac: Buffer.alloc(32).toString('base64') }
    await expect(opened.seals.replace(header, older)).rejects.toMatchObject({
      code: 'STORE_CONFLICT',
    })
    expect(await read(open('right'))).toBe('value')
  })
})
