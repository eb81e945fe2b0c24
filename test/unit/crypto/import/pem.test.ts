import { describe, expect, it } from '@jest/globals'
import { generateKeyPairSync } from 'node:crypto'
import { recogniseMaterial } from '../../../../src/crypto/import/recognise.js'
import { fileOf, MATERIAL_VECTORS, refusalOf } from './material.js'
import { pem } from './structures.js'

const said = (...given: Parameters<typeof refusalOf>) => refusalOf(...given).split('\n')
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const pkcs8 = ec.export({ format: 'der', type: 'pkcs8' })
const sec1 = ec.export({ format: 'der', type: 'sec1' })
const CONVERT = 'convert it: openssl pkcs8 -topk8 -nocrypt -in FILE | keymgmt write … material=-'
const BELONGS = 'import the private key that belongs to it'
const DAMAGED = [
  'the PEM is truncated or damaged: a block has no end line',
  'use another copy of the key',
]

describe('a PEM block that is not a private key', () => {
  it.each([
    ['PUBLIC KEY', 'a public key'],
    ['RSA PUBLIC KEY', 'a public key'],
    ['CERTIFICATE REQUEST', 'a certificate request'],
    ['NEW CERTIFICATE REQUEST', 'a certificate request'],
    ['CERTIFICATE', 'a certificate'],
    ['TRUSTED CERTIFICATE', 'a certificate'],
    ['PKCS7', 'a certificate'],
    ['CMS', 'a certificate'],
    ['EC PARAMETERS', 'parameters without a key'],
  ])('is named by its label: %s', (label, name) => {
    expect(said(pem(label, ''), {})).toEqual([
      `the material is ${name} (PEM), and a private key is needed`,
      BELONGS,
    ])
  })

  it('is named by the most specific label, at any position', () => {
    expect(
      said(
        Buffer.concat(
          ['EC PARAMETERS', 'CERTIFICATE', 'PUBLIC KEY'].map((label) => pem(label, '')),
        ),
        {},
      )[0],
    ).toBe('the material is a public key (PEM), and a private key is needed')
  })

  it('is refused without a name if its label is unknown or missing', () => {
    expect(said(pem('X509 CRL', ''), {})).toEqual([
      'the material is PEM that contains no private key',
      CONVERT,
    ])
    expect(said(Buffer.from('a key'), { format: 'pem' })).toEqual([
      'the material contains no PEM block, but format is pem',
      'leave format out: keymgmt recognises the formats that it reads',
    ])
  })
})

describe('a private key in an unsupported format', () => {
  it.each([
    ['DSA PRIVATE KEY', 'a DSA private key', ['AWS KMS has no DSA keys']],
    [
      'RSA-PSS PRIVATE KEY',
      'an RSA private key restricted to PSS (id-RSASSA-PSS)',
      [
        'if it may be used for more than PSS: openssl rsa -in FILE -traditional -outform DER | keymgmt write … material=-',
      ],
    ],
    [
      'PGP PRIVATE KEY BLOCK',
      'an OpenPGP private key',
      ['export the key itself from the program that created it, as PKCS#8'],
    ],
    [
      'OPENSSH PRIVATE KEY',
      "a private key in OpenSSH's own form",
      [
        'convert a copy, as ssh-keygen rewrites the file in place: cp FILE FILE.copy && ssh-keygen -p -m PKCS8 -f FILE.copy; then import FILE.copy and remove it',
        'an older ssh-keygen leaves an Ed25519 key in its own form: use a newer one',
      ],
    ],
  ])('is named, with the next step: %s', (label, name, hints) => {
    expect(said(pem(label, pkcs8), {})).toEqual([
      `the material is ${name}, which keymgmt does not read`,
      ...hints,
    ])
    expect(said(pem(label, `Proc-Type: 4,ENCRYPTED\n\n${pkcs8.toString('base64')}`), {})).toEqual([
      `the material is ${name}, which keymgmt does not read`,
      ...hints,
    ])
  })

  it.each([
    ['as it is', pkcs8.toString('base64'), {}],
    [
      'encrypted, before a passphrase is asked for',
      `Proc-Type: 4,ENCRYPTED\n\n${pkcs8.toString('base64')}`,
      {},
    ],
    [
      'encrypted, with a passphrase',
      `Proc-Type: 4,ENCRYPTED\n\n${pkcs8.toString('base64')}`,
      { passphrase: Buffer.from('correct horse') },
    ],
  ])('is refused under an unknown label: %s', (_name, body, options) => {
    expect(said(pem('SECRET PRIVATE KEY', body), options)).toEqual([
      'the material is a private key with an unknown PEM label',
      CONVERT,
    ])
  })
})

