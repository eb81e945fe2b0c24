import { describe, expect, it } from '@jest/globals'
import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { recogniseMaterial } from '../../../../src/crypto/import/recognise.js'
import { refusalOf } from './material.js'
import { json } from './structures.js'

const said = (...given: Parameters<typeof refusalOf>) => refusalOf(...given).split('\n')
const noise = (length: number) =>
  Buffer.from(
    createHash('shake256', { outputLength: length })
      .update('noise')
      .digest()
      .map((byte) => byte | 0x80),
  )
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
const okp = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
const oct = (length: number, more: object = {}) =>
  json({ kty: 'oct', k: noise(length).toString('base64url'), ...more })
const EXPORT_WHOLE = 'export the complete private key from the program that created it'
const UNREADABLE =
  'the JWK is malformed, or its halves belong to different keys, or its curve is not P-256, P-384, P-521, secp256k1 or Ed25519'

describe('JSON', () => {
  it.each([
    ['blanks', ' \t\r\n'],
    ['a byte order mark', '\ufeff'],
    ['a byte order mark and a blank', '\ufeff '],
  ])('is recognised with %s in front', (_name, front) => {
    expect(recogniseMaterial(Buffer.concat([Buffer.from(front), oct(48)]), {})).toEqual({
      type: 'hmac-sha384',
      format: 'JWK',
      material: new Uint8Array(noise(48)),
    })
  })

  it.each([
    ['{ after a word', 'key = {'],
    ['[ after a word', 'keys[0]'],
    ['{ after a quote', '"{'],
  ])('is not recognised with %s', (_name, text) => {
    expect(said(Buffer.from(text), {})[0]).toBe(
      `the material is text of ${text.length} characters that is not a PEM, JWK, hex or base64`,
    )
  })

  it('is not recognised if it is not UTF-8', () => {
    expect(said(Buffer.concat([Buffer.from('{'), noise(30)]), {})[0]).toBe(
      'the material is 31 bytes',
    )
  })

  it.each([
    [
      'cut short',
      Buffer.from('{"kty":'),
      ['the material is not the JSON of a JWK, or is truncated', 'use another copy of the key'],
    ],
    [
      'a list',
      json([{ kty: 'oct' }]),
      [
        'the material is a list of one JWK, and a JWK by itself is needed',
        "extract the first one: jq '.[0]' FILE | keymgmt write … material=-",
      ],
    ],
    [
      'a set',
      json({ keys: [] }),
      [
        'the material is a list of 0 JWKs, and a JWK by itself is needed',
        "extract the first one: jq '.keys[0]' FILE | keymgmt write … material=-",
      ],
    ],
    [
      'a list of bytes',
      json([...Array(32).keys()]),
      [
        'the material is a JSON list of 32 bytes',
        "convert it: node -e 'fs.writeSync(1, Buffer.from(JSON.parse(fs.readFileSync(0))))' < FILE | keymgmt write … material=-",
      ],
    ],
    [
      'a Buffer',
      json(Buffer.alloc(3)),
      ['the material is a JSON list of 3 bytes', expect.stringContaining('node -e')],
    ],
    [
      'the output of a command',
      json({ Plaintext: 'AA==', KeyId: 'x' }),
      [
        'the material is JSON, but not a JWK: it has no "kty"',
        'if "Plaintext" is the key, extract it: jq -r .Plaintext FILE | keymgmt write … material=-',
      ],
    ],
    [
      'encrypted',
      json({ ciphertext: '' }),
      [
        'the material is an encrypted JWK (JWE), which keymgmt does not read',
        'decrypt it with the program that created it',
      ],
    ],
    [
      'something else',
      json({ key: 1 }),
      [
        'the material is JSON, but not a JWK: it has no "kty"',
        'a JWK is an object such as {"kty":"oct","k":"…"}',
      ],
    ],
    [
      'of no kind here',
      json({ kty: 'AKP', d: 'AA' }),
      ['the "kty" of the JWK is not one that can be imported', 'it must be RSA, EC, OKP or oct'],
    ],
    [
      'public',
      json({ ...ec, d: undefined }),
      [
        'the material is a public key (JWK), and a private key is needed',
        'import the private key that belongs to it',
      ],
    ],
    [
      'of three primes',
      json({ kty: 'RSA', d: 'AA', oth: [] }),
      [
        'the RSA private key has more than two primes',
        'AWS KMS accepts two; such a key can only be replaced, not converted',
      ],
    ],
  ])('is refused with its name: %s', (_name, file, words) => {
    expect(said(file, {})).toEqual(words)
  })

  it.each(['null', '7', '"key"'])('is refused as an invalid JWK: %s', (text) => {
    expect(said(Buffer.from(text), { format: 'jwk' })).toEqual([
      'the material is JSON, but not a JWK: it has no "kty"',
      'a JWK is an object such as {"kty":"oct","k":"…"}',
    ])
  })
})

