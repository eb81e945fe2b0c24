import { constants, createDecipheriv, createHash, createHmac, generateKeyPair, privateDecrypt, timingSafeEqual, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { AwsError, invalid } from '../errors.js'
import { wireDate, type Handler, type Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { fits, type Family } from '../key-specs.js'
import { findKey, GONE_OR_COMING, refuseStates, type Key, type Material, type World } from '../state.js'

const generatePair = promisify(generateKeyPair)

/** How long a wrapping key and its token can be used. */
const PARAMETERS_MS = 24 * 3_600_000
const LONGEST_EXPIRY_MS = 365 * 86_400_000

/** What each algorithm may wrap, and how. AWS documents this table; emulators that are laxer hide a wrong choice. */
const WRAPPING = new Map<string, { readonly hash: 'sha1' | 'sha256'; readonly hybrid: boolean; readonly families: readonly Family[] }>([
  ['RSAES_OAEP_SHA_1', { hash: 'sha1', hybrid: false, families: ['symmetric', 'hmac', 'ecc'] }],
  ['RSAES_OAEP_SHA_256', { hash: 'sha256', hybrid: false, families: ['symmetric', 'hmac', 'ecc'] }],
  ['RSA_AES_KEY_WRAP_SHA_1', { hash: 'sha1', hybrid: true, families: ['rsa', 'ecc'] }],
  ['RSA_AES_KEY_WRAP_SHA_256', { hash: 'sha256', hybrid: true, families: ['rsa', 'ecc'] }],
])

const MODULUS = new Map([['RSA_2048', 2048], ['RSA_3072', 3072], ['RSA_4096', 4096]])

/** One pair for each size and process: making one of 4,096 bits takes seconds, and what a token binds is not the pair. */
const pairs = new Map<string, Promise<{ publicKey: KeyObject; privateKey: KeyObject }>>()

function wrappingPair(spec: string): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  const modulusLength = MODULUS.get(spec)
  if (modulusLength === undefined) throw invalid(`1 validation error detected: Value '${spec}' at 'wrappingKeySpec' failed to satisfy constraint`)
  const known = pairs.get(spec) ?? generatePair('rsa', { modulusLength })
  pairs.set(spec, known)
  return known
}

/** Begins making the wrapping key that most ask for, so that the first of them need not wait. */
export function prepareWrappingKey(): void {
  void wrappingPair('RSA_4096')
}

interface Token {
  readonly arn: string
  readonly algorithm: string
  readonly spec: string
  readonly validTo: number
}

function writeToken(world: World, token: Token): Buffer {
  const body = Buffer.from(JSON.stringify(token))
  return Buffer.concat([createHmac('sha256', world.secret).update(body).digest(), body])
}

function readToken(world: World, bytes: Buffer, key: Key): Token {
  const wrong = () => new AwsError('InvalidImportTokenException', 'The import token is invalid or is for another KMS key.')
  const body = bytes.subarray(32)
  const mac = createHmac('sha256', world.secret).update(body).digest()
  if (bytes.length <= 32 || !timingSafeEqual(mac, bytes.subarray(0, 32))) throw wrong()
  const token = JSON.parse(body.toString()) as Token
  if (token.arn !== key.arn) throw wrong()
  if (world.now().getTime() > token.validTo) throw new AwsError('ExpiredImportTokenException', 'The import token has expired.')
  return token
}

function importable(world: World, key: Key): void {
  if (key.origin !== 'EXTERNAL') throw new AwsError('UnsupportedOperationException', `${key.arn} origin is ${key.origin} which is not valid for this operation.`)
  refuseStates(world, key, ...GONE_OR_COMING)
}

const getParametersForImport: Handler = async ({ world, region }, input) => {
  const key = findKey(world, region, input.required('KeyId'))
  importable(world, key)
  const algorithm = input.required('WrappingAlgorithm')
  const spec = input.required('WrappingKeySpec')
  const rule = WRAPPING.get(algorithm)
  if (!rule) throw new AwsError('UnsupportedOperationException', `${algorithm} is not supported`)
  const tooShort = key.keySpec === 'ECC_NIST_P521' && spec === 'RSA_2048' && !rule.hybrid
  if (!rule.families.includes(key.spec.family) || tooShort) {
    throw invalid(`${algorithm} with ${spec} is not valid for key material of ${key.keySpec}`)
  }
  const { publicKey } = await wrappingPair(spec)
  const validTo = world.now().getTime() + PARAMETERS_MS
  return {
    KeyId: key.arn,
    ImportToken: writeToken(world, { arn: key.arn, algorithm, spec, validTo }).toString('base64'),
    PublicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    ParametersValidTo: validTo / 1000,
  }
}

async function unwrap({ algorithm, spec }: Token, blob: Buffer): Promise<Buffer> {
  const rule = WRAPPING.get(algorithm)
  const { privateKey } = await wrappingPair(spec)
  try {
    const oaep = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: rule?.hash ?? 'sha256' }
    if (rule?.hybrid !== true) return privateDecrypt(oaep, blob)
    const size = (MODULUS.get(spec) ?? 0) / 8
    const decipher = createDecipheriv('id-aes256-wrap-pad', privateDecrypt(oaep, blob.subarray(0, size)), Buffer.from('A65959A6', 'hex'))
    return Buffer.concat([decipher.update(blob.subarray(size)), decipher.final()])
  } catch {
    throw new AwsError('InvalidCiphertextException', 'The encrypted key material could not be decrypted.')
  }
}

