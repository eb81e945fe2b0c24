import { describe, expect, it } from '@jest/globals'
import { createHash, createHmac, generateKeyPairSync } from 'node:crypto'
import { recogniseMaterial } from '../../../../src/crypto/import/recognise.js'
import { refusalOf } from './material.js'

// Decides between raw bytes, hex and base64, and refuses input that fits none or several of them.

const said = (...given: Parameters<typeof refusalOf>) => refusalOf(...given).split('\n')
const MEANT =
  'if the characters themselves are the key, import a file that contains nothing else, with format=raw'
const AES = 'aes256-gcm96 takes exactly 32 bytes, raw or as hex, base64 or a JWK'
/** Bytes without a pattern, none of which is text. */
const noise = (length: number) =>
  Buffer.from(
    createHash('shake256', { outputLength: length })
      .update('noise')
      .digest()
      .map((byte) => byte | 0x80),
  )

describe('format', () => {
  // 64 characters that are hex of 32 bytes, and base64 of 48.
  const both = Buffer.from(noise(32).toString('hex'))

  it.each([
    ['hex', 'aes256-gcm96', noise(32)],
    ['base64', 'hmac-sha384', Buffer.from(both.toString(), 'base64')],
    ['raw', 'hmac-sha512', both],
  ] as const)(
    'decides how text is read that could be hex, base64 or raw: %s',
    (format, type, material) => {
      expect(recogniseMaterial(both, { format, type })).toEqual({
        type,
        format,
        material: new Uint8Array(material),
      })
    },
  )

  it.each([
    ['hex', undefined],
    ['base64', 'hmac-sha384'],
    ['raw', 'hmac-sha512'],
  ] as const)('%s determines the reading: it is %s', (format, type) => {
    if (type !== undefined) expect(recogniseMaterial(both, { format }).type).toBe(type)
    else
      expect(said(both, { format })).toEqual([
        'the material fits more than one type: aes256-gcm96 (32 bytes, hex), hmac-sha256 (32 bytes, hex)',
        'specify one: type=aes256-gcm96 or type=hmac-sha256',
      ])
  })

  it.each([
    ['hex', noise(32)],
    ['base64', noise(32)],
    ['hex', Buffer.from(noise(32).toString('base64'))],
    ['base64', Buffer.from('correct horse battery staple')],
  ] as const)('%s is refused if the text is not %s', (format, bytes) => {
    expect(said(bytes, { format, type: 'aes256-gcm96' })).toEqual([
      `the material is not ${format}, as format says`,
      AES,
    ])
  })

  it.each([
    ['hex', 'hex of 31 bytes', noise(31).toString('hex')],
    ['base64', 'base64 of 31 bytes', noise(31).toString('base64')],
  ] as const)(
    '%s is refused with another length, which the error states: %s',
    (format, found, text) => {
      expect(said(Buffer.from(text), { format, type: 'aes256-gcm96' })).toEqual([
        `the material is text: ${found}`,
        AES,
      ])
    },
  )

  it('raw is refused with another length, with a diagnosis', () => {
    expect(said(noise(31), { format: 'raw', type: 'aes256-gcm96' })).toEqual([
      'the material is 31 bytes',
      AES,
    ])
    expect(said(Buffer.from('correct horse'), { format: 'raw', type: 'aes256-gcm96' })).toEqual([
      'the material is text of 13 characters that is not a PEM, JWK, hex or base64',
      AES,
    ])
  })

  it('is recognised by content if it is not specified', () => {
    expect(recogniseMaterial(noise(48), {})).toEqual({
      type: 'hmac-sha384',
      format: 'raw',
      material: new Uint8Array(noise(48)),
    })
    expect(recogniseMaterial(Buffer.from(noise(28).toString('hex')), {})).toEqual({
      type: 'hmac-sha224',
      format: 'hex',
      material: new Uint8Array(noise(28)),
    })
    expect(recogniseMaterial(Buffer.from(noise(28).toString('base64')), {})).toEqual({
      type: 'hmac-sha224',
      format: 'base64',
      material: new Uint8Array(noise(28)),
    })
  })
})

describe('without a type', () => {
  it('bytes that fit two types are refused', () => {
    expect(said(noise(32), {})).toEqual([
      'the material fits more than one type: aes256-gcm96 (32 bytes, raw), hmac-sha256 (32 bytes, raw)',
      'specify one: type=aes256-gcm96 or type=hmac-sha256',
    ])
  })

  it('hex that is also base64 of another key is refused', () => {
    expect(said(Buffer.from(noise(32).toString('hex')), {})).toEqual([
      'the material fits more than one type: aes256-gcm96 (32 bytes, hex), hmac-sha256 (32 bytes, hex), hmac-sha384 (48 bytes, base64)',
      'specify one: type=aes256-gcm96 or type=hmac-sha256 or type=hmac-sha384',
    ])
  })

  it.each([27, 29, 31, 33, 47, 49, 63, 65])(
    '%d bytes are refused with all accepted lengths',
    (length) => {
      expect(said(noise(length), {})).toEqual([
        `the material is ${length} bytes`,
        'an import takes a private key (PEM, DER, JWK), or 28, 32, 48 or 64 bytes (raw, hex, base64, JWK); with the type of an HMAC key, up to 128 bytes',
      ])
    },
  )
})

