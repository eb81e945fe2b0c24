import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { createRootKey, openRootKey, parseSealHeader } from '../../../src/crypto/root-key.js'
import { KeymgmtError } from '../../../src/errors.js'

/** The message and hints of an error. */
async function said(work: () => unknown): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof KeymgmtError)) throw error
    return [error.code, error.message, ...error.hints]
  }
}

const base64 = (length: number) => Buffer.alloc(length, 1).toString('base64')
const KEYFILE = { format: 1, store_id: 'id', seal: 'keyfile', wrapped: base64(60) }
const KDF = { N: 2 ** 17, r: 8, p: 1, salt: base64(16) }
const PASSPHRASE = { format: 1, store_id: 'id', seal: 'passphrase', kdf: KDF, wrapped: base64(60) }
const parse = (header: object) => said(() => parseSealHeader(JSON.stringify(header)))

describe('the header of a store', () => {
  it.each([KEYFILE, PASSPHRASE, { ...PASSPHRASE, kdf: { ...KDF, p: 4 } }])(
    'is accepted: %j',
    async (header) => {
      expect(await parse(header)).toEqual(header)
    },
  )

  it('is returned without unknown members', async () => {
    expect(await parse({ ...PASSPHRASE, more: 1, kdf: { ...KDF, more: 1 } })).toEqual(PASSPHRASE)
  })

  it.each([
    { ...KEYFILE, format: 0 },
    { ...KEYFILE, format: '1' },
    { ...KEYFILE, store_id: 7 },
    { ...KEYFILE, store_id: undefined },
    { ...KEYFILE, wrapped: 7 },
    { ...KEYFILE, wrapped: undefined },
    { ...KEYFILE, wrapped: base64(59) },
    { ...KEYFILE, wrapped: base64(61) },
    { ...KEYFILE, kdf: KDF },
    { ...KEYFILE, seal: 'none' },
    { ...KEYFILE, seal: undefined },
    { ...KEYFILE, seal: 'passphrase' },
    { ...PASSPHRASE, seal: 'nothing' },
    { ...PASSPHRASE, kdf: { ...KDF, p: 5 } },
    { ...PASSPHRASE, kdf: { ...KDF, p: 1.5 } },
    { ...PASSPHRASE, kdf: { ...KDF, r: 16 } },
    { ...PASSPHRASE, kdf: { ...KDF, N: 2 ** 21 } },
  ])('is refused as damaged: %j', async (header) => {
    expect(await parse(header)).toEqual([
      'STORE_CORRUPT',
      'the header of the store (seal.json) is damaged',
      'restore it from a backup',
    ])
  })

  it('is refused as too new, by its format number alone', async () => {
    expect(await parse({ format: 2 })).toEqual([
      'STORE_VERSION',
      'this store was written by a newer keymgmt (format 2)',
      'use that version',
    ])
  })
})

describe('a store does not open with', () => {
  it.each([
    ['keyfile', 'the keyfile'],
    ['passphrase', 'the passphrase'],
  ] as const)('a wrong secret, which the error names: %s', async (kind, name) => {
    const { header } = await createRootKey(kind, randomBytes(32))
    expect(await said(() => openRootKey(header, randomBytes(32)))).toEqual([
      'STORE_SEALED',
      `${name} does not open this store`,
      `use ${name} that seals this store; nothing was changed`,
    ])
  })

  it.each([{ store_id: 'another' }, { wrapped: base64(60) }])(
    'the right secret if its header was changed: %j',
    async (change) => {
      const secret = randomBytes(32)
      const { header } = await createRootKey('keyfile', secret)
      expect(await said(() => openRootKey({ ...header, ...change }, secret))).toContain(
        'STORE_SEALED',
      )
    },
  )

  it("a new store has its own id, root key and salt, and OWASP's scrypt factors", async () => {
    const secret = Buffer.from('passphrase')
    const [one, other] = [
      await createRootKey('passphrase', secret),
      await createRootKey('passphrase', secret),
    ]
    expect(one.header.kdf).toMatchObject({ N: 131_072, r: 8, p: 1 })
    expect(one.root.key).toHaveLength(32)
    expect(one.root.storeId).toBe(one.header.store_id)
    for (const part of ['store_id', 'wrapped'] as const)
      expect(one.header[part]).not.toBe(other.header[part])
    expect(one.header.kdf?.salt).not.toBe(other.header.kdf?.salt)
    expect(Buffer.from(one.root.key).equals(other.root.key)).toBe(false)
  }, 60_000)
})