/** AWS computes it from the id and the material, by a function that it does not publish; so does this. */
export function materialId({ id }: Key, bytes: Buffer): string {
  return createHash('sha256').update(id).update(bytes).digest('hex')
}

function readExpiry(world: World, input: Input): Date | undefined {
  const model = input.text('ExpirationModel') ?? 'KEY_MATERIAL_EXPIRES'
  const validTo = input.number('ValidTo')
  if (model === 'KEY_MATERIAL_DOES_NOT_EXPIRE') {
    if (validTo !== undefined) throw invalid('ValidTo must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE')
    return undefined
  }
  if (model !== 'KEY_MATERIAL_EXPIRES') throw invalid(`1 validation error detected: Value '${model}' at 'expirationModel' failed to satisfy constraint`)
  if (validTo === undefined) throw invalid('A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES')
  const ahead = validTo * 1000 - world.now().getTime()
  if (ahead <= 0 || ahead > LONGEST_EXPIRY_MS) throw invalid('ValidTo must be in the future and at most 365 days away')
  return new Date(validTo * 1000)
}

const importKeyMaterial: Handler = async ({ world, region }, input) => {
  const key = findKey(world, region, input.required('KeyId'))
  importable(world, key)
  const validTo = readExpiry(world, input)
  const importType = input.text('ImportType')
  if (importType !== undefined && key.spec.family !== 'symmetric') throw invalid('ImportType is only valid for symmetric encryption keys')
  const token = readToken(world, input.requiredBytes('ImportToken'), key)
  const bytes = await unwrap(token, input.requiredBytes('EncryptedKeyMaterial'))
  const incorrect = () => new AwsError('IncorrectKeyMaterialException', 'The key material is invalid, or not what was imported into this KMS key before.')
  if (!fits(key.keySpec, bytes)) throw incorrect()
  const id = materialId(key, bytes)
  const known = key.materialId ?? primaryMaterialId(world, key)
  if (known !== undefined && known !== id) {
    if (importType === 'NEW_KEY_MATERIAL') throw new AwsError('UnsupportedOperationException', 'rotation of imported key material is not supported by this KMS')
    throw incorrect()
  }
  if (known !== undefined && importType === 'NEW_KEY_MATERIAL') throw incorrect()
  if (known === undefined && importType === 'EXISTING_KEY_MATERIAL') throw incorrect()
  const expected = input.text('KeyMaterialId')
  if (expected !== undefined && expected !== id) throw incorrect()
  const material: Material = { bytes, id, validTo }
  key.material = material
  key.materialId = id
  return { KeyId: key.arn, ...(key.spec.family === 'symmetric' && { KeyMaterialId: id }) }
}

/** A replica takes the same material as its primary, and no other. */
function primaryMaterialId(world: World, key: Key): string | undefined {
  return key.multiRegion && world.region(key.multiRegion.primary).keys.get(key.id)?.materialId
}

const deleteImportedKeyMaterial: Handler = ({ world, region }, input) => {
  const key = findKey(world, region, input.required('KeyId'))
  if (key.origin !== 'EXTERNAL') throw new AwsError('UnsupportedOperationException', `${key.arn} origin is ${key.origin} which is not valid for this operation.`)
  refuseStates(world, key, 'Creating')
  key.material?.bytes.fill(0)
  key.material = undefined
  return { KeyId: key.arn, ...(key.spec.family === 'symmetric' && key.materialId && { KeyMaterialId: key.materialId }) }
}

/** The import of key material. */
export const importHandlers: Handlers = {
  GetParametersForImport: getParametersForImport,
  ImportKeyMaterial: importKeyMaterial,
  DeleteImportedKeyMaterial: deleteImportedKeyMaterial,
  GetKeyRotationStatus: ({ world, region }, input) => {
    const key = findKey(world, region, input.required('KeyId'))
    return { KeyId: key.arn, KeyRotationEnabled: false }
  },
  ListKeyRotations: ({ world, region }, input) => {
    const key = findKey(world, region, input.required('KeyId'))
    const rotation = { KeyId: key.arn, KeyMaterialId: key.materialId, KeyMaterialState: 'CURRENT', ValidTo: wireDate(key.material?.validTo) }
    const shown = input.text('IncludeKeyMaterial') === 'ALL_KEY_MATERIAL' && key.materialId
    return { Rotations: shown ? [{ ...rotation, ImportState: key.material ? 'IMPORTED' : 'PENDING_IMPORT' }] : [], Truncated: false }
  },
}
