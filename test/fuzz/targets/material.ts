import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { MATERIAL_FORMATS, type MaterialOptions } from '../../../src/crypto/import/material.js'
import { recogniseMaterial } from '../../../src/crypto/import/recognise.js'
import { KEY_TYPE_NAMES } from '../../../src/crypto/key-types.js'
import { fileOf, MATERIAL_VECTORS } from '../../unit/crypto/import/material.js'
import { Failure, judge, type Target } from '../target.js'

/** Returns the options for a file: the first two bytes of the input select them. */
function saidBy([type = 0, format = 0]: Buffer): MaterialOptions {
  return {
    type: KEY_TYPE_NAMES[type % (2 * KEY_TYPE_NAMES.length)],
    format: MATERIAL_FORMATS[format % (4 * MATERIAL_FORMATS.length)],
    passphrase: (type & 0x80) === 0 ? undefined : Buffer.from('abc'),
  }
}

const plain = (file: Buffer) => Buffer.concat([Buffer.of(0x7f, 0x17), file])
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** Files of key material, after two bytes that select the options. */
export const material: Target = {
  name: 'key files',
  share: 8,
  seeds: [
    ...MATERIAL_VECTORS.filter(({ name }) => name !== 'too many rounds').map((vector) =>
      plain(fileOf(vector)),
    ),
    plain(Buffer.from(JSON.stringify(privateKey.export({ format: 'jwk' })))),
    plain(privateKey.export({ format: 'der', type: 'pkcs8' })),
    plain(randomBytes(32)),
    plain(Buffer.from(randomBytes(32).toString('hex'))),
  ],
  words: [
    '-----BEGIN PRIVATE KEY-----\n',
    '-----END PRIVATE KEY-----\n',
    'ENCRYPTED',
    'Proc-Type: 4,ENCRYPTED\n',
    'DEK-Info: AES-256-CBC,',
    '{"kty":"EC"',
    '"d":',
    '"k":',
    '0\u0082',
    '3080',
    'AAAA',
    '\u0002\u0001\u0000',
    '{"kty":"oct","k":"',
  ],
  run: (input) =>
    judge(() => {
      const file = input.subarray(2)
      const before = Buffer.from(file)
      try {
        recogniseMaterial(file, saidBy(input))
      } finally {
        if (!before.equals(file)) throw new Failure('the file was changed')
      }
    }),
}
