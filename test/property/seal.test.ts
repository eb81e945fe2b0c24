import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { open, seal } from '../../src/crypto/seal.js'

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const binding = fc.record({
  storeId: fc.string(),
  path: fc.string(),
  revision: fc.nat(),
  writeId: fc.string(),
})
const corrupt = expect.objectContaining({ code: 'STORE_CORRUPT' }) as unknown as Error

test('open returns the sealed plaintext', () => {
  fc.assert(
    fc.property(key, fc.uint8Array(), binding, (k, plaintext, bound) => {
      expect(Uint8Array.from(open(k, seal(k, plaintext, bound), bound))).toEqual(plaintext)
    }),
  )
})

test('one flipped bit prevents opening', () => {
  fc.assert(
    fc.property(
      key,
      fc.uint8Array({ maxLength: 64 }),
      binding,
      fc.nat(),
      (k, plaintext, bound, at) => {
        const sealed = seal(k, plaintext, bound)
        const bit = at % (sealed.length * 8)
        sealed.writeUInt8(sealed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        expect(() => open(k, sealed, bound)).toThrow(corrupt)
      },
    ),
  )
})

test('open fails with another path, revision, write id or store id', () => {
  const other = fc.oneof(
    fc.record({ storeId: fc.string() }),
    fc.record({ path: fc.string() }),
    fc.record({ revision: fc.nat() }),
    fc.record({ writeId: fc.string() }),
    binding,
  )
  fc.assert(
    fc.property(key, binding, other, (k, bound, change) => {
      const changed = { ...bound, ...change }
      fc.pre(JSON.stringify(changed) !== JSON.stringify(bound))
      expect(() => open(k, seal(k, Buffer.from('x'), bound), changed)).toThrow(corrupt)
    }),
  )
})

test('open fails with another key', () => {
  fc.assert(
    fc.property(key, key, binding, (k, other, bound) => {
      fc.pre(Buffer.compare(k, other) !== 0)
      expect(() => open(other, seal(k, Buffer.from('x'), bound), bound)).toThrow(corrupt)
    }),
  )
})
