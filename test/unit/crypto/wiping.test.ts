import { afterEach, describe, expect, it, jest } from '@jest/globals'
import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  randomBytes,
} from 'node:crypto'
import { encode } from '../../../src/crypto/import/der.js'
import { recogniseMaterial } from '../../../src/crypto/import/recognise.js'
import { open, seal } from '../../../src/crypto/seal.js'
import { wrapForImport } from '../../../src/crypto/wrap.js'
import { watchWiping } from '../../support/watch-wiping.js'
import { integer, json, list, octets, oid, P256, pem, sec1 } from './import/structures.js'

// Secrets are overwritten after their last use. A spy records the content before it is overwritten.

const includes = (wiped: readonly Buffer[], secret: Uint8Array) =>
  wiped.some((content) => content.equals(secret))

afterEach(() => {
  jest.restoreAllMocks()
})

describe('wipes', () => {
  it('the key that wrapped material for AWS, and the material that was unwrapped for comparison', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const material = randomBytes(1200)
    const wiped = watchWiping()
    const blob = wrapForImport(
      'RSA_AES_KEY_WRAP_SHA_256',
      publicKey.export({ format: 'der', type: 'spki' }),
      material,
      2048,
    )
    const ephemeral = privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
      blob.subarray(0, 256),
    )
    expect([includes(wiped, ephemeral), includes(wiped, material)]).toEqual([true, true])
  })

  it('the decrypted bytes of a record that was changed', () => {
    const [key, plaintext] = [randomBytes(32), randomBytes(40)]
    const binding = { storeId: 's', path: 'key/app', revision: 1, writeId: 'w' }
    const sealed = seal(key, plaintext, binding)
    const wiped = watchWiping()
    expect(() => open(key, sealed, { ...binding, revision: 2 })).toThrow('does not open')
    expect(includes(wiped, plaintext)).toBe(true)
    wiped.length = 0
    expect(open(key, sealed, binding).equals(plaintext)).toBe(true)
    expect(includes(wiped, plaintext)).toBe(false)
  })

  it('the input of material that is accepted', () => {
    const secret = randomBytes(32)
    const wiped = watchWiping()
    recogniseMaterial(Buffer.from(secret.toString('hex')), { type: 'aes256-gcm96' })
    expect(includes(wiped, secret)).toBe(true)
    for (const key of [
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
      generateKeyPairSync('ed25519').privateKey,
    ]) {
      wiped.length = 0
      const { material } = recogniseMaterial(
        Buffer.from(key.export({ format: 'pem', type: 'pkcs8' })),
        {},
      )
      expect(includes(wiped, key.export({ format: 'der', type: 'pkcs8' }))).toBe(true)
      expect(
        createPrivateKey({ key: Buffer.from(material), format: 'der', type: 'pkcs8' }).equals(key),
      ).toBe(true)
    }
  })

  describe('every intermediate copy of a private key or secret', () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const point = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-65)
    const whole = key.export({ format: 'der', type: 'sec1' })
    // Without its point, it differs from the canonical bytes.
    const bare = sec1(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'))
    const algorithm = list(oid('2a8648ce3d0201'), P256)
    const version1 = list(integer(0), algorithm, octets(bare))
    const version2 = list(
      integer(1),
      algorithm,
      octets(bare),
      encode(0x81, Uint8Array.of(0), point),
    )
    const secret = randomBytes(48)

    it.each([
      ['what a PEM block spells', pem('EC PRIVATE KEY', bare), bare],
      ['what hex spells', Buffer.from(bare.toString('hex')), bare],
      ['what base64 spells', Buffer.from(bare.toString('base64')), bare],
      ['the key as Node.js writes it', whole, key.export({ format: 'der', type: 'pkcs8' })],
      ['the key that is made anew, with its point', bare, whole],
      ['version 1 of what came in version 2', version2, version1],
      ['what a JWK spells', json({ kty: 'oct', k: secret.toString('base64url') }), secret],
    ])('%s', (_name, file, copy) => {
      const wiped = watchWiping()
      recogniseMaterial(file, {})
      expect(includes(wiped, copy)).toBe(true)
    })

    it.each([
      ['hex', Buffer.from(`${secret.toString('hex')}*`), 'hex'],
      ['base64', Buffer.from(`${secret.toString('base64')}*`), 'base64'],
      ['base64, but for its padding', Buffer.from(`${secret.toString('base64')}=`), 'base64'],
    ] as const)('the decoded bytes of %s that is refused', (_name, file, format) => {
      const wiped = watchWiping()
      expect(() => recogniseMaterial(file, { format })).toThrow('as format says')
      expect(wiped.some((content) => content.subarray(0, 48).equals(secret))).toBe(true)
    })
  })
})
