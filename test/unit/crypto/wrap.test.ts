import { afterEach, describe, expect, it, jest } from '@jest/globals'
import fc from 'fast-check'
import {
  constants,
  createDecipheriv,
  generateKeyPairSync,
  privateDecrypt,
  randomBytes,
} from 'node:crypto'
import { unwrapKwp, wrapForImport, wrapKwp } from '../../../src/crypto/wrap.js'

describe('AES-KWP', () => {
  // RFC 5649 section 6 has vectors for a 192-bit key only. They check the mode and the initial
  // value.
  it.each([
    [
      'c37b7e6492584340bed12207808941155068f738',
      '138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a',
    ],
    ['466f7250617369', 'afbeb0f07dfbf5419200f2ccb50bb24f'],
  ])('opens the vector of RFC 5649 for %s', (plain, wrapped) => {
    const kek = Buffer.from('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8', 'hex')
    const decipher = createDecipheriv('id-aes192-wrap-pad', kek, Buffer.from('A65959A6', 'hex'))
    expect(
      Buffer.concat([decipher.update(Buffer.from(wrapped, 'hex')), decipher.final()]).toString(
        'hex',
      ),
    ).toBe(plain)
  })

  it('wraps any material in multiples of 8 bytes, and unwraps it again', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 3000 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (material, key) => {
          const wrapped = wrapKwp(key, material)
          expect(wrapped.length).toBe(Math.ceil(material.length / 8) * 8 + 8)
          expect(unwrapKwp(key, wrapped).equals(material)).toBe(true)
        },
      ),
    )
  })

  it('does not unwrap with a flipped bit', () => {
    const key = randomBytes(32)
    const wrapped = wrapKwp(key, randomBytes(40))
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const changed = Buffer.from(wrapped)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => unwrapKwp(key, changed)).toThrow()
    }
  })
})

afterEach(() => {
  jest.restoreAllMocks()
})

describe('wrapForImport', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const der = publicKey.export({ format: 'der', type: 'spki' })
  const oaep = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }

  it('RSAES_OAEP_SHA_256 is one block that contains the material', () => {
    const material = randomBytes(32)
    const blob = wrapForImport('RSAES_OAEP_SHA_256', der, material, 2048)
    expect(blob).toHaveLength(256)
    expect(privateDecrypt(oaep, blob).equals(material)).toBe(true)
  })

  it('RSA_AES_KEY_WRAP_SHA_256 is a block that contains a key, then the material under it', () => {
    const material = randomBytes(1217)
    const blob = wrapForImport('RSA_AES_KEY_WRAP_SHA_256', der, material, 2048)
    expect(
      unwrapKwp(privateDecrypt(oaep, blob.subarray(0, 256)), blob.subarray(256)).equals(material),
    ).toBe(true)
  })

  it('refuses a wrapping key of another kind or size', () => {
    expect(() => wrapForImport('RSAES_OAEP_SHA_256', der, randomBytes(32))).toThrow(
      'not RSA of 4096 bits',
    )
    expect(() => wrapForImport('RSAES_OAEP_SHA_256', randomBytes(100), randomBytes(32))).toThrow(
      'not RSA of 4096 bits',
    )
    for (const other of [
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
    ]) {
      const key = other.publicKey.export({ format: 'der', type: 'spki' })
      expect(() => wrapForImport('RSAES_OAEP_SHA_256', key, randomBytes(32), 2048)).toThrow(
        expect.objectContaining({
          code: 'KMS_FAILED',
          message: 'the KMS returned a wrapping key that is not RSA of 2048 bits',
        }),
      )
    }
  })

  it('keeps the cause of an unreadable wrapping key', () => {
    expect(() => wrapForImport('RSAES_OAEP_SHA_256', randomBytes(100), randomBytes(32))).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ message: expect.any(String) }) }),
    )
  })

  // Simulates a faulty processor or OpenSSL. AWS could not unwrap the blob, or would unwrap other
  // material.
  it.each([
    [
      'another byte',
      (unwrapped: Buffer) =>
        Buffer.from(unwrapped.map((byte, index) => (index === 20 ? byte ^ 1 : byte))),
    ],
    ['a byte less', (unwrapped: Buffer) => unwrapped.subarray(0, -1)],
    ['a byte more', (unwrapped: Buffer) => Buffer.concat([unwrapped, Buffer.alloc(1)])],
    ['nothing', () => Buffer.alloc(0)],
  ])('refuses its own result if it unwraps to %s', (_name, corrupt) => {
    const decipher = Object.getPrototypeOf(
      createDecipheriv('id-aes256-wrap-pad', Buffer.alloc(32), Buffer.from('A65959A6', 'hex')),
    ) as { update: (wrapped: Uint8Array) => Buffer }
    const update = decipher.update
    jest.spyOn(decipher, 'update').mockImplementation(function (this: unknown, wrapped) {
      return corrupt(update.call(this, wrapped))
    })
    expect(() => wrapForImport('RSA_AES_KEY_WRAP_SHA_256', der, randomBytes(48), 2048)).toThrow(
      expect.objectContaining({
        code: 'KMS_FAILED',
        message: 'the wrapped key material does not unwrap to the original',
      }),
    )
  })
})
