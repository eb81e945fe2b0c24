import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createDecipheriv, randomBytes } from 'node:crypto'
import { createRootKey, openRootKey, parseSealHeader } from '../../../src/crypto/root-key.js'
import { open, seal } from '../../../src/crypto/seal.js'

const key = randomBytes(32)
const binding = { storeId: 's', path: 'key/app', revision: 3 }

describe('sealing', () => {
  it('is undone by opening, for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (plain) => { expect(open(key, seal(key, plain, binding), binding).equals(plain)).toBe(true) }))
  })

  it('never opens with one bit flipped', () => {
    const sealed = seal(key, randomBytes(40), binding)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => open(key, changed, binding)).toThrow('does not open')
    }
  })

  it.each([{ storeId: 't' }, { path: 'key/apq' }, { revision: 4 }, { storeId: 'sk', path: 'ey/app' }])('opens nowhere else: %j', (other) => {
    expect(() => open(key, seal(key, Buffer.from('x'), binding), { ...binding, ...other })).toThrow('does not open')
  })

  it.each([0, 1, 27])('does not open %d bytes', (length) => {
    expect(() => open(key, randomBytes(length), binding)).toThrow('does not open')
  })

  it('uses the cipher of the GCM specification (test case 14)', () => {
    const decipher = createDecipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12))
    decipher.setAuthTag(Buffer.from('d0d1c8a799996bf0265b98b5d48ab919', 'hex'))
    expect(Buffer.concat([decipher.update(Buffer.from('cea7403d4d606b6e074ec5d3baf39d18', 'hex')), decipher.final()])).toEqual(Buffer.alloc(16))
  })
})

describe('the root key', () => {
  it.each(['keyfile', 'passphrase'] as const)('comes back out of its %s', async (kind) => {
    const secret = kind === 'keyfile' ? randomBytes(32) : Buffer.from('correct horse battery staple')
    const { header, root } = await createRootKey(kind, secret)
    const read = parseSealHeader(JSON.stringify(header))
    expect(await openRootKey(read, secret)).toEqual(root)
    await expect(openRootKey(read, randomBytes(32))).rejects.toMatchObject({ code: 'STORE_SEALED' })
    await expect(openRootKey({ ...read, store_id: 'other' }, secret)).rejects.toMatchObject({ code: 'STORE_SEALED' })
  })

  it('is not asked for with work factors that are too low or too high', async () => {
    const { header } = await createRootKey('passphrase', Buffer.from('x'))
    for (const kdf of [{ N: 2 ** 14 }, { N: 2 ** 24 }, { r: 1 }, { p: 9 }]) {
      const text = JSON.stringify({ ...header, kdf: { ...header.kdf, ...kdf } })
      expect(() => parseSealHeader(text)).toThrow('damaged')
    }
    for (const text of ['null', '7', '[]', '']) expect(() => parseSealHeader(text)).toThrow('damaged')
    expect(() => parseSealHeader(JSON.stringify({ ...header, format: 2 }))).toThrow('newer keymgmt')
  })
})
