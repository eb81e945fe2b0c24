import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import {
  MATERIAL_FORMATS,
  type MaterialOptions,
  type RecognisedMaterial,
} from '../../src/crypto/import/material.js'
import { recogniseMaterial } from '../../src/crypto/import/recognise.js'
import { KEY_TYPE_NAMES, KEY_TYPES } from '../../src/crypto/key-types.js'
import { KeymgmtError } from '../../src/errors.js'
import { fileOf, MATERIAL_VECTORS } from '../unit/crypto/import/material.js'

const PASSPHRASE = 'abc'

function formsOf(key: KeyObject): readonly Buffer[] {
  const der = key.export({ format: 'der', type: 'pkcs8' })
  const encryption = { cipher: 'aes-256-cbc', passphrase: PASSPHRASE }
  return [
    der,
    Buffer.from(key.export({ format: 'pem', type: 'pkcs8' })),
    key.export({ format: 'der', type: 'pkcs8', ...encryption }),
    Buffer.from(key.export({ format: 'pem', type: 'pkcs8', ...encryption })),
    Buffer.from(JSON.stringify(key.export({ format: 'jwk' }))),
    Buffer.from(der.toString('hex')),
    Buffer.from(der.toString('base64url')),
  ]
}

const secret = randomBytes(48)
const FILES = [
  ...MATERIAL_VECTORS.filter(({ name }) => name !== 'too many rounds').map(fileOf),
  ...formsOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
  ...formsOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey),
  ...formsOf(generateKeyPairSync('ed25519').privateKey),
  secret,
  Buffer.from(secret.toString('hex')),
  Buffer.from(secret.toString('base64')),
]

type Change = (file: Buffer) => Buffer

const position = fc.double({ min: 0, max: 1, noNaN: true })
const at = (file: Buffer, where: number) => Math.floor(where * file.length)
const file = fc.constantFrom(...FILES)
const junk = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ maxLength: 40 }).map((text) => Buffer.from(text)),
)
const LABELS = [
  'RSA PRIVATE KEY',
  'EC PRIVATE KEY',
  'PRIVATE KEY',
  'ENCRYPTED PRIVATE KEY',
  'PUBLIC KEY',
  'OPENSSH PRIVATE KEY',
  '',
  'A'.repeat(200),
]

/** Accidental and deliberate changes of a file. */
const change: fc.Arbitrary<Change> = fc.oneof<fc.Arbitrary<Change>[]>(
  position.map((where) => (given) => given.subarray(0, at(given, where))),
  position.map((where) => (given) => given.subarray(at(given, where))),
  fc.tuple(position, fc.nat(7)).map(([where, bit]) => (given) => {
    const changed = Buffer.from(given)
    const index = at(given, where)
    if (index < changed.length) changed[index] = (changed[index] ?? 0) ^ (1 << bit)
    return changed
  }),
  fc.tuple(position, junk).map(
    ([where, added]) =>
      (given) =>
        Buffer.concat([
          given.subarray(0, at(given, where)),
          added,
          given.subarray(at(given, where)),
        ]),
  ),
  fc.tuple(position, position).map(
    ([from, to]) =>
      (given) =>
        Buffer.concat([given.subarray(0, at(given, from)), given.subarray(at(given, to))]),
  ),
  fc.tuple(position, position, file).map(
    ([from, to, other]) =>
      (given) =>
        Buffer.concat([given.subarray(0, at(given, from)), other.subarray(at(other, to))]),
  ),
  fc.tuple(fc.constantFrom(...LABELS), fc.boolean()).map(
    ([label, both]) =>
      (given) =>
        Buffer.from(
          given
            .toString('latin1')
            .replace(both ? /(?<=BEGIN |END )[A-Z0-9 ]+/g : /(?<=BEGIN )[A-Z0-9 ]+/, label),
          'latin1',
        ),
  ),
  fc.constantFrom<Change>(
    (given) => Buffer.from(given.toString('base64')),
    (given) => Buffer.from(given.toString('hex')),
    (given) => Buffer.concat([given, Buffer.from('\n')]),
    (given) => Buffer.concat([given, given]),
    (given) =>
      Buffer.concat([Buffer.from([0x30, 0x82, given.length >> 8, given.length & 0xff]), given]),
    (given) => Buffer.from(JSON.stringify(given.toString('latin1'))),
    (given) => Buffer.from(`\ufeff${given.toString('latin1')}`, 'utf16le'),
    (given) =>
      Buffer.from(given.toString('latin1').replace(/"[\w-]{20,}"/, '{"a":[1,null]}'), 'latin1'),
  ),
)

