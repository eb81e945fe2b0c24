import { describe, expect, it } from '@jest/globals'
import { createECDH, createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { recogniseMaterial } from '../../../../src/crypto/import/recognise.js'
import type { KeyTypeName } from '../../../../src/crypto/key-types.js'
import { refusalOf } from './material.js'

// A key inside something else: the refusal names both, and its command extracts the key.

const KEY = randomBytes(32)
const HEX = KEY.toString('hex')
const BASE64 = KEY.toString('base64')
const PEM = generateKeyPairSync('ed25519')
  .privateKey.export({ format: 'pem', type: 'pkcs8' })
  .toString()

/** keymgmt needs only Node.js, but its hints use common command-line tools. */
const HAS_TOOLS = ['xxd', 'base64', 'sed', 'grep'].every(
  (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0,
)

/** The command of the hint, up to the pipe into keymgmt. */
function commandIn(refusal: string): string {
  const [, command] = /^[^:\n]*: (.*) \| keymgmt write … material=-$/m.exec(refusal) ?? []
  if (command === undefined) throw new Error(`no command in: ${refusal}`)
  return command
}

/** The output of the hint's command for this file. */
function follow(refusal: string, content: Uint8Array | string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'keymgmt-hint-'))
  try {
    const file = join(folder, 'key')
    writeFileSync(file, content)
    return execFileSync('sh', ['-c', commandIn(refusal).replaceAll('FILE', file)])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

type Row = readonly [name: string, content: Uint8Array | string, found: string, type?: KeyTypeName]

const ROWS: readonly Row[] = [
  ['base64 of a PEM', Buffer.from(PEM).toString('base64'), 'base64 of a PEM file', 'ed25519'],
  ['base64 of hex', Buffer.from(`${HEX}\n`).toString('base64'), 'base64 of hex'],
  ['base64 of base64', Buffer.from(BASE64).toString('base64'), 'base64 of base64'],
  ['quotes', `"${BASE64}"\n`, 'text in quotes'],
  ['single quotes', `'${HEX}'`, 'text in quotes'],
  ['typographic quotes', `“${HEX}”`, 'text in typographic quotes'],
  ['colons', HEX.replace(/..(?!$)/g, '$&:'), 'hex with a separator between its bytes'],
  ['dashes', HEX.replace(/..(?!$)/g, '$&-'), 'hex with a separator between its bytes'],
  ['C', `{${HEX.replace(/../g, '0x$&, ')}}`, 'a list of bytes in the notation of C'],
  ['C text', HEX.replace(/../g, '\\x$&'), 'a list of bytes in the notation of C'],
  ['surplus padding', `${BASE64.replace(/=+$/, '')}===\n`, 'base64 with another number of ='],
  [
    'block padding',
    Buffer.concat([KEY, Buffer.alloc(16, 16)]),
    '32 bytes followed by 16 bytes of padding',
  ],
  ['a JSON list', JSON.stringify([...KEY]), 'a JSON list of 32 bytes'],
  ['a Buffer in JSON', JSON.stringify(KEY), 'a JSON list of 32 bytes'],
  ['typographic dashes', PEM.replaceAll('-----', '—–-'), 'five ASCII dashes', 'ed25519'],
]

describe('the command in the hint extracts the key', () => {
  it.each(ROWS)('%s', (_name, content, found, type = 'aes256-gcm96') => {
    const refusal = refusalOf(Buffer.from(content), { type })
    expect(refusal).toContain(found)
    expect(commandIn(refusal)).toContain('FILE')
    if (!HAS_TOOLS) return
    const { material } = recogniseMaterial(follow(refusal, content), { type })
    const expected = type === 'ed25519' ? derOf(PEM) : KEY
    expect(Buffer.from(material)).toEqual(expected)
  })

  it.each([
    ['ed25519', 32, undefined],
    ['ecdsa-p256', 32, 'prime256v1'],
    ['ecdsa-p384', 48, 'secp384r1'],
    ['ecdsa-p521', 66, 'secp521r1'],
    ['ecdsa-secp256k1', 32, 'secp256k1'],
  ] as const)('of a bare secret of type %s', (type, length, curve) => {
    const secret = Buffer.concat([Buffer.of(0), randomBytes(length - 1)])
    for (const content of [secret, secret.toString('hex'), secret.toString('base64')]) {
      const refusal = refusalOf(Buffer.from(content), { type })
      expect(refusal).toContain('without the structure around it')
      if (!HAS_TOOLS) continue
      const { material } = recogniseMaterial(follow(refusal, content), { type })
      expect(secretIn(Buffer.from(material), curve)).toEqual(secret)
    }
  })
})

function derOf(pem: string): Buffer {
  return createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' })
}

/** The secret of a PKCS#8 key, at its full length. */
function secretIn(der: Buffer, curve: string | undefined): Buffer {
  const { d = '', x = '' } = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({
    format: 'jwk',
  })
  const secret = Buffer.from(d, 'base64url')
  if (curve === undefined) return secret
  const ecdh = createECDH(curve)
  ecdh.setPrivateKey(secret)
  const point = ecdh.getPublicKey().subarray(1)
  expect(point.subarray(0, point.length / 2)).toEqual(Buffer.from(x, 'base64url'))
  return secret
}

describe('a file of another program is named', () => {
  it.each([
    ['fe ed fe ed 00 00', 'a Java key store (JKS)', 'keytool -importkeystore -srckeystore FILE'],
    ['ce ce ce ce 00 00', 'a Java key store (JCEKS)', 'keytool'],
    ['1f 8b 08 00', 'a gzip archive', 'gzip -dc FILE'],
    ['50 4b 03 04', 'a ZIP archive', 'unzip -p FILE'],
    ['01 02 02 00 78 aa', 'ciphertext of AWS KMS', 'aws kms decrypt'],
  ])('%s: %s', (hex, found, hint) => {
    const refusal = refusalOf(Buffer.from(hex.replaceAll(' ', ''), 'hex'), {})
    expect(refusal).toContain(`the material is ${found}`)
    expect(refusal).toContain(hint)
  })

  it.each([
    ['Salted__12345678', 'a file that openssl enc encrypted'],
    ['age-encryption.org/v1\n-> X25519 x', 'a file that age encrypted'],
    ['-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----', 'age encrypted'],
    ['-----BEGIN PGP MESSAGE-----\n\nhQ\n-----END PGP MESSAGE-----', 'OpenPGP encrypted'],
    [
      '-----BEGIN TSS2 PRIVATE KEY-----\nMA\n-----END TSS2 PRIVATE KEY-----',
      'only its TPM can use',
    ],
    ['$ANSIBLE_VAULT;1.1;AES256\n6162', 'a file that Ansible Vault encrypted'],
    ['AQICAHhQ4W9Vw1q3vXoGJ4Cw==', 'ciphertext of AWS KMS'],
    ['<!DOCTYPE html><html>', 'an HTML page'],
    ['<RSAKeyValue><Modulus>', 'an RSA key in the XML of .NET'],
  ])('%s', (text, found) => {
    expect(refusalOf(Buffer.from(text), {})).toContain(found)
  })
})
