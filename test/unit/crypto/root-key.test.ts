import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import {
  authenticateHeader,
  createRootKey,
  createSealHeader,
  formatSealHeader,
  parseSealHeader,
  sealName,
  unwrapRootKey,
  wrapRootKey,
  type SealEntry,
} from '../../../src/crypto/root-key.js'
import { KeymgmtError } from '../../../src/errors.js'

/** The message and hints of an error. */
function said(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof KeymgmtError)) throw error
    return [error.code, error.message, ...error.hints]
  }
}

const base64 = (length: number) => Buffer.alloc(length, 1).toString('base64')
const KEYFILE: SealEntry = { kind: 'keyfile', wrapped: base64(60) }
const AWSKMS: SealEntry = { kind: 'awskms', id: 'arn:aws:kms:…', wrapped: base64(200) }
const PASSPHRASE: SealEntry = {
  kind: 'passphrase',
  parameters: { N: 2 ** 17, salt: base64(16) },
  wrapped: base64(60),
}
const ROOT = createRootKey()
const HEADER = createSealHeader(ROOT, [KEYFILE, AWSKMS, PASSPHRASE])
const parse = (header: unknown) => said(() => parseSealHeader(JSON.stringify(header)))
const DAMAGED = [
  'STORE_CORRUPT',
  'the header of the store (seal.json) is damaged',
  'restore it from a backup',
]

describe('the header of a store', () => {
  it('is read as it was written', () => {
    expect(parseSealHeader(formatSealHeader(HEADER))).toEqual(HEADER)
  })

  it.each([
    null,
    7,
    [],
    {},
    { ...HEADER, format: 0 },
    { ...HEADER, format: '1' },
    { ...HEADER, more: 1 },
    { ...HEADER, store_id: 7 },
    { ...HEADER, store_id: '../../etc' },
    { ...HEADER, store_id: undefined },
    { ...HEADER, mac: undefined },
    { ...HEADER, mac: `${HEADER.mac}AAAA` },
    { ...HEADER, mac: `${HEADER.mac.slice(0, -1)}*` },
    { ...HEADER, seals: undefined },
    { ...HEADER, seals: [] },
    { ...HEADER, seals: Array.from({ length: 33 }, () => KEYFILE) },
    { ...HEADER, seals: [null] },
    { ...HEADER, seals: [{ ...KEYFILE, more: 1 }] },
    { ...HEADER, seals: [{ ...KEYFILE, kind: 7 }] },
    { ...HEADER, seals: [{ ...KEYFILE, id: 7 }] },
    { ...HEADER, seals: [{ ...KEYFILE, wrapped: undefined }] },
    { ...HEADER, seals: [{ ...KEYFILE, wrapped: '' }] },
    { ...HEADER, seals: [{ ...KEYFILE, wrapped: 'AAA' }] },
    { ...HEADER, seals: [{ ...KEYFILE, wrapped: base64(12_289) }] },
    { ...HEADER, seals: [{ ...KEYFILE, parameters: null }] },
    { ...HEADER, seals: [{ ...KEYFILE, parameters: { N: {} } }] },
  ])('is refused as damaged: %j', (header) => {
    expect(parse(header)).toEqual(DAMAGED)
  })

  it('is refused as damaged if it is no JSON', () => {
    expect(said(() => parseSealHeader(''))).toEqual(DAMAGED)
  })

  it('is refused as too new, by its format number alone', () => {
    expect(parse({ format: 2 })).toEqual([
      'STORE_VERSION',
      'this store was written by a newer keymgmt (format 2)',
      'use that version',
    ])
  })

  it('is not authentic after any change of a byte that JSON does not ignore', () => {
    const bytes = Buffer.from(formatSealHeader(HEADER))
    for (let at = 0; at < bytes.length; at++)
      for (const flip of [1, 2, 4, 32]) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ flip
        const result = said(() => {
          const header = parseSealHeader(changed.toString())
          authenticateHeader(header, ROOT.key)
          return formatSealHeader(header)
        })
        // White space may differ: the header is then the same.
        if (result !== bytes.toString())
          expect(result).toContainEqual(expect.stringMatching(/^STORE_/))
      }
  })

  it.each([
    ['without a seal', { ...HEADER, seals: HEADER.seals.slice(1) }],
    ['with a further seal', { ...HEADER, seals: [...HEADER.seals, KEYFILE] }],
    ['with its seals in another order', { ...HEADER, seals: [...HEADER.seals].reverse() }],
    ['of another store', { ...HEADER, store_id: createRootKey().storeId }],
  ])('is not authentic %s', (_what, header) => {
    expect(said(() => authenticateHeader(header, ROOT.key))).toEqual(DAMAGED)
  })

  it('is authentic only under its root key', () => {
    expect(authenticateHeader(HEADER, ROOT.key)).toEqual(ROOT)
    expect(said(() => authenticateHeader(HEADER, randomBytes(32)))).toEqual(DAMAGED)
  })

  it('names a seal by its kind and id', () => {
    expect(HEADER.seals.map(sealName)).toEqual(['keyfile', 'awskms:arn:aws:kms:…', 'passphrase'])
  })
})

describe('a wrapped root key', () => {
  const wrapping = randomBytes(32)
  const binding = { storeId: ROOT.storeId, kind: 'passphrase', id: 'i', parameters: { N: 1 } }
  const wrapped = wrapRootKey(wrapping, ROOT, binding)

  it('opens with its wrapping key', () => {
    expect(unwrapRootKey(wrapping, wrapped, binding)).toEqual(ROOT.key)
    expect(wrapRootKey(wrapping, ROOT, binding)).not.toBe(wrapped)
  })

  it.each([
    { storeId: createRootKey().storeId },
    { kind: 'keyfile' },
    { id: 'j' },
    { parameters: { N: 2 } },
  ])('does not open as another seal: %j', (change) => {
    expect(unwrapRootKey(wrapping, wrapped, { ...binding, ...change })).toBeUndefined()
  })

  it('does not open with a flipped bit or another key', () => {
    const bytes = Buffer.from(wrapped, 'base64')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(unwrapRootKey(wrapping, changed.toString('base64'), binding)).toBeUndefined()
    }
    expect(unwrapRootKey(randomBytes(32), wrapped, binding)).toBeUndefined()
  })

  it('of another length is damaged', () => {
    expect(said(() => unwrapRootKey(wrapping, base64(59), binding))).toEqual(DAMAGED)
  })
})