const malformed = fc
  .tuple(file, fc.array(change, { minLength: 1, maxLength: 3 }))
  .map(([given, changes]) => changes.reduce((made, next) => next(made), given))

/** Bytes that are not a key, up to more than the maximum size. */
const monster = fc.oneof(
  junk.map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(
      fc.constantFrom(0x30, 0x7b, 0x5b, 0x20, 0x2d, 0x41, 0x00),
      fc.integer({ min: 60_000, max: 66_000 }),
    )
    .map(([byte, length]) => Buffer.alloc(length, byte)),
  fc.integer({ min: 1, max: 16_000 }).map((times) => Buffer.from('3080'.repeat(times), 'hex')),
  fc.integer({ min: 1, max: 16_000 }).map((times) => Buffer.from('[{"a":'.repeat(times))),
  fc
    .integer({ min: 1, max: 3000 })
    .map((times) => Buffer.from('-----BEGIN PRIVATE KEY-----\n'.repeat(times))),
  fc
    .integer({ min: 1, max: 1200 })
    .map((times) => Buffer.from('-----BEGIN A-----\n-----END A-----\n'.repeat(times))),
)

const options: fc.Arbitrary<MaterialOptions> = fc.record({
  type: fc.option(fc.constantFrom(...KEY_TYPE_NAMES), { nil: undefined, freq: 1 }),
  format: fc.option(fc.constantFrom(...MATERIAL_FORMATS), { nil: undefined, freq: 1 }),
  passphrase: fc.option(fc.constantFrom(Buffer.from(PASSPHRASE), Buffer.from('other')), {
    nil: undefined,
  }),
})

/** The result must be a usable key, and be read again as the same key. */
function assertSound({ type, material }: RecognisedMaterial): void {
  const row = KEY_TYPES[type]
  if (row.material.kind === 'bytes') {
    expect(material.length).toBeGreaterThanOrEqual(row.material.length)
    expect(material.length).toBeLessThanOrEqual(row.material.most)
    return
  }
  const key = createPrivateKey({ key: Buffer.from(material), format: 'der', type: 'pkcs8' })
  const message = Buffer.from('message')
  const digest = row.material.kind === 'ed25519' ? null : 'sha256'
  expect(verify(digest, message, key, sign(digest, message, key))).toBe(true)
  expect(recogniseMaterial(material, { type, format: 'der' }).material).toEqual(material)
}

/** Eight consecutive characters of the input, as text, hex or base64, that the message contains. */
function leak(message: string, given: Buffer): string | undefined {
  const inputs = [
    given.toString('latin1'),
    given.toString('hex'),
    given.toString('base64'),
    given.toString('base64url'),
  ].join('\n')
  const windows = Array.from({ length: Math.max(0, message.length - 7) }, (_, index) =>
    message.slice(index, index + 8),
  )
  // Words in capitals are PEM labels, which a message may name.
  return windows.find(
    (window) => /^[\w+/=]+$/.test(window) && !/^[A-Z]+$/.test(window) && inputs.includes(window),
  )
}

function check(given: Buffer, said: MaterialOptions): void {
  const started = process.cpuUsage()
  const before = Buffer.from(given)
  try {
    assertSound(recogniseMaterial(given, said))
  } catch (error) {
    if (!(error instanceof KeymgmtError)) throw error
    expect(error.code).toBe('FIELD_INVALID')
    expect(error.cause).toBeUndefined()
    expect(error.hints.length).toBeGreaterThan(0)
    expect(leak([error.message, ...error.hints].join('\n'), given)).toBeUndefined()
  }
  expect(given.equals(before)).toBe(true)
  const { user, system } = process.cpuUsage(started)
  expect((user + system) / 1000).toBeLessThan(1000)
}

test('a damaged file is refused, or is still a valid key', () => {
  fc.assert(fc.property(malformed, options, check), { numRuns: 1500 })
})

test('input that is not a key is refused at once', () => {
  fc.assert(fc.property(monster, options, check), { numRuns: 300 })
})
