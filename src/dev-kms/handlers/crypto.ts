import {
  constants, createCipheriv, createDecipheriv, createHmac, createPublicKey, diffieHellman, hkdfSync, privateDecrypt,
  publicEncrypt, randomBytes, sign, timingSafeEqual, verify, type KeyObject,
} from 'node:crypto'
import { AwsError, invalid } from '../errors.js'
import type { Context, Handler, Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { privateKeyOf } from '../key-specs.js'
import { findKeyOrAlias, GONE_OR_COMING, refuseStates, type Key } from '../state.js'

const MOST_PLAINTEXT = 4096
const NOT_USABLE = [...GONE_OR_COMING, 'PendingImport', 'Disabled']

/** The key that the request names, usable and meant for `usage`, with its material. */
function usable({ world, region }: Context, keyId: string, usage: string): Key & { material: NonNullable<Key['material']> } {
  const key = findKeyOrAlias(world, region, keyId)
  refuseStates(world, key, ...NOT_USABLE)
  if (key.usage !== usage) throw new AwsError('InvalidKeyUsageException', `${key.arn} key usage is ${key.usage} which is not valid for this operation.`)
  if (!key.material) throw new AwsError('KMSInternalException', 'a usable key without material', 500)
  return key as Key & { material: NonNullable<Key['material']> }
}

function privateKey(key: Key & { material: NonNullable<Key['material']> }): KeyObject {
  const found = privateKeyOf(key.keySpec, key.material.bytes)
  if (!found) throw new AwsError('UnsupportedOperationException', `${key.arn} is not an asymmetric KMS key`)
  return found
}

/** The encryption context in one form, whatever the order in which it was given. */
function contextBytes(input: Input): Buffer {
  const context = (input.raw('EncryptionContext') ?? {}) as Record<string, string>
  return Buffer.from(JSON.stringify(Object.entries(context).sort(([one], [other]) => (one < other ? -1 : 1))))
}

/** Bound to the id: the same material in an unrelated key does not open it, as in AWS. */
function symmetricKey(key: Key, material: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', material, key.id, 'keymgmt dev', 32))
}

const BLOB = Buffer.from('kmgmt1')

function encryptSymmetric(key: Key, material: Buffer, plaintext: Buffer, context: Buffer): Buffer {
  const id = Buffer.from(key.id)
  const head = Buffer.concat([BLOB, Buffer.of(id.length), id])
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', symmetricKey(key, material), nonce)
  cipher.setAAD(Buffer.concat([head, context]))
  return Buffer.concat([head, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

const invalidCiphertext = () => new AwsError('InvalidCiphertextException', '')

function blobKeyId(blob: Buffer): string {
  const length = blob[BLOB.length]
  if (!blob.subarray(0, BLOB.length).equals(BLOB) || length === undefined) throw invalidCiphertext()
  return blob.subarray(BLOB.length + 1, BLOB.length + 1 + length).toString()
}

function decryptSymmetric(key: Key, material: Buffer, blob: Buffer, context: Buffer): Buffer {
  const start = BLOB.length + 1 + Buffer.byteLength(key.id)
  try {
    const decipher = createDecipheriv('aes-256-gcm', symmetricKey(key, material), blob.subarray(start, start + 12))
    decipher.setAAD(Buffer.concat([blob.subarray(0, start), context]))
    decipher.setAuthTag(blob.subarray(-16))
    return Buffer.concat([decipher.update(blob.subarray(start + 12, -16)), decipher.final()])
  } catch {
    throw invalidCiphertext()
  }
}

function oaep(input: Input): { padding: number; oaepHash: string } {
  const algorithm = input.text('EncryptionAlgorithm')
  const oaepHash = new Map([['RSAES_OAEP_SHA_1', 'sha1'], ['RSAES_OAEP_SHA_256', 'sha256']]).get(algorithm ?? '')
  if (oaepHash === undefined) throw new AwsError('InvalidKeyUsageException', `Algorithm ${algorithm ?? 'SYMMETRIC_DEFAULT'} is incompatible with this key spec.`)
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }
}

const encrypt: Handler = (context, input) => {
  const key = usable(context, input.required('KeyId'), 'ENCRYPT_DECRYPT')
  const plaintext = input.requiredBytes('Plaintext')
  if (plaintext.length > MOST_PLAINTEXT) throw invalid("1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096")
  const EncryptionAlgorithm = input.text('EncryptionAlgorithm') ?? 'SYMMETRIC_DEFAULT'
  if (key.spec.family === 'symmetric') {
    const blob = encryptSymmetric(key, key.material.bytes, plaintext, contextBytes(input))
    return { KeyId: key.arn, CiphertextBlob: blob.toString('base64'), EncryptionAlgorithm }
  }
  try {
    const blob = publicEncrypt({ key: createPublicKey(privateKey(key)), ...oaep(input) }, plaintext)
    return { KeyId: key.arn, CiphertextBlob: blob.toString('base64'), EncryptionAlgorithm }
  } catch (error) {
    if (error instanceof AwsError) throw error
    throw invalid('the plaintext is too long for this key and algorithm')
  }
}

const decrypt: Handler = (context, input) => {
  const blob = input.requiredBytes('CiphertextBlob')
  const named = input.text('KeyId')
  const algorithm = input.text('EncryptionAlgorithm') ?? 'SYMMETRIC_DEFAULT'
  if (algorithm !== 'SYMMETRIC_DEFAULT') {
    const key = usable(context, input.required('KeyId'), 'ENCRYPT_DECRYPT')
    const options = { key: privateKey(key), ...oaep(input) }
    try {
      return { KeyId: key.arn, Plaintext: privateDecrypt(options, blob).toString('base64'), EncryptionAlgorithm: algorithm }
    } catch {
      throw invalidCiphertext()
    }
  }
  const id = blobKeyId(blob)
  if (named !== undefined && findKeyOrAlias(context.world, context.region, named).id !== id) {
    throw new AwsError('IncorrectKeyException', 'The key ID in the request does not identify a CMK that can perform this operation.')
  }
  const key = usable(context, id, 'ENCRYPT_DECRYPT')
  const plaintext = decryptSymmetric(key, key.material.bytes, blob, contextBytes(input))
  return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: algorithm, KeyMaterialId: key.materialId }
}

const generateDataKey = (withPlaintext: boolean): Handler => (context, input) => {
  const key = usable(context, input.required('KeyId'), 'ENCRYPT_DECRYPT')
  const length = input.number('NumberOfBytes') ?? (input.text('KeySpec') === 'AES_128' ? 16 : 32)
  const plaintext = randomBytes(length)
  const blob = encryptSymmetric(key, key.material.bytes, plaintext, contextBytes(input))
  return {
    KeyId: key.arn,
    CiphertextBlob: blob.toString('base64'),
    KeyMaterialId: key.materialId,
    ...(withPlaintext && { Plaintext: plaintext.toString('base64') }),
  }
}

interface Signing {
  readonly hash: string | null
  readonly options: object
}

/** AWS's parameters: the salt of PSS is as long as the digest, ECDSA signatures are DER. */
function signing(key: Key, input: Input): Signing {
  const algorithm = input.required('SigningAlgorithm')
  if (algorithm === 'ED25519_SHA_512' && key.keySpec === 'ECC_NIST_EDWARDS25519') return { hash: null, options: {} }
  const [, kind, bits = ''] = /^(RSASSA_PSS|RSASSA_PKCS1_V1_5|ECDSA)_SHA_(256|384|512)$/.exec(algorithm) ?? []
  const hash = `sha${bits}`
  const matches = kind === 'ECDSA' ? key.spec.family === 'ecc' && key.spec.hash === hash : kind !== undefined && key.spec.family === 'rsa'
  if (!matches) throw new AwsError('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${key.keySpec}.`)
  if (kind === 'RSASSA_PSS') return { hash, options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(bits) / 8 } }
  return { hash, options: kind === 'ECDSA' ? { dsaEncoding: 'der' } : { padding: constants.RSA_PKCS1_PADDING } }
}

function message(input: Input): Buffer {
  const bytes = input.requiredBytes('Message')
  if ((input.text('MessageType') ?? 'RAW') !== 'RAW') throw new AwsError('UnsupportedOperationException', 'this KMS takes MessageType RAW only')
  if (bytes.length > MOST_PLAINTEXT) throw invalid("1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096")
  return bytes
}

const signHandler: Handler = (context, input) => {
  const key = usable(context, input.required('KeyId'), 'SIGN_VERIFY')
  const { hash, options } = signing(key, input)
  const signature = sign(hash, message(input), { key: privateKey(key), ...options })
  return { KeyId: key.arn, Signature: signature.toString('base64'), SigningAlgorithm: input.required('SigningAlgorithm') }
}

const verifyHandler: Handler = (context, input) => {
  const key = usable(context, input.required('KeyId'), 'SIGN_VERIFY')
  const { hash, options } = signing(key, input)
  const valid = verify(hash, message(input), { key: createPublicKey(privateKey(key)), ...options }, input.requiredBytes('Signature'))
  if (!valid) throw new AwsError('KMSInvalidSignatureException', '')
  return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: input.required('SigningAlgorithm') }
}

function mac(key: Key & { material: NonNullable<Key['material']> }, input: Input): Buffer {
  const algorithm = input.required('MacAlgorithm')
  if (algorithm !== `HMAC_SHA_${key.keySpec.slice('HMAC_'.length)}`) {
    throw new AwsError('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${key.keySpec}.`)
  }
  return createHmac(key.spec.hash ?? '', key.material.bytes).update(message(input)).digest()
}

/** Use of keys. It is all done with the imported bytes, so a test that decrypts outside proves that they arrived. */
export const cryptoHandlers: Handlers = {
  Encrypt: encrypt,
  Decrypt: decrypt,
  GenerateDataKey: generateDataKey(true),
  GenerateDataKeyWithoutPlaintext: generateDataKey(false),
  GenerateRandom: (_context, input) => ({ Plaintext: randomBytes(input.number('NumberOfBytes') ?? 32).toString('base64') }),
  Sign: signHandler,
  Verify: verifyHandler,
  GenerateMac: (context, input) => {
    const key = usable(context, input.required('KeyId'), 'GENERATE_VERIFY_MAC')
    return { KeyId: key.arn, Mac: mac(key, input).toString('base64'), MacAlgorithm: input.required('MacAlgorithm') }
  },
  VerifyMac: (context, input) => {
    const key = usable(context, input.required('KeyId'), 'GENERATE_VERIFY_MAC')
    const [ours, theirs] = [mac(key, input), input.requiredBytes('Mac')]
    if (ours.length !== theirs.length || !timingSafeEqual(ours, theirs)) throw new AwsError('KMSInvalidMacException', '')
    return { KeyId: key.arn, MacValid: true, MacAlgorithm: input.required('MacAlgorithm') }
  },
  DeriveSharedSecret: (context, input) => {
    const key = usable(context, input.required('KeyId'), 'KEY_AGREEMENT')
    const publicKey = createPublicKey({ key: input.requiredBytes('PublicKey'), format: 'der', type: 'spki' })
    return { KeyId: key.arn, SharedSecret: diffieHellman({ privateKey: privateKey(key), publicKey }).toString('base64'), KeyAgreementAlgorithm: 'ECDH' }
  },
  GetPublicKey: ({ world, region }, input) => {
    const key = findKeyOrAlias(world, region, input.required('KeyId'))
    refuseStates(world, key, ...GONE_OR_COMING, 'PendingImport')
    const found = key.material && privateKeyOf(key.keySpec, key.material.bytes)
    if (!found) throw new AwsError('UnsupportedOperationException', `${key.arn} is not an asymmetric KMS key`)
    const der = createPublicKey(found).export({ format: 'der', type: 'spki' })
    return { KeyId: key.arn, PublicKey: der.toString('base64'), KeySpec: key.keySpec, CustomerMasterKeySpec: key.keySpec, KeyUsage: key.usage }
  },
}