describe('a weak secret', () => {
  const words = Buffer.from('correct horse battery staple 123')
  const text = [
    'the material is weak: its 32 bytes (base64) are text, where random bytes are expected',
    'generate a key: openssl rand -out key.bin 32',
    MEANT,
  ]

  it('is refused with a way to generate another', () => {
    expect(said(Buffer.alloc(32, 0xee), { type: 'aes256-gcm96' })).toEqual([
      'the material is weak: its 32 bytes (raw) are the same byte repeated',
      'generate a key: openssl rand -out key.bin 32',
    ])
    expect(
      said(Buffer.from(Buffer.alloc(48, 0xee).toString('hex')), { type: 'hmac-sha384' }),
    ).toEqual([
      'the material is weak: its 48 bytes (hex) are the same byte repeated',
      'generate a key: openssl rand -out key.bin 48',
    ])
  })

  it('is text, except with format raw', () => {
    expect(said(Buffer.from(words.toString('base64')), { type: 'aes256-gcm96' })).toEqual(text)
    expect(
      said(Buffer.from(words.toString('base64')), { type: 'aes256-gcm96', format: 'base64' }),
    ).toEqual(text)
    expect(recogniseMaterial(words, { type: 'aes256-gcm96', format: 'raw' }).material).toEqual(
      new Uint8Array(words),
    )
  })

  it('is refused even with format raw', () => {
    expect(said(Buffer.alloc(32, 'a'), { type: 'aes256-gcm96', format: 'raw' })).toEqual([
      'the material is weak: its 32 bytes (raw) are the same byte repeated',
      'generate a key: openssl rand -out key.bin 32',
    ])
  })
})

describe('an HMAC key whose length differs from the length of its hash', () => {
  const hmac = { type: 'hmac-sha256' } as const

  it.each([
    [
      'a line end',
      Buffer.concat([noise(32), Buffer.from('\n')]),
      'the material is 32 bytes followed by a line end, which is not part of a key',
      'remove it: head -c 32 FILE | keymgmt write … material=-',
    ],
    [
      'padding',
      Buffer.concat([noise(32), Buffer.alloc(16, 16)]),
      'the material is 32 bytes followed by 16 bytes of padding, which are not part of a key',
      'remove them: head -c 32 FILE | keymgmt write … material=-',
    ],
    [
      'the header of an archive',
      Buffer.concat([Buffer.of(0x1f, 0x8b), noise(58)]),
      'the material is a gzip archive',
      'unpack it: gzip -dc FILE | keymgmt write … material=-',
    ],
  ])('is refused with %s, except with format raw', (_name, bytes, message, hint) => {
    expect(said(bytes, hmac)).toEqual([
      message,
      hint,
      `if all ${bytes.length} bytes are the key, add format=raw`,
    ])
    expect(recogniseMaterial(bytes, { ...hmac, format: 'raw' }).material).toEqual(
      new Uint8Array(bytes),
    )
  })

  it('is hex if it can be hex, so it is never read as base64 by mistake', () => {
    const text = Buffer.from(noise(48).toString('hex'))
    expect(recogniseMaterial(text, hmac).material).toEqual(new Uint8Array(noise(48)))
    expect(said(text, { type: 'hmac-sha512' })).toEqual([
      'the material is text: hex of 48 bytes, or base64 of 72 bytes',
      'hmac-sha512 takes 64 to 128 bytes, raw or as hex, base64 or a JWK',
      'if it is base64, add format=base64',
      MEANT,
    ])
    expect(recogniseMaterial(text, { type: 'hmac-sha512', format: 'base64' }).material).toEqual(
      new Uint8Array(Buffer.from(text.toString(), 'base64')),
    )
  })

  it('is refused with the way to decode it if it was encoded twice', () => {
    const twice = Buffer.from(Buffer.from(noise(32).toString('base64')).toString('base64'))
    expect(said(twice, hmac)).toEqual([
      'the material is base64 of base64',
      'decode it: base64 -d < FILE | keymgmt write … material=-',
    ])
  })

  it('is imported as its digest if it is longer than 128 bytes', () => {
    const long = noise(200)
    expect(said(long, { type: 'hmac-sha384' })).toEqual([
      'the material is 200 bytes',
      'hmac-sha384 takes 48 to 128 bytes, raw or as hex, base64 or a JWK',
      'import its digest, which has the same MACs: openssl dgst -sha384 -binary FILE | keymgmt write … material=-',
    ])
    for (const hash of ['sha224', 'sha256', 'sha384', 'sha512'])
      expect(createHmac(hash, long).update('message').digest()).toEqual(
        createHmac(hash, createHash(hash).update(long).digest()).update('message').digest(),
      )
  })
})

describe('a private key in hex or base64', () => {
  const der = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })

  it.each([
    ['hex', 'hex'],
    ['base64', 'base64'],
    ['base64', 'base64url'],
  ] as const)('of %s (%s) is read as a private key', (format, encoding) => {
    const file = Buffer.from(der.toString(encoding))
    const found = {
      type: 'ed25519',
      format: `PKCS#8 DER in ${format}`,
      material: new Uint8Array(der),
    }
    expect(recogniseMaterial(file, {})).toEqual(found)
    expect(recogniseMaterial(file, { format })).toEqual(found)
  })

  it('is not recognised with format raw', () => {
    expect(said(Buffer.from(der.toString('hex')), { format: 'raw' })).toEqual([
      'the material is text of 96 characters that is not a PEM, JWK, hex or base64',
      expect.stringContaining('an import takes'),
    ])
  })
})

it.each([
  ['raw', noise(32)],
  ['hex', Buffer.from(noise(32).toString('hex'))],
  ['base64', Buffer.from(noise(32).toString('base64'))],
  ['a JWK', Buffer.from(JSON.stringify({ kty: 'oct', k: noise(32).toString('base64url') }))],
])('a passphrase is refused with a secret: %s', (_name, file) => {
  expect(said(file, { type: 'aes256-gcm96', passphrase: Buffer.from('correct horse') })).toEqual([
    'a passphrase was specified, but the material is not encrypted',
    'leave passphrase out, or import the encrypted file',
  ])
})
