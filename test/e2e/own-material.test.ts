import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetPublicKeyCommand,
  ListKeysCommand,
  SignCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  constants,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
  type KeyObject,
} from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProblems } from '../support/problems.js'
import { CONFIGURE } from '../support/flows.js'
import { currentMaterial } from '../../src/dev-kms/state.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

let testbed: Testbed
let kms: KMSClient
beforeAll(async () => {
  testbed = await createTestbed({ inProcess: true })
  kms = testbed.client()
  await testbed.ok(CONFIGURE)
})
afterAll(() => testbed.close())

const file = (name: string, content: string | Uint8Array) => {
  const path = join(testbed.home, name)
  writeFileSync(path, content)
  return path
}
const alias = async (key: string) =>
  `alias/hashicorp/${await testbed.ok(`read -field=name keymgmt/kms/k/key/${key}`)}`
const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString()
const curve = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })

/** Uses a key in AWS, and checks the result with the original outside AWS. */
type Use = (
  KeyId: string,
  original: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
) => Promise<boolean>
const Message = Buffer.from('to be signed')

const signs =
  (
    SigningAlgorithm:
      | 'RSASSA_PSS_SHA_256'
      | 'RSASSA_PKCS1_V1_5_SHA_512'
      | 'ECDSA_SHA_256'
      | 'ECDSA_SHA_384'
      | 'ECDSA_SHA_512'
      | 'ED25519_SHA_512',
    hash: string | null,
    options = {},
  ): Use =>
  async (KeyId, { publicKey }) => {
    const { Signature } = await kms.send(new SignCommand({ KeyId, Message, SigningAlgorithm }))
    return verify(hash, Message, { key: publicKey, ...options }, Signature ?? new Uint8Array())
  }
const decrypts: Use = async (KeyId, { publicKey }) => {
  const CiphertextBlob = publicEncrypt(
    { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    Message,
  )
  const { Plaintext } = await kms.send(
    new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }),
  )
  return Message.equals(Plaintext ?? new Uint8Array())
}
const agrees: Use = async (KeyId, { publicKey }) => {
  const other = curve('P-256')
  const { SharedSecret } = await kms.send(
    new DeriveSharedSecretCommand({
      KeyId,
      KeyAgreementAlgorithm: 'ECDH',
      PublicKey: other.publicKey.export({ format: 'der', type: 'spki' }),
    }),
  )
  return diffieHellman({ privateKey: other.privateKey, publicKey }).equals(
    SharedSecret ?? new Uint8Array(),
  )
}
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }

describe("the user's own private key", () => {
  it.each<
    [type: string, purpose: string, () => { publicKey: KeyObject; privateKey: KeyObject }, Use]
  >([
    [
      'rsa-2048',
      'sign,verify',
      () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
      signs('RSASSA_PSS_SHA_256', 'sha256', PSS),
    ],
    [
      'rsa-3072',
      'encrypt,decrypt',
      () => generateKeyPairSync('rsa', { modulusLength: 3072 }),
      decrypts,
    ],
    [
      'rsa-4096',
      'sign,verify',
      () => generateKeyPairSync('rsa', { modulusLength: 4096 }),
      signs('RSASSA_PKCS1_V1_5_SHA_512', 'sha512'),
    ],
    ['ecdsa-p256', 'derive', () => curve('P-256'), agrees],
    ['ecdsa-p384', 'sign,verify', () => curve('P-384'), signs('ECDSA_SHA_384', 'sha384')],
    ['ecdsa-p521', 'sign,verify', () => curve('P-521'), signs('ECDSA_SHA_512', 'sha512')],
    ['ecdsa-secp256k1', 'sign,verify', () => curve('secp256k1'), signs('ECDSA_SHA_256', 'sha256')],
    [
      'ed25519',
      'sign,verify',
      () => generateKeyPairSync('ed25519'),
      signs('ED25519_SHA_512', null),
    ],
  ])(
    '%s for %s works in AWS as outside it, and so does the next version',
    async (type, purpose, generate, use) => {
      const [first, second] = [generate(), generate()]
      const name = `own-${type}`
      const imported = await testbed.run(
        `write keymgmt/key/${name}/import material=@${file(`${type}-1.pem`, pem(first.privateKey))}`,
      )
      expect(imported).toMatchObject({
        status: 0,
        stdout: `Success! Data written to: keymgmt/key/${name}/import\n`,
      })
      expect(imported.stderr.replace(/\s+/g, ' ')).toContain(
        `type ${type}. The source of the material still contains the key`,
      )
      await testbed.ok(`write keymgmt/kms/k/key/${name} purpose=${purpose}`)
      const KeyId = await alias(name)
      expect(await use(KeyId, first)).toBe(true)
      const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }))
      expect(
        createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' }).equals(
          first.publicKey,
        ),
      ).toBe(true)

      await testbed.ok(
        `write keymgmt/key/${name}/import_version material=@${file(`${type}-2.pem`, pem(second.privateKey))}`,
      )
      expect(await use(KeyId, second)).toBe(true)
      const { data } = JSON.parse(
        await testbed.ok(`read -format=json keymgmt/kms/k/key/${name}`),
      ) as { data: { versions: Record<string, string> } }
      expect(await use(data.versions['1'] ?? '', first)).toBe(true)
    },
  )
})

