import { AwsError, invalid, notFound, unsupported } from '../errors.js'
import { findKey, openKey } from '../find.js'
import { wireDate, type Context, type Handler, type Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { isImportable, publicKeyDer } from '../private-keys.js'
import { currentMaterial, pendingMaterial, stateOf, type Key, type Material } from '../state.js'
import { expireMaterial, relatedKeys, updatePendingRotation } from '../account.js'
import {
  assertUnused,
  assertWrapping,
  readToken,
  unwrap,
  wrappingPair,
  writeToken,
} from '../wrapping.js'
import { addMaterial, materialId, recordOf } from './materials.js'

const LONGEST_EXPIRY_MS = 365 * 86_400_000

/**
 * Opens a key that accepts imported material. As in AWS, the origin is checked before the state.
 */
function openForImport(context: Context, input: Input): Key {
  const keyId = input.required('KeyId')
  const found = findKey(context.region, keyId)
  context.authorize({ key: found })
  if (found.origin !== 'EXTERNAL')
    throw unsupported(
      `${found.arn} origin is ${found.origin} which is not valid for this operation.`,
    )
  return openKey(context, keyId)
}

const getParametersForImport: Handler = async (context, input) => {
  const key = openForImport(context, input)
  const [algorithm, spec] = [input.required('WrappingAlgorithm'), input.required('WrappingKeySpec')]
  assertWrapping(key, algorithm, spec)
  const { publicKey } = await wrappingPair(spec)
  const { token, validTo } = writeToken(context.account, key, algorithm, spec)
  return {
    KeyId: key.arn,
    ImportToken: token.toString('base64'),
    PublicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    ParametersValidTo: wireDate(validTo),
  }
}

function readExpiry(now: Date, input: Input): Date | undefined {
  const validTo = input.date('ValidTo')
  if (input.text('ExpirationModel') === 'KEY_MATERIAL_DOES_NOT_EXPIRE') {
    if (validTo !== undefined)
      throw invalid(
        'ValidTo must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE',
      )
    return undefined
  }
  if (validTo === undefined)
    throw invalid('A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES')
  const ahead = validTo.getTime() - now.getTime()
  if (ahead <= 0 || ahead > LONGEST_EXPIRY_MS)
    throw invalid('ValidTo must be in the future and at most 365 days away')
  return validTo
}

const SYMMETRIC_ONLY = ['ImportType', 'KeyMaterialDescription', 'KeyMaterialId']

/**
 * True for new material, false for material to import again. AWS has rules for each kind of key.
 */
function isNewMaterial(key: Key, input: Input): boolean {
  const replica = key.multiRegion !== undefined && key.multiRegion.primary !== key.region
  if (key.spec.family !== 'symmetric') {
    const wrong = SYMMETRIC_ONLY.find((name) => input.has(name))
    if (wrong !== undefined) throw invalid(`${wrong} is only valid for symmetric encryption keys`)
  }
  if (replica && input.has('KeyMaterialDescription'))
    throw invalid('KeyMaterialDescription is set on the primary key only')
  const type =
    input.text('ImportType') ??
    (key.materials.length === 0 ? 'NEW_KEY_MATERIAL' : 'EXISTING_KEY_MATERIAL')
  if (type === 'EXISTING_KEY_MATERIAL') return false
  if (input.has('KeyMaterialId'))
    throw invalid('KeyMaterialId can not be specified when ImportType is NEW_KEY_MATERIAL')
  if (replica) throw unsupported(`${key.arn} is not a multi-region primary key.`)
  return true
}

const incorrect = () =>
  new AwsError(
    'IncorrectKeyMaterialException',
    'The key material is invalid, or not what was imported into this KMS key before.',
  )

/** Associates new material with the key, and records it in the replicas. */
function associate(context: Context, key: Key, bytes: Buffer, id: string): Material {
  const { account } = context
  if (key.materials.some((material) => material.id === id)) throw incorrect()
  const pending = pendingMaterial(key)
  if (pending) {
    throw new AwsError(
      'KMSInvalidStateException',
      `New key material (id: ${id}) cannot be imported into KMS key ${key.arn}, because another key material (id: ${pending.id}) is pending rotation.`,
    )
  }
  const material = addMaterial(
    key,
    bytes,
    key.materials.length === 0 ? 'CURRENT' : 'PENDING_ROTATION',
  )
  if (material.state === 'CURRENT') return material
  for (const relative of relatedKeys(account, key)) {
    if (relative !== key) relative.materials.push(recordOf(material))
  }
  return material
}

/** Restores the bytes of material that is associated with the key already. */
function reimport(key: Key, bytes: Buffer, id: string, expected: string | undefined): Material {
  const material = key.materials.find((known) => known.id === id)
  if (!material || (expected !== undefined && expected !== id)) throw incorrect()
  material.bytes = bytes
  return material
}

const importKeyMaterial: Handler = async (context, input) => {
  const { account } = context
  const key = openForImport(context, input)
  const validTo = readExpiry(account.now(), input)
  const fresh = isNewMaterial(key, input)
  const blob = input.requiredBytes('EncryptedKeyMaterial')
  const token = input.requiredBytes('ImportToken')
  const parameters = readToken(account, token, key)
  const useToken = assertUnused(account, token, blob)
  const bytes = await unwrap(parameters, blob)
  // Another request may have changed the key while this one awaited the wrapping key.
  openForImport(context, input)
  if (!isImportable(key.keySpec, key.region, bytes)) throw incorrect()
  const id = materialId(key, bytes)
  const wasPending = stateOf(account.now(), key) === 'PendingImport'
  const material = fresh
    ? associate(context, key, bytes, id)
    : reimport(key, bytes, id, input.text('KeyMaterialId'))
  useToken()
  describeMaterial(context, key, material, input.text('KeyMaterialDescription'))
  material.validTo = validTo
  updatePendingRotation(account, key)
  if (key.spec.length === undefined) key.publicKey = publicKeyDer(key.spec, bytes)
  if (wasPending && stateOf(account.now(), key) !== 'PendingImport') key.enabled = true
  return { KeyId: key.arn, ...(key.spec.family === 'symmetric' && { KeyMaterialId: id }) }
}

/** Sets a material's description in every Region. An absent description changes nothing. */
function describeMaterial(
  { account }: Context,
  key: Key,
  { id }: Material,
  description: string | undefined,
): void {
  if (description === undefined) return
  for (const relative of relatedKeys(account, key)) {
    for (const material of relative.materials)
      if (material.id === id) material.description = description
  }
}

const deleteImportedKeyMaterial: Handler = (context, input) => {
  const key = openForImport(context, input)
  const wanted = input.text('KeyMaterialId')
  const material =
    wanted === undefined ? currentMaterial(key) : key.materials.find(({ id }) => id === wanted)
  if (wanted !== undefined && (!material || key.spec.family !== 'symmetric'))
    throw notFound(`Key material '${wanted}' does not exist`)
  if (material) expireMaterial(context.account, key, material)
  return { KeyId: key.arn, ...(key.spec.family === 'symmetric' && { KeyMaterialId: material?.id }) }
}

/** Import and deletion of key material. */
export const importHandlers: Handlers = {
  GetParametersForImport: getParametersForImport,
  ImportKeyMaterial: importKeyMaterial,
  DeleteImportedKeyMaterial: deleteImportedKeyMaterial,
}