describe('a private key under a label', () => {
  it.each([
    ['PRIVATE KEY', 'PKCS#8', sec1, 'SEC1'],
    ['RSA PRIVATE KEY', 'PKCS#1', pkcs8, 'PKCS#8'],
    ['EC PRIVATE KEY', 'SEC1', pkcs8, 'PKCS#8'],
    ['ENCRYPTED PRIVATE KEY', 'encrypted PKCS#8', pkcs8, 'PKCS#8'],
  ])('of another structure is refused: %s', (label, promised, der, held) => {
    expect(said(pem(label, der), {})).toEqual([
      `the PEM is labelled "${label}" (${promised}) but contains ${held}`,
      CONVERT,
    ])
  })

  it.each([
    [
      'is not base64',
      pem('PRIVATE KEY', 'M*'),
      [
        'the PEM is damaged: the text between its first and last line is not base64',
        'use another copy of the key',
      ],
    ],
    [
      'has its line ends escaped',
      pem('PRIVATE KEY', '\\nMC4CAQAw\\n'),
      [
        'the lines of the PEM end in a backslash and an n instead of a line end',
        `convert them: printf '%b' "$(cat FILE)" | keymgmt write … material=-`,
      ],
    ],
    [
      'is something else',
      pem('PRIVATE KEY', 'AAAA'),
      [
        'the material is not a complete private key (PEM): neither PKCS#8 nor PKCS#1 nor SEC1',
        'examine it: openssl asn1parse -in FILE (with -inform DER unless it is PEM)',
      ],
    ],
    [
      'is a public key',
      pem('PRIVATE KEY', Buffer.from('300430000300', 'hex')),
      ['the material is a public key (PEM), and a private key is needed', 'import the private key'],
    ],
  ])('is refused if it %s', (_name, file, words) => {
    expect(said(file, {})).toEqual(words)
  })

  it('is refused together with another', () => {
    expect(
      said(
        Buffer.concat([
          pem('PRIVATE KEY', pkcs8),
          pem('EC PRIVATE KEY', sec1),
          pem('OPENSSH PRIVATE KEY', ''),
        ]),
        {},
      ),
    ).toEqual([
      'the material contains 3 private keys (PEM)',
      'import one at a time, each from a separate file',
    ])
  })

  it('is read together with other blocks, and with text before, between and after them', () => {
    const blocks = [
      pem('CERTIFICATE', 'AAAA'),
      pem('EC PRIVATE KEY', sec1),
      pem('EC PARAMETERS', ''),
    ]
    expect(
      recogniseMaterial(
        Buffer.concat(
          blocks.flatMap((block) => [Buffer.from('a text - of -- dashes ----\n'), block]),
        ),
        {},
      ),
    ).toEqual({ type: 'ecdsa-p256', format: 'SEC1 PEM', material: new Uint8Array(pkcs8) })
  })

  it('is read from a file of the maximum size, and refused from one that is one byte larger', () => {
    const block = pem('EC PRIVATE KEY', sec1)
    const file = (length: number) =>
      Buffer.concat([Buffer.alloc(length - block.length, '#'), block])
    expect(recogniseMaterial(file(65_536), {}).type).toBe('ecdsa-p256')
    expect(said(file(65_537), {})).toEqual([
      'the material is 65537 bytes, and no key is longer than 65536',
      'import a file that contains the key and nothing else',
    ])
    expect(said(Buffer.alloc(0), {})).toEqual([
      'the material is empty',
      'material=@FILE reads a file, and material=- reads standard input',
    ])
  })
})

describe('a block without an end', () => {
  it.each([
    ['in its label', '-----BEGIN PRIVATE KEY'],
    ['after its label', '-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n'],
    ['but as another begins', '-----BEGIN PRIVATE KEY-----\n-----END PUBLIC KEY-----\n'],
    ['but before it begins', '-----END PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\n'],
    ['after one that does', `${pem('CERTIFICATE', '').toString()}-----BEGIN PRIVATE KEY-----\n`],
    ['with a label too long to be one', pem('A'.repeat(65), '').toString()],
  ])('is refused as damaged: %s', (_name, text) => {
    expect(said(Buffer.from(text), {})).toEqual(DAMAGED)
  })
})

describe('traditional encryption (RFC 1421)', () => {
  const closed = (passphrase: string) =>
    Buffer.from(ec.export({ format: 'pem', type: 'sec1', cipher: 'aes-256-cbc', passphrase }))

  it('is read with its passphrase, between other text', () => {
    const file = Buffer.concat([
      Buffer.from('a text\n'),
      closed('correct horse'),
      Buffer.from('another\n'),
    ])
    expect(recogniseMaterial(file, { passphrase: Buffer.from('correct horse') })).toEqual({
      type: 'ecdsa-p256',
      format: 'encrypted SEC1 PEM',
      material: new Uint8Array(pkcs8),
    })
  })

  it('is refused with another type', () => {
    expect(
      said(closed('correct horse'), {
        passphrase: Buffer.from('correct horse'),
        type: 'ecdsa-p384',
      })[0],
    ).toBe('the material is an ecdsa-p256 private key (encrypted SEC1 PEM), but type is ecdsa-p384')
  })

  // One wrong passphrase in 256 decrypts with valid padding. With this one, OpenSSL fails only when
  // it parses the result.
  it.each([
    [
      'without a passphrase',
      undefined,
      [
        'the private key is encrypted, and a passphrase is needed',
        'add passphrase=@FILE with the name of a file that contains the passphrase',
      ],
    ],
    [
      'with another',
      Buffer.from('wrong'),
      [
        'the passphrase does not open the private key',
        'check the passphrase; if it is right, the file is damaged',
      ],
    ],
    [
      'with another that seems to open it',
      Buffer.from('wrong 247'),
      [
        'the passphrase does not open the private key',
        'check the passphrase; if it is right, the file is damaged',
      ],
    ],
  ])('is refused %s', (_name, passphrase, words) => {
    const [file = Buffer.alloc(0)] = MATERIAL_VECTORS.filter(
      ({ name }) => name === 'traditional encryption',
    ).map(fileOf)
    expect(said(file, { passphrase })).toEqual(words)
  })
})
