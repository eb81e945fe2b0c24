import { describe, expect, it } from '@jest/globals'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import {
  KEY_TYPES,
  KEY_TYPE_NAMES,
  publicKeyDer,
  publicKeyPem,
  type KeyTypeName,
} from '../../../src/crypto/key-types.js'

/** Node's details of material of each asymmetric type that is fast to generate. */
const DETAILS: readonly (readonly [KeyTypeName, object])[] = [
  [
    'rsa-2048',
    {
      asymmetricKeyType: 'rsa',
      asymmetricKeyDetails: { modulusLength: 2048, publicExponent: 65537n },
    },
  ],
  ['ecdsa-p256', { asymmetricKeyType: 'ec', asymmetricKeyDetails: { namedCurve: 'prime256v1' } }],
  ['ecdsa-p384', { asymmetricKeyType: 'ec', asymmetricKeyDetails: { namedCurve: 'secp384r1' } }],
  ['ecdsa-p521', { asymmetricKeyType: 'ec', asymmetricKeyDetails: { namedCurve: 'secp521r1' } }],
  [
    'ecdsa-secp256k1',
    { asymmetricKeyType: 'ec', asymmetricKeyDetails: { namedCurve: 'secp256k1' } },
  ],
  ['ed25519', { asymmetricKeyType: 'ed25519' }],
]

describe('generated material', () => {
  it.each(DETAILS)(
    'of type %s is a different PKCS#8 key of that type each time',
    async (type, details) => {
      const [material, other] = [await KEY_TYPES[type].generate(), await KEY_TYPES[type].generate()]
      const key = createPrivateKey({ key: Buffer.from(material), format: 'der', type: 'pkcs8' })
      expect(key).toMatchObject(details)
      expect(Buffer.from(material).equals(key.export({ format: 'der', type: 'pkcs8' }))).toBe(true)
      expect(Buffer.from(material).equals(other)).toBe(false)
    },
  )

  it.each([
    ['aes256-gcm96', 32],
    ['hmac-sha224', 28],
    ['hmac-sha256', 32],
    ['hmac-sha384', 48],
    ['hmac-sha512', 64],
  ] as const)('of type %s is %i random bytes', async (type, length) => {
    const [material, other] = [await KEY_TYPES[type].generate(), await KEY_TYPES[type].generate()]
    expect(material).toHaveLength(length)
    expect(Buffer.from(material).equals(other)).toBe(false)
  })
})

describe('the public key of material', () => {
  it.each(DETAILS)("of type %s equals Node's, as PEM and as DER", async (type) => {
    // A view into a larger buffer, like material from a record.
    const whole = Buffer.concat([
      Buffer.alloc(7),
      await KEY_TYPES[type].generate(),
      Buffer.alloc(7),
    ])
    const material = new Uint8Array(whole.buffer, whole.byteOffset + 7, whole.length - 14)
    const expected = createPublicKey(
      createPrivateKey({ key: Buffer.from(material), format: 'der', type: 'pkcs8' }),
    )
    expect(publicKeyPem(type, material)).toBe(expected.export({ format: 'pem', type: 'spki' }))
    expect(publicKeyDer(type, material)).toEqual(expected.export({ format: 'der', type: 'spki' }))
  })

  it('is undefined for types without one', async () => {
    for (const type of KEY_TYPE_NAMES.filter((name) => !KEY_TYPES[name].asymmetric)) {
      const material = await KEY_TYPES[type].generate()
      expect([publicKeyPem(type, material), publicKeyDer(type, material)]).toEqual([
        undefined,
        undefined,
      ])
    }
  })
})
