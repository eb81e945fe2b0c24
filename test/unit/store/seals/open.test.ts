import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { randomBytes, scryptSync } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createRootKey,
  createSealHeader,
  type SealHeader,
} from '../../../../src/crypto/root-key.js'
import { createHeader, rewrapHeader } from '../../../../src/store/seals/create.js'
import { parseSealNames, type SealName } from '../../../../src/store/seals/index.js'
import { createHeaderOpener } from '../../../../src/store/seals/open.js'
import type { SealMeans } from '../../../../src/store/seals/seal.js'
import { watchWiping } from '../../../support/watch-wiping.js'

const base = mkdtempSync(join(tmpdir(), 'keymgmt-seals-'))
const file = join(base, 'keyfile')
afterEach(() => {
  jest.restoreAllMocks()
  rmSync(base, { recursive: true, force: true })
})

const BOTH: readonly SealName[] = [{ kind: 'passphrase' }, { kind: 'keyfile' }]
const PASSPHRASE = 'correct horse battery staple'

/** The means of a user who gives `given` in a variable, and types `typed` if asked. */
function meansOf(given?: string, typed?: string): SealMeans & { readonly asked: () => number } {
  let asked = 0
  return {
    asked: () => asked,
    keyfileOf: () => file,
    passphrase: (_to, mayAsk) => {
      if (given === undefined && mayAsk) asked++
      const text = given ?? (mayAsk ? typed : undefined)
      return Promise.resolve(text === undefined ? undefined : Buffer.from(text))
    },
  }
}
const open = (header: SealHeader, means: SealMeans) => createHeaderOpener(means).open(header)

describe('a store with a keyfile and a passphrase', () => {
  it('opens with each of them, and asks only if the keyfile is missing', async () => {
    const { header, root, createdKeyfile } = await createHeader(meansOf(PASSPHRASE), BOTH)
    expect(createdKeyfile).toBe(file)
    const asking = meansOf(undefined, PASSPHRASE)
    expect(await open(header, asking)).toEqual(root)
    expect(asking.asked()).toBe(0)
    rmSync(file)
    expect(await open(header, asking)).toEqual(root)
    expect(asking.asked()).toBe(1)
    expect(await open(header, meansOf(PASSPHRASE))).toEqual(root)
  })

  it('opens with one of them although the other is wrong', async () => {
    const { header, root } = await createHeader(meansOf(PASSPHRASE), BOTH)
    expect(await open(header, meansOf('wrong'))).toEqual(root)
    writeFileSync(file, `keymgmt-keyfile-v1:${randomBytes(32).toString('base64')}\n`)
    expect(await open(header, meansOf(PASSPHRASE))).toEqual(root)
  })

  it('reports in one error which seals failed, why, and which were not tried', async () => {
    const { header } = await createHeader(meansOf(PASSPHRASE), BOTH)
    rmSync(file)
    await expect(open(header, meansOf())).rejects.toMatchObject({
      code: 'STORE_SEALED',
      message: `none of the 2 seals of this store opens it here: not tried keyfile (the keyfile is missing: ${file}), passphrase (the store needs a passphrase, and none was specified)`,
      hints: [
        'keyfile: restore the file, or set KEYMGMT_KEYFILE to its location; nothing was changed',
        'passphrase: set KEYMGMT_PASSPHRASE_FILE to a file with the passphrase, or run on a terminal',
      ],
    })
    await expect(open(header, meansOf('wrong'))).rejects.toMatchObject({
      message: `none of the 2 seals of this store opens it here: tried passphrase (the passphrase does not open this store); not tried keyfile (the keyfile is missing: ${file})`,
    })
  })

  it('shows if each seal opens here, without asking', async () => {
    const { header } = await createHeader(meansOf(PASSPHRASE), BOTH)
    const outcomes = async (means: SealMeans) =>
      (await createHeaderOpener(means).probe(header)).map(({ name, outcome }) => [name, outcome])
    expect(await outcomes(meansOf('wrong'))).toEqual([
      ['passphrase', 'fails'],
      ['keyfile', 'opens'],
    ])
    const asking = meansOf(undefined, PASSPHRASE)
    expect(await outcomes(asking)).toContainEqual(['passphrase', 'untried'])
    expect(asking.asked()).toBe(0)
  })

  it('stops at a keyfile that other users can read', async () => {
    const { header } = await createHeader(meansOf(PASSPHRASE), BOTH)
    chmodSync(file, 0o644)
    await expect(open(header, meansOf(PASSPHRASE))).rejects.toMatchObject({
      code: 'STORE_PERMISSIONS',
    })
  })

  it('does not open with a changed header, even with the right secret', async () => {
    const { header } = await createHeader(meansOf(PASSPHRASE), BOTH)
    const changed = { ...header, seals: header.seals.slice(1) }
    await expect(open(changed, meansOf())).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
    const newer = createSealHeader(createRootKey(), [{ kind: 'shares', wrapped: 'AAAA' }])
    await expect(open(newer, meansOf())).rejects.toMatchObject({
      code: 'STORE_VERSION',
      message: expect.stringContaining('shares') as unknown,
    })
  })

  it('gets another root key under the same secrets', async () => {
    const means = meansOf(PASSPHRASE)
    const { header } = await createHeader(means, BOTH)
    const root = createRootKey(header.store_id)
    await expect(rewrapHeader(header, root, meansOf('wrong'))).rejects.toMatchObject({
      message: 'the passphrase does not open this store',
    })
    const next = await rewrapHeader(header, root, means)
    expect(await open(next, meansOf())).toEqual(root)
    rmSync(file)
    expect(await open(next, means)).toEqual(root)
    await expect(rewrapHeader(header, root, means)).rejects.toMatchObject({
      message: `the keyfile is missing: ${file}`,
    })
  })

  it('removes the keyfile that it created if the creation of the store failed', async () => {
    const means = { ...meansOf(), keyfileOf: (id: string) => join(base, `${id}.keyfile`) }
    const { createdKeyfile = '', discard } = await createHeader(means)
    expect(existsSync(createdKeyfile)).toBe(true)
    discard()
    expect(existsSync(createdKeyfile)).toBe(false)
  })

  it('keeps a new keyfile with which another command has sealed its store', async () => {
    const slower = await createHeader(meansOf())
    const { header, root } = await createHeader(meansOf())
    slower.discard()
    expect(await open(header, meansOf())).toEqual(root)
  })

  it('leaves no keyfile behind if another of its seals is refused', async () => {
    const names: readonly SealName[] = [{ kind: 'keyfile' }, { kind: 'passphrase' }]
    await expect(createHeader(meansOf(), names)).rejects.toMatchObject({ code: 'STORE_SEALED' })
    expect(existsSync(file)).toBe(false)
  })
})

