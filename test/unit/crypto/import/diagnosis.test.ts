import { describe, expect, it } from '@jest/globals'
import { generateKeyPairSync } from 'node:crypto'
import { refusalOf } from './material.js'

// Common mistakes, with the whole error.

const MEANT =
  'if the characters themselves are the key, import a file that contains nothing else, with format=raw'
const AES = 'aes256-gcm96 takes exactly 32 bytes, raw or as hex, base64 or a JWK'
const noise = (length: number) =>
  Buffer.from(Array.from({ length }, (_, index) => (index * 89 + 131) % 256))
const der = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  format: 'der',
  type: 'pkcs8',
})
const aes = (bytes: Uint8Array) => refusalOf(bytes, { type: 'aes256-gcm96' }).split('\n')
const any = (bytes: Uint8Array) =>
  refusalOf(bytes, {})
    .split('\n')
    .filter((line) => !line.startsWith('give type=') && !line.includes(' takes '))

describe('the diagnosis names', () => {
  it.each([
    ['a line end', Buffer.concat([noise(32), Buffer.from('\n')])],
    ['a line end of Windows', Buffer.concat([noise(32), Buffer.from('\r\n')])],
  ])('%s after the key', (_name, bytes) => {
    expect(aes(bytes)).toEqual([
      'the material is 32 bytes followed by a line end, which is not part of a key',
      AES,
      'remove it: head -c 32 FILE | keymgmt write … material=-',
    ])
  })

  it.each([
    ['another last byte', Buffer.concat([noise(32), Buffer.of(0x8a)]), '33 bytes'],
    ['a line end after 33 bytes', Buffer.concat([noise(33), Buffer.from('\n')]), '34 bytes'],
    [
      'a line end of Windows after 31 bytes',
      Buffer.concat([noise(31), Buffer.from('\r\n')]),
      '33 bytes',
    ],
    [
      'a line end after text',
      Buffer.from('correct horse battery staple is.\n'),
      'text of 33 characters that is not a PEM, JWK, hex or base64',
    ],
  ])('%s, which is not a line end after a key', (_name, bytes, found) => {
    expect(aes(bytes)).toEqual([`the material is ${found}`, AES])
  })

  it('a line end at the end, only if the rest has the right length', () => {
    expect(aes(Buffer.concat([noise(30), Buffer.from('\n')]))).toEqual([
      'the material is 31 bytes',
      AES,
    ])
  })

  it.each([
    ['with its mark', Buffer.from('\ufeffkey', 'utf16le')],
    ['with the mark of the other order', Buffer.concat([Buffer.of(0xfe, 0xff), noise(9)])],
    ['without a mark', Buffer.from('a key, a key', 'utf16le')],
    ['with its mark and no zeros', Buffer.concat([Buffer.of(0xff, 0xfe), noise(9)])],
    ['told by a third of it that is zeros', Buffer.concat([Buffer.alloc(10), noise(20)])],
  ])('UTF-16 %s', (_name, bytes) => {
    expect(aes(bytes)).toEqual([
      'the material is perhaps UTF-16 text, as PowerShell writes it: it has many zero bytes, or begins with a byte order mark',
      AES,
      'convert it to UTF-8: iconv -f UTF-16 -t UTF-8 FILE | keymgmt write … material=-',
    ])
  })

  it.each([
    ['half a mark', Buffer.concat([Buffer.of(0xff), noise(30)])],
    ['half the other mark', Buffer.concat([Buffer.of(0xfe), noise(30)])],
    ['one mark twice', Buffer.concat([Buffer.of(0xfe, 0xfe), noise(29)])],
    ['the second half of a mark', Buffer.concat([Buffer.of(1, 0xfe), noise(29)])],
    ['the second half of the other', Buffer.concat([Buffer.of(1, 0xff), noise(29)])],
    ['the other twice', Buffer.concat([Buffer.of(0xff, 0xff), noise(29)])],
    ['zeros for a little less than a third', Buffer.concat([Buffer.alloc(10), noise(21)])],
  ])('no UTF-16 if %s', (_name, bytes) => {
    expect(aes(bytes)).toEqual(['the material is 31 bytes', AES])
  })

  it.each(['my ssh-ed25519 AAAA', 'a PuTTY-User-Key-File-3', '.ecdsa-sha2-nistp256'])(
    'text that only mentions a key format: %s',
    (text) => {
      expect(any(Buffer.from(text))).toEqual([
        `the material is text of ${text.length} characters that is not a PEM, JWK, hex or base64`,
      ])
    },
  )

  it.each([
    'ssh-ed25519 AAAA me',
    'ecdsa-sha2-nistp256 AAAA me',
    'sk-ssh-ed25519@openssh.com AAAA me',
  ])('an OpenSSH public key: %s', (text) => {
    expect(any(Buffer.from(text))).toEqual([
      'the material is an OpenSSH public key, and a private key is needed',
      'its private key is the file of the same name without .pub',
    ])
  })

  it('a PuTTY key', () => {
    expect(any(Buffer.from('PuTTY-User-Key-File-3: ssh-ed25519\n'))).toEqual([
      'the material is a PuTTY private key, which keymgmt does not read',
      'convert it: puttygen FILE -O private-openssh -o FILE.copy && ssh-keygen -p -m PKCS8 -f FILE.copy; then import FILE.copy and remove it',
    ])
  })

  it.each([
    ['cut short', der.subarray(0, -1), 'perhaps truncated DER'],
    [
      'with something after it',
      Buffer.concat([der, Buffer.of(7)]),
      'perhaps DER with extra bytes at its end',
    ],
  ])('DER %s', (_name, bytes, found) => {
    expect(any(bytes)).toEqual([
      `the material is ${found}: ${bytes.length} bytes, but its header says ${der.length}`,
      'use another copy of the key',
    ])
  })

  it.each([
    ['a SEQUENCE of indefinite length', '3080'],
    ['one whose length has too many digits', '3084'],
    ['a short one, as random bytes often begin', '3010'],
    ['a SET', '31820100'],
    ['a tag of no key', 'ff820100'],
    ['a SEQUENCE of just this length', '3081a0'],
  ])('%s, which is not DER of the wrong length', (_name, head) => {
    const bytes = Buffer.concat([Buffer.from(head, 'hex'), noise(head === '3081a0' ? 160 : 29)])
    expect(aes(bytes)).toEqual([`the material is ${bytes.length} bytes`, AES])
  })

  it.each([
    ['hex of another length', noise(31).toString('hex'), ['the material is text: hex of 31 bytes']],
    [
      'hex that has the length of a key itself',
      noise(16).toString('hex'),
      ['the material is text: hex of 16 bytes, or base64 of 24 bytes', MEANT],
    ],
    [
      'base64 of another length',
      noise(31).toString('base64'),
      ['the material is text: base64 of 31 bytes'],
    ],
    [
      'words',
      'correct horse battery staple',
      ['the material is text of 28 characters that is not a PEM, JWK, hex or base64'],
    ],
    [
      'words of the length of a key',
      'correct horse battery staple it .',
      ['the material is text of 33 characters that is not a PEM, JWK, hex or base64'],
    ],
    [
      'words of just the length of a key',
      'correct horse battery staple is.',
      ['the material is text of 32 characters that is not a PEM, JWK, hex or base64', MEANT],
    ],
  ])('%s', (_name, text, [found = '', ...hints]) => {
    expect(aes(Buffer.from(text))).toEqual([found, AES, ...hints])
  })

  it('unknown bytes', () => {
    expect(aes(noise(31))).toEqual(['the material is 31 bytes', AES])
    expect(any(noise(31))).toEqual(['the material is 31 bytes'])
    expect(refusalOf(noise(31), { type: 'rsa-2048' }).split('\n')[0]).toBe(
      'the material is 31 bytes that are not a private key',
    )
  })
})