describe('the members of a private key', () => {
  it.each([
    ['a number', { x: 7 }, '"x"'],
    ['nothing', { x: '' }, '"x"'],
    ['a character of no alphabet at the end', { x: `${ec.x}*` }, '"x"'],
    ['one in front', { x: `=${ec.x}` }, '"x"'],
    ['not there', { x: undefined, y: undefined }, '"x", "y"'],
    ['no text at all', { crv: null, d: [] }, '"crv", "d"'],
  ])('are refused if they are not base64url: %s', (_name, change, names) => {
    expect(said(json({ ...ec, ...change }), {})).toEqual([
      `the JWK lacks ${names}, or its value is not base64url text`,
      EXPORT_WHOLE,
    ])
  })

  it.each([
    ['RSA', '"n", "e", "p", "q", "dp", "dq", "qi"'],
    ['EC', '"crv", "x", "y"'],
    ['OKP', '"crv", "x"'],
  ])('are named if they are missing: those of %s', (kty, names) => {
    expect(said(json({ kty, d: 'AA' }), {})).toEqual([
      `the JWK lacks ${names}, or its value is not base64url text`,
      EXPORT_WHOLE,
    ])
  })

  it.each([
    ['a curve without keys to sign with', { ...ec, crv: 'P-192' }],
    ['a point on no curve', { ...ec, y: ec.x }],
    ['a curve that there is not', { ...okp, crv: 'Ed25520' }],
  ])('are refused together: %s', (_name, jwk) => {
    expect(said(json(jwk), {})).toEqual([
      UNREADABLE,
      'export the private key again from the program that created it',
    ])
  })

  it('may be followed by others, which are ignored', () => {
    expect(
      recogniseMaterial(json({ ...ec, kid: 'ü', key_ops: ['sign'], ext: true }), {}),
    ).toMatchObject({ type: 'ecdsa-p256', format: 'JWK' })
  })

  it('may have a coordinate with an additional leading zero', () => {
    const x = Buffer.concat([Buffer.alloc(1), Buffer.from(ec.x ?? '', 'base64url')]).toString(
      'base64url',
    )
    const { material } = recogniseMaterial(json({ ...ec, x }), {})
    expect(
      createPrivateKey({ key: Buffer.from(material), format: 'der', type: 'pkcs8' }).export({
        format: 'jwk',
      }),
    ).toEqual(ec)
  })
})

describe('an oct key', () => {
  it.each([
    ['a number', 7],
    ['a list', ['AA']],
    ['nothing', ''],
    ['of no alphabet', '****'],
    ['not there', undefined],
  ])('is refused if it is not base64url: %s', (_name, k) => {
    expect(said(json({ kty: 'oct', k }), {})).toEqual([
      'the JWK has no "k", or its value is not base64url text',
      'export the key again from the program that created it',
    ])
  })

  it('is refused with another length', () => {
    expect(said(oct(31), { type: 'aes256-gcm96' })).toEqual([
      'the JWK contains 31 bytes',
      'aes256-gcm96 takes exactly 32 bytes, raw or as hex, base64 or a JWK',
    ])
    expect(said(oct(31), {})).toEqual([
      'the JWK contains 31 bytes',
      'an import takes a private key (PEM, DER, JWK), or 28, 32, 48 or 64 bytes (raw, hex, base64, JWK); with the type of an HMAC key, up to 128 bytes',
    ])
    expect(said(oct(48), { type: 'rsa-2048' })[0]).toBe('the JWK contains 48 bytes')
  })

  it('is refused if it is text', () => {
    const k = Buffer.from('correct horse battery staple 123').toString('base64url')
    expect(said(json({ kty: 'oct', k }), { type: 'aes256-gcm96' })[0]).toBe(
      'the material is weak: its 32 bytes (JWK) are text, where random bytes are expected',
    )
  })

  it('is ambiguous if no member determines its type', () => {
    expect(said(oct(32), {})).toEqual([
      'the material fits more than one type: aes256-gcm96 (32 bytes, JWK), hmac-sha256 (32 bytes, JWK)',
      'specify one: type=aes256-gcm96 or type=hmac-sha256',
    ])
  })

  it.each([
    [{ alg: 'A256GCM' }, 'aes256-gcm96'],
    [{ alg: 'dir' }, 'aes256-gcm96'],
    [{ use: 'enc' }, 'aes256-gcm96'],
    [{ use: 'sig' }, 'hmac-sha256'],
    [{ use: 'sig', alg: 'HS256' }, 'hmac-sha256'],
  ])('has the type that its members determine: %j', (what, type) => {
    expect(recogniseMaterial(oct(32, what), {}).type).toBe(type)
  })
})

describe('use and alg of a JWK', () => {
  const AGREEMENT = 'ECDH-ES, ECDH-ES+A128KW, ECDH-ES+A192KW, ECDH-ES+A256KW'
  const EC = `with ecdsa-p256, "use" can be sig or enc, and "alg" can be ES256, ${AGREEMENT}; a copy of the JWK without them is accepted too`

  it.each([
    ['ecdsa-p256', json({ ...ec, alg: 'ES384' }), EC],
    ['ecdsa-p256', json({ ...ec, use: 'wrap' }), EC],
    [
      'ed25519',
      json({ ...okp, use: 'enc' }),
      'with ed25519, "use" can be sig, and "alg" can be EdDSA, Ed25519; a copy of the JWK without them is accepted too',
    ],
    [
      'hmac-sha256',
      oct(32, { use: 'enc' }),
      'with hmac-sha256, "use" can be sig, and "alg" can be HS256; a copy of the JWK without them is accepted too',
    ],
    [
      'hmac-sha224',
      oct(28, { alg: 'HS256' }),
      'with hmac-sha224, "use" can be sig, and "alg" must be absent; a copy of the JWK without them is accepted too',
    ],
    [
      'hmac-sha224',
      oct(28, { alg: 7 }),
      'with hmac-sha224, "use" can be sig, and "alg" must be absent; a copy of the JWK without them is accepted too',
    ],
  ] as const)('must not contradict its type: %s (%#)', (type, file, hint) => {
    expect(said(file, { type })).toEqual([
      `the "alg" or "use" of the JWK does not allow ${type}`,
      hint,
    ])
  })

  it('must be known values', () => {
    expect(said(oct(32, { alg: 'HS1' }), {})).toEqual([
      'no key type has the "alg" or "use" of the JWK',
      'key types: aes256-gcm96, rsa-2048, rsa-3072, rsa-4096, ecdsa-p256, ecdsa-p384, ecdsa-p521, ecdsa-secp256k1, ed25519, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512',
    ])
  })
})