describe('a store with one seal', () => {
  it.each([
    ['keyfile', 'the keyfile'],
    ['passphrase', 'the passphrase'],
  ] as const)('names the seal that does not open: %s', async (kind, name) => {
    const { header } = await createHeader(meansOf(PASSPHRASE), [{ kind }])
    mkdirSync(base, { recursive: true, mode: 0o700 })
    writeFileSync(file, `keymgmt-keyfile-v1:${randomBytes(32).toString('base64')}\n`, {
      mode: 0o600,
    })
    await expect(open(header, meansOf('wrong'))).rejects.toMatchObject({
      code: 'STORE_SEALED',
      message: `${name} does not open this store`,
      hints: [`use ${name} that seals this store; nothing was changed`],
    })
  })

  it('wipes the key that wraps the root key', async () => {
    const means = meansOf(PASSPHRASE)
    const { header } = await createHeader(means, [{ kind: 'passphrase' }])
    const {
      N = 0,
      r = 0,
      p = 0,
      salt = '',
    } = header.seals[0]?.parameters as Partial<Record<'N' | 'r' | 'p', number>> & {
      readonly salt?: string
    }
    const factors = { N, r, p, maxmem: 256 * N * r }
    expect(factors).toMatchObject({ N: 131_072, r: 8, p: 1 })
    const derived = scryptSync(PASSPHRASE, Buffer.from(salt, 'base64'), 32, factors)
    const wiped = watchWiping()
    await open(header, means)
    for (const secret of [derived, Buffer.from(PASSPHRASE)])
      expect(wiped.some((content) => content.equals(secret))).toBe(true)
  })

  it.each([
    { N: 2 ** 16 },
    { N: 2 ** 21 },
    { N: 2 ** 17 + 1 },
    { N: '131072' },
    { r: 1 },
    { p: 0 },
    { p: 9 },
    { p: 1.5 },
    { N: 2 ** 20 },
    { N: 2 ** 18, p: 3 },
    { salt: 'AAAA' },
    { salt: Buffer.alloc(17).toString('base64') },
    { more: 1 },
  ])('does not open with scrypt factors out of bounds: %j', async (change) => {
    const parameters = { N: 2 ** 17, r: 8, p: 1, salt: Buffer.alloc(16).toString('base64') }
    const header = createSealHeader(createRootKey(), [
      {
        kind: 'passphrase',
        parameters: { ...parameters, ...(change as Record<string, number>) },
        wrapped: Buffer.alloc(60).toString('base64'),
      },
    ])
    await expect(open(header, meansOf(PASSPHRASE))).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  })
})

describe('the names of seals', () => {
  it('are separated by commas', () => {
    expect(parseSealNames('keyfile, passphrase', 'KEYMGMT_SEAL')).toEqual([
      { kind: 'keyfile' },
      { kind: 'passphrase' },
    ])
  })

  it.each(['', 'keyfile,', 'Keyfile', 'keyfile:', 'keyfile:/a', 'toString', 'hunter2', 'a:b'])(
    'are refused, and not repeated: %j',
    (text) => {
      expect(() => parseSealNames(text, 'KEYMGMT_SEAL')).toThrow(
        expect.objectContaining({
          code: 'SEAL_REFUSED',
          message: 'KEYMGMT_SEAL names an unknown seal',
        }),
      )
    },
  )

  it('are refused twice', () => {
    expect(() => parseSealNames('keyfile,keyfile', '-seal')).toThrow(
      '-seal names the seal keyfile twice',
    )
  })
})