describe("the user's own secret bytes", () => {
  it.each([
    ['224', 28],
    ['256', 32],
    ['384', 48],
    ['512', 64],
  ] as const)(
    'make the same MAC in AWS as outside it: hmac-sha%s, and so does the next version',
    async (bits, length) => {
      const [first, second] = [randomBytes(length), randomBytes(128)]
      const name = `mac-${bits}`
      const makes = async (KeyId: string, material: Buffer) => {
        const { Mac } = await kms.send(
          new GenerateMacCommand({ KeyId, Message, MacAlgorithm: `HMAC_SHA_${bits}` }),
        )
        return createHmac(`sha${bits}`, material)
          .update(Message)
          .digest()
          .equals(Mac ?? new Uint8Array())
      }
      await testbed.ok(
        `write keymgmt/key/${name}/import material=@${file(`${name}-1`, first)} type=hmac-sha${bits}`,
      )
      await testbed.ok(`write keymgmt/kms/k/key/${name} purpose=sign,verify`)
      expect(await makes(await alias(name), first)).toBe(true)
      await testbed.ok(
        `write keymgmt/key/${name}/import_version material=@${file(`${name}-2`, second)} format=raw`,
      )
      expect(await makes(await alias(name), second)).toBe(true)
      const { data } = JSON.parse(
        await testbed.ok(`read -format=json keymgmt/kms/k/key/${name}`),
      ) as { data: { versions: Record<string, string> } }
      expect(await makes(data.versions['1'] ?? '', first)).toBe(true)
    },
  )

  it.each([
    ['raw', (bytes: Buffer) => bytes],
    ['hex', (bytes: Buffer) => Buffer.from(bytes.toString('hex'))],
    ['base64', (bytes: Buffer) => Buffer.from(`${bytes.toString('base64')}\n`)],
  ])('are imported unchanged from a file of %s bytes', async (form, write) => {
    const material = randomBytes(32)
    await testbed.ok(
      `write keymgmt/key/bytes-${form}/import type=aes256-gcm96 material=@${file(`${form}.key`, write(material))}`,
    )
    await testbed.ok(`write keymgmt/kms/k/key/bytes-${form} purpose=encrypt,decrypt`)
    const { data } = JSON.parse(
      await testbed.ok(`read -format=json keymgmt/kms/k/key/bytes-${form}`),
    ) as { data: { versions: Record<string, string> } }
    const kmsKey = testbed.kms.account.region('us-west-1').keys.get(data.versions['1'] ?? '')
    expect(kmsKey && currentMaterial(kmsKey)?.bytes).toEqual(material)
  })

  it('are imported from standard input', async () => {
    await testbed.ok('write keymgmt/key/piped/import type=aes256-gcm96 material=-', {
      stdin: randomBytes(32).toString('hex'),
    })
    expect(await testbed.ok('read -field=type keymgmt/key/piped')).toBe('aes256-gcm96')
  })

  it('can follow and precede a generated version', async () => {
    await testbed.ok(
      `write keymgmt/key/app/import type=aes256-gcm96 material=@${file('a.key', randomBytes(32))}`,
    )
    await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
    const { CiphertextBlob } = await kms.send(
      new EncryptCommand({ KeyId: await alias('app'), Plaintext: Message }),
    )
    await testbed.ok('write -f keymgmt/key/app/rotate')
    await testbed.ok(
      `write keymgmt/key/app/import_version material=@${file('b.key', randomBytes(32))}`,
    )
    expect(
      Message.equals(
        (await kms.send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? new Uint8Array(),
      ),
    ).toBe(true)
    expect(await testbed.ok('read -field=latest_version keymgmt/key/app')).toBe('3')
  })
})

describe('an import', () => {
  it('can be repeated without effect, and is refused with other material', async () => {
    const one = file('one.key', randomBytes(32))
    const other = file('two.key', randomBytes(32))
    const line = `write keymgmt/key/twice/import type=aes256-gcm96 material=@${one}`
    await testbed.ok(line)
    await testbed.ok(line)
    expect(
      (await testbed.run(`write keymgmt/key/twice/import type=aes256-gcm96 material=@${other}`))
        .stderr,
    ).toContain('import_version')
    await testbed.ok(`write keymgmt/key/twice/import_version material=@${other}`)
    await testbed.ok(`write keymgmt/key/twice/import_version material=@${other}`)
    expect(await testbed.ok('read -field=latest_version keymgmt/key/twice')).toBe('2')
    expect(
      (await testbed.run(`write keymgmt/key/twice/import_version material=@${one}`)).stderr,
    ).toContain('version 1 of twice has this material already')
  })

  it('decrypts a key with its passphrase, and leaves no trace of either', async () => {
    const { privateKey } = curve('P-256')
    const passphrase = 'correct horse battery staple'
    const secret = file(
      'encrypted.pem',
      privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase }),
    )
    const without = await testbed.run(`write keymgmt/key/locked/import material=@${secret}`)
    expect(without).toMatchObject({ status: 2, stdout: '' })
    expect(without.stderr).toContain('passphrase=@')
    const wrong = await testbed.run(
      `write keymgmt/key/locked/import material=@${secret} passphrase=@${file('wrong.txt', 'battery')}`,
    )
    expect(wrong).toMatchObject({ status: 2, stdout: '' })
    expect(wrong.stderr).not.toContain('battery')
    await testbed.ok(
      `write keymgmt/key/locked/import material=@${secret} passphrase=@${file('right.txt', `${passphrase}\n`)}`,
    )
    const inside = privateKey.export({ format: 'jwk' }).d ?? ''
    for (const entry of readdirSync(join(testbed.home, 'keymgmt'), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (entry.isFile())
        expect(
          readFileSync(join(entry.parentPath, entry.name)).includes(
            Buffer.from(inside, 'base64url'),
          ),
        ).toBe(false)
    }
  })

  it.each<[what: string, content: () => string | Uint8Array, more: string, says: string]>([
    [
      'a public key',
      () => curve('P-256').publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      '',
      'public key',
    ],
    ['a key of another type', () => pem(curve('P-256').privateKey), 'type=rsa-2048', 'rsa-2048'],
    ['a curve that AWS lacks', () => pem(curve('P-224').privateKey), '', 'curve'],
    ['31 bytes', () => randomBytes(31), 'type=aes256-gcm96', '31 bytes'],
    [
      'a newline after the bytes',
      () => Buffer.concat([randomBytes(32), Buffer.from('\n')]),
      'type=aes256-gcm96',
      'line end',
    ],
    ['zeros', () => Buffer.alloc(32), 'type=aes256-gcm96', 'same'],
    ['32 bytes that may be either', () => randomBytes(32), '', 'type='],
    ['nothing', () => '', 'type=aes256-gcm96', 'material'],
    ['noise', () => randomBytes(1000), '', ''],
  ])('of %s is refused, and creates nothing', async (_what, content, more, says) => {
    const refused = await testbed.run(
      `write keymgmt/key/none/import material=@${file('bad', content())} ${more}`,
    )
    expect(refused).toMatchObject({ status: 2, stdout: '' })
    expect(refused.stderr).toContain('Error writing data to keymgmt/key/none/import')
    expect(refused.stderr).toContain('hint: ')
    expect(refused.stderr).toContain(says)
    expect((await testbed.run('read keymgmt/key/none')).status).toBe(2)
  })

  it('that AWS refuses for a distributed key is finished by the next write', async () => {
    const strict = await createTestbed({
      inProcess: true,
      faults: [{ operation: 'ImportKeyMaterial', nth: 2, kind: 'denied' }],
    })
    try {
      await strict.ok(CONFIGURE)
      await strict.ok('write -f keymgmt/key/app type=hmac-sha256')
      await strict.ok('write keymgmt/kms/k/key/app purpose=sign,verify')
      const path = file('later.key', randomBytes(32))
      expect(
        await strict.run(`write keymgmt/key/app/import_version material=@${path}`),
      ).toMatchObject({ status: 2 })
      await strict.ok(`write keymgmt/key/app/import_version material=@${path}`)
      expect(await strict.ok('read -field=latest_version keymgmt/key/app')).toBe('2')
      expect((await strict.client().send(new ListKeysCommand({}))).Keys).toHaveLength(2)
      expect(await findProblems(join(strict.home, 'keymgmt'), strict.kms)).toEqual([])
    } finally {
      await strict.close()
    }
  })
})
