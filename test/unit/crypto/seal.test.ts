import { describe, expect, it } from '@jest/globals'
import { createDecipheriv, randomBytes } from 'node:crypto'
import { open, seal } from '../../../src/crypto/seal.js'

const key = randomBytes(32)
const binding = { storeId: 's', path: 'key/app', revision: 3, writeId: 'w' }

describe('sealing', () => {
  it('has a fixed form: nonce, ciphertext and tag; 4-byte big-endian lengths precede the parts of the associated data', () => {
    const sealed = Buffer.from(
      'a0a1a2a3a4a5a6a7a8a9aaab8d7d050d28aa76da100ce6bfcb4895242d07f1178fc974b2c1b077e9',
      'hex',
    )
    const bound = {
      storeId: '6c1f0e2a-1b0c-4f5e-9d3a-0123456789ab',
      path: 'material/app/1',
      revision: 7,
      writeId: '000102030405060708090a0b0c0d0e0f',
    }
    expect(
      open(
        Uint8Array.from({ length: 32 }, (_, i) => i),
        sealed,
        bound,
      ).toString(),
    ).toBe('key material')
  })

  it('does not open with a flipped bit', () => {
    const sealed = seal(key, randomBytes(40), binding)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => open(key, changed, binding)).toThrow('does not open')
    }
  })

  it.each([
    { storeId: 't' },
    { path: 'key/apq' },
    { revision: 4 },
    { writeId: 'v' },
    { storeId: 'sk', path: 'ey/app' },
  ])('does not open with another binding: %j', (other) => {
    expect(() => open(key, seal(key, Buffer.from('x'), binding), { ...binding, ...other })).toThrow(
      'does not open',
    )
  })

  it.each([0, 1, 27])('does not open %d bytes', (length) => {
    expect(() => open(key, randomBytes(length), binding)).toThrow('does not open')
  })

  it('opens an empty plaintext', () => {
    const sealed = seal(key, Buffer.alloc(0), binding)
    expect(sealed).toHaveLength(28)
    expect(open(key, sealed, binding)).toHaveLength(0)
  })

  it('names the record and the next step', () => {
    expect(() => open(key, randomBytes(60), binding)).toThrow(
      expect.objectContaining({
        code: 'STORE_CORRUPT',
        message:
          'the record key/app does not open: it was changed, moved or written by another store',
        hints: ['restore that record from a backup; nothing was changed'],
      }),
    )
  })

  it('uses the cipher of the GCM specification (test case 14)', () => {
    const decipher = createDecipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12))
    decipher.setAuthTag(Buffer.from('d0d1c8a799996bf0265b98b5d48ab919', 'hex'))
    expect(
      Buffer.concat([
        decipher.update(Buffer.from('cea7403d4d606b6e074ec5d3baf39d18', 'hex')),
        decipher.final(),
      ]),
    ).toEqual(Buffer.alloc(16))
  })
})
