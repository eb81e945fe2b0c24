import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncryptCommand,
  GenerateMacCommand,
  SignCommand,
  type KMSClient,
  type MacAlgorithmSpec,
  type SigningAlgorithmSpec,
} from '@aws-sdk/client-kms'
import assert from 'node:assert/strict'
import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
  type KeyObject,
} from 'node:crypto'
import type { KeyTypeName } from '../../../src/index.js'
import type { Kind } from './kinds.js'

const CONTEXT = { for: 'conformance' }

/**
 * Proves by cryptographic operations that the KMS key uses `material`. A symmetric KMS key can only
 * decrypt its own ciphertext.
 */
export async function prove(
  client: KMSClient,
  KeyId: string,
  { type, purpose }: Kind,
  material: Uint8Array,
): Promise<void> {
  if (type === 'aes256-gcm96') await opens(client, await seal(client, KeyId))
  else if (type.startsWith('hmac-')) await makesOurMac(client, KeyId, type, material)
  else if (purpose.includes('decrypt')) await decryptsOurs(client, KeyId, material)
  else if (purpose.includes('derive')) await derivesOurs(client, KeyId, type, material)
  else await signsAsOurs(client, KeyId, type, material)
}

/** Returns ciphertext that only the material of this symmetric KMS key decrypts. */
export async function seal(client: KMSClient, KeyId: string): Promise<Uint8Array | undefined> {
  return (
    await client.send(
      new EncryptCommand({ KeyId, Plaintext: Buffer.from('sealed'), EncryptionContext: CONTEXT }),
    )
  ).CiphertextBlob
}

/**
 * Checks that the site decrypts the result of {@link seal}. Returns the ARN of the KMS key that
 * did.
 */
export async function opens(
  client: KMSClient,
  CiphertextBlob: Uint8Array | undefined,
): Promise<string> {
  const opened = await client.send(
    new DecryptCommand({ CiphertextBlob, EncryptionContext: CONTEXT }),
  )
  assert.equal(Buffer.from(opened.Plaintext ?? []).toString(), 'sealed')
  return opened.KeyId ?? ''
}

async function makesOurMac(
  client: KMSClient,
  KeyId: string,
  type: KeyTypeName,
  material: Uint8Array,
): Promise<void> {
  const Message = randomBytes(64)
  const hash = type.replace('hmac-', '')
  const reply = await client.send(
    new GenerateMacCommand({
      KeyId,
      Message,
      MacAlgorithm: `HMAC_${hash.toUpperCase().replace('SHA', 'SHA_')}` as MacAlgorithmSpec,
    }),
  )
  assert.deepEqual(
    Buffer.from(reply.Mac ?? []),
    createHmac(hash, material).update(Message).digest(),
    'the MAC is another',
  )
}

async function decryptsOurs(client: KMSClient, KeyId: string, material: Uint8Array): Promise<void> {
  const secret = randomBytes(32)
  const CiphertextBlob = publicEncrypt(
    { key: publicHalf(material), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    secret,
  )
  const reply = await client.send(
    new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }),
  )
  assert.deepEqual(Buffer.from(reply.Plaintext ?? []), secret, 'the plaintext is another')
}

async function derivesOurs(
  client: KMSClient,
  KeyId: string,
  type: KeyTypeName,
  material: Uint8Array,
): Promise<void> {
  const peer = generateKeyPairSync('ec', { namedCurve: type.replace('ecdsa-p', 'P-') })
  const PublicKey = peer.publicKey.export({ format: 'der', type: 'spki' })
  const reply = await client.send(
    new DeriveSharedSecretCommand({ KeyId, PublicKey, KeyAgreementAlgorithm: 'ECDH' }),
  )
  assert.deepEqual(
    Buffer.from(reply.SharedSecret ?? []),
    diffieHellman({ privateKey: privateHalf(material), publicKey: peer.publicKey }),
    'the shared secret is another',
  )
}

/** AWS's algorithm of a type that signs, and OpenSSL's hash. */
const SIGNATURES: Readonly<
  Partial<Record<KeyTypeName, readonly [SigningAlgorithmSpec, string | null]>>
> = {
  'ecdsa-p384': ['ECDSA_SHA_384', 'sha384'],
  'ecdsa-p521': ['ECDSA_SHA_512', 'sha512'],
  'ecdsa-p256': ['ECDSA_SHA_256', 'sha256'],
  'ecdsa-secp256k1': ['ECDSA_SHA_256', 'sha256'],
  ed25519: ['ED25519_SHA_512', null],
}

async function signsAsOurs(
  client: KMSClient,
  KeyId: string,
  type: KeyTypeName,
  material: Uint8Array,
): Promise<void> {
  const Message = randomBytes(64)
  const [SigningAlgorithm, hash] = SIGNATURES[type] ?? ['RSASSA_PKCS1_V1_5_SHA_256', 'sha256']
  const reply = await client.send(
    new SignCommand({ KeyId, Message, MessageType: 'RAW', SigningAlgorithm }),
  )
  assert.ok(
    verify(hash, Message, publicHalf(material), reply.Signature ?? new Uint8Array()),
    'the signature is not of our key',
  )
}

function privateHalf(material: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(material), format: 'der', type: 'pkcs8' })
}

function publicHalf(material: Uint8Array): KeyObject {
  return createPublicKey(privateHalf(material))
}
