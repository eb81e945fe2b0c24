import { constants, createPublicKey, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto'
import { invalidCiphertext, readHeader, seal, unseal } from '../ciphertext.js'
import { AwsError, customKeyStoreNotFound, invalid, unsupported } from '../errors.js'
import { findKeyOrAlias, invalidUsage, openKeyForUse } from '../find.js'
import type { Context, Handler, Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { SPECS } from '../key-specs.js'
import { publicKeyDer } from '../private-keys.js'
import type { Key } from '../state.js'
import { generate } from './keys.js'
import { assertAlgorithm, materialOf, privateKeyOf, recordUse, use } from './use.js'

const USAGE = 'ENCRYPT_DECRYPT'
const SYMMETRIC = 'SYMMETRIC_DEFAULT'

type EncryptionContext = ReadonlyMap<string, string>

/** Member names of a request. ReEncrypt has separate names for its source and its destination. */
interface Names {
  readonly keyId: string
  readonly algorithm: string
  readonly context: string
  readonly action?: string
}

const PLAIN: Names = {
  keyId: 'KeyId',
  algorithm: 'EncryptionAlgorithm',
  context: 'EncryptionContext',
}
const SOURCE: Names = {
  keyId: 'SourceKeyId',
  algorithm: 'SourceEncryptionAlgorithm',
  context: 'SourceEncryptionContext',
  action: 'ReEncryptFrom',
}
const DESTINATION: Names = {
  keyId: 'DestinationKeyId',
  algorithm: 'DestinationEncryptionAlgorithm',
  context: 'DestinationEncryptionContext',
  action: 'ReEncryptTo',
}

/**
 * AWS's OAEP parameters: the same hash for the label and MGF1, and no label. `length` is the
 * hash's, in bytes.
 */
function oaep(algorithm: string): { padding: number; oaepHash: string; length: number } {
  const one = algorithm === 'RSAES_OAEP_SHA_1'
  return {
    padding: constants.RSA_PKCS1_OAEP_PADDING,
    oaepHash: one ? 'sha1' : 'sha256',
    length: one ? 20 : 32,
  }
}

function readContext(input: Input, { context }: Names, key: Key): EncryptionContext {
  const found = input.map(context)
  if (found.size > 0 && key.spec.family !== 'symmetric')
    throw invalid(`${context} is not supported for asymmetric keys`)
  return found
}

interface Encrypted {
  readonly key: Key
  readonly algorithm: string
  readonly blob: Buffer
  readonly materialId: string | undefined
}

function encryptWith(context: Context, input: Input, names: Names, plaintext: Buffer): Encrypted {
  const key = openKeyForUse(context, input.required(names.keyId), USAGE, names.action)
  const algorithm = input.text(names.algorithm) ?? SYMMETRIC
  assertAlgorithm(key, algorithm)
  const encryptionContext = readContext(input, names, key)
  const material = materialOf(key)
  if (algorithm === SYMMETRIC)
    return {
      key,
      algorithm,
      blob: seal(key, material, plaintext, encryptionContext),
      materialId: material.id,
    }
  const { length, ...padding } = oaep(algorithm)
  const most = (key.spec.modulusLength ?? 0) / 8 - 2 * length - 2
  if (plaintext.length > most)
    throw invalid(
      `Algorithm ${algorithm} and key spec ${key.keySpec} cannot encrypt data larger than ${most} bytes.`,
    )
  return {
    key,
    algorithm,
    blob: publicEncrypt({ key: createPublicKey(privateKeyOf(key)), ...padding }, plaintext),
    materialId: undefined,
  }
}

interface Decrypted {
  readonly key: Key
  readonly algorithm: string
  readonly plaintext: Buffer
  readonly materialId: string | undefined
}

function decryptWith(context: Context, input: Input, names: Names): Decrypted {
  const algorithm = input.text(names.algorithm) ?? SYMMETRIC
  if (input.texts('DryRunModifiers').includes('IGNORE_CIPHERTEXT')) {
    const key = openKeyForUse(context, input.required(names.keyId), USAGE, names.action)
    return { key, algorithm, plaintext: Buffer.alloc(1), materialId: undefined }
  }
  const blob = input.requiredBytes('CiphertextBlob')
  return algorithm === SYMMETRIC
    ? decryptSymmetric(context, input, names, blob)
    : decryptRsa(context, input, names, blob, algorithm)
}

function decryptRsa(
  context: Context,
  input: Input,
  names: Names,
  blob: Buffer,
  algorithm: string,
): Decrypted {
  const key = openKeyForUse(context, input.required(names.keyId), USAGE, names.action)
  assertAlgorithm(key, algorithm)
  readContext(input, names, key)
  const { padding, oaepHash } = oaep(algorithm)
  try {
    return {
      key,
      algorithm,
      plaintext: privateDecrypt({ key: privateKeyOf(key), padding, oaepHash }, blob),
      materialId: undefined,
    }
  } catch {
    throw invalidCiphertext()
  }
}

function decryptSymmetric(context: Context, input: Input, names: Names, blob: Buffer): Decrypted {
  const { region } = context
  const wanted = input.text(names.keyId)
  if (wanted !== undefined)
    assertAlgorithm(openKeyForUse(context, wanted, USAGE, names.action), SYMMETRIC)
  const header = readHeader(blob)
  if (wanted !== undefined && findKeyOrAlias(region, wanted).key.id !== header.keyId) {
    throw new AwsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    )
  }
  if (!region.keys.has(header.keyId)) {
    throw new AwsError(
      'AccessDeniedException',
      'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
    )
  }
  const key =
    wanted === undefined
      ? openKeyForUse(context, header.keyId, USAGE, names.action)
      : findKeyOrAlias(region, wanted).key
  const material = key.materials.find(({ id }) => id === header.materialId)
  if (!material?.bytes) throw invalidCiphertext()
  const plaintext = unseal(key, material.bytes, header, blob, readContext(input, names, key))
  return { key, algorithm: SYMMETRIC, plaintext, materialId: material.id }
}

const encrypt: Handler = (context, input) => {
  const { key, algorithm, blob } = encryptWith(
    context,
    input,
    PLAIN,
    input.requiredBytes('Plaintext'),
  )
  recordUse(context, input, key)
  return { KeyId: key.arn, CiphertextBlob: blob.toString('base64'), EncryptionAlgorithm: algorithm }
}

const decrypt: Handler = (context, input) => {
  const { key, algorithm, plaintext, materialId } = decryptWith(context, input, PLAIN)
  recordUse(context, input, key)
  return {
    KeyId: key.arn,
    Plaintext: plaintext.toString('base64'),
    EncryptionAlgorithm: algorithm,
    KeyMaterialId: materialId,
  }
}

const reEncrypt: Handler = (context, input) => {
  const source = decryptWith(context, input, SOURCE)
  const destination = encryptWith(context, input, DESTINATION, source.plaintext)
  recordUse(context, input, source.key, destination.key)
  return {
    CiphertextBlob: destination.blob.toString('base64'),
    SourceKeyId: source.key.arn,
    KeyId: destination.key.arn,
    SourceEncryptionAlgorithm: source.algorithm,
    DestinationEncryptionAlgorithm: destination.algorithm,
    SourceKeyMaterialId: source.materialId,
    DestinationKeyMaterialId: destination.materialId,
  }
}

/** Opens the key that encrypts a data key: only a symmetric one can. */
function wrappingKey(context: Context, input: Input): Key {
  const key = openKeyForUse(context, input.required('KeyId'), USAGE)
  if (key.spec.family !== 'symmetric')
    throw invalidUsage(
      `${key.arn} key spec is ${key.keySpec} which is not valid for this operation.`,
    )
  return key
}

const generateDataKey =
  (withPlaintext: boolean): Handler =>
  (context, input) => {
    if (input.has('NumberOfBytes') === input.has('KeySpec'))
      throw invalid('Please specify either number of bytes or key spec.')
    const key = wrappingKey(context, input)
    const length = input.number('NumberOfBytes') ?? (input.text('KeySpec') === 'AES_128' ? 16 : 32)
    const plaintext = randomBytes(length)
    const material = materialOf(key)
    recordUse(context, input, key)
    return {
      KeyId: key.arn,
      CiphertextBlob: seal(key, material, plaintext, input.map('EncryptionContext')).toString(
        'base64',
      ),
      KeyMaterialId: material.id,
      ...(withPlaintext && { Plaintext: plaintext.toString('base64') }),
    }
  }

const generateDataKeyPair =
  (withPlaintext: boolean): Handler =>
  (context, input) => {
    const KeyPairSpec = input.required('KeyPairSpec')
    const spec = SPECS.get(KeyPairSpec)
    if (!spec) throw unsupported(`KeyPairSpec ${KeyPairSpec} is not supported by this KMS`)
    const key = wrappingKey(context, input)
    context.quotas.pair(KeyPairSpec, context.region.name)
    const privateKey = generate(spec, context.region.name)
    const material = materialOf(key)
    recordUse(context, input, key)
    return {
      KeyId: key.arn,
      KeyPairSpec,
      PublicKey: publicKeyDer(spec, privateKey).toString('base64'),
      PrivateKeyCiphertextBlob: seal(
        key,
        material,
        privateKey,
        input.map('EncryptionContext'),
      ).toString('base64'),
      KeyMaterialId: material.id,
      ...(withPlaintext && { PrivateKeyPlaintext: privateKey.toString('base64') }),
    }
  }

const generateRandom: Handler = (context, input) => {
  const store = input.text('CustomKeyStoreId')
  if (store !== undefined) throw customKeyStoreNotFound(store)
  const length = input.number('NumberOfBytes')
  if (length === undefined) throw invalid('NumberOfBytes is required')
  context.authorize({ resource: '*' })
  context.quotas.use('symmetric', context.region.name)
  return { Plaintext: randomBytes(length).toString('base64') }
}

/** Encryption and data keys, with the imported material itself. */
export const encryptionHandlers: Handlers = {
  Encrypt: use(encrypt),
  Decrypt: use(decrypt),
  ReEncrypt: use(reEncrypt),
  GenerateDataKey: use(generateDataKey(true)),
  GenerateDataKeyWithoutPlaintext: use(generateDataKey(false)),
  GenerateDataKeyPair: use(generateDataKeyPair(true)),
  GenerateDataKeyPairWithoutPlaintext: use(generateDataKeyPair(false)),
  GenerateRandom: use(generateRandom),
}
