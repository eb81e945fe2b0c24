import { KeymgmtError } from '../../errors.js'
import type { ImportKind, KmsKey, KmsMaterial } from '../../kms/provider.js'
import {
  createdKmsKeyAt,
  isAssociated,
  isInPlace,
  materialIn,
  primaryRegion,
  putMaterial,
  requireKmsKey,
} from '../records/kms-keys.js'
import { materialFingerprint, withMaterial } from '../records/material.js'
import { without, type KmsKeyPlace, type MaterialEntry } from '../records/model.js'
import { updateKmsKey, type ReconcileContext } from './context.js'
import { beginNewMaterial, dropMaterial, findNewMaterial } from './new-material.js'
import { isStoreFailure } from './outcomes.js'

/**
 * Imports the material of one version into its KMS key, and records it. The KMS key is then usable,
 * or can be rotated to the material.
 */
export async function importMaterial(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const { current } = context.distribution
  if (!isInPlace(current)) return importAs(context, place)
  const known = materialIn(requireKmsKey(context.distribution, place), place.version)
  const isNew = place.region === primaryRegion(current, place.version) && !isKept(known)
  if (isNew) return importNew(context, place)
  const materialId = known?.materialId ?? primaryMaterial(context, place)?.materialId
  return importAs(context, place, { kind: 'existing', materialId })
}

function isKept(material: MaterialEntry | undefined): boolean {
  return material !== undefined && isAssociated(material)
}

/** The material of the version in the primary; undefined if it never had any. */
function primaryMaterial(
  { distribution: { current } }: ReconcileContext,
  { version }: KmsKeyPlace,
): MaterialEntry | undefined {
  const primary = createdKmsKeyAt(current, version, primaryRegion(current, version))
  return primary && materialIn(primary, version)
}

/**
 * Imports material that the KMS key has never had. AWS takes it only once, so after a lost reply it
 * is found by the operation id in its description.
 */
async function importNew(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const begun = await beginNewMaterial(context, place)
  const record = (found: KmsMaterial) =>
    found.imported
      ? recordImported(context, place, found.id)
      : importAs(context, place, { kind: 'existing', materialId: found.id })
  if (begun.found) return record(begun.found)
  try {
    await importAs(context, place, { kind: 'new', description: begun.description })
  } catch (error) {
    if (isStoreFailure(error)) throw error
    const found = await findNewMaterial(context, place).catch(() => undefined)
    if (!found) throw error
    await record(found)
  }
}

async function importAs(
  context: ReconcileContext,
  place: KmsKeyPlace,
  as?: ImportKind,
): Promise<void> {
  const { engine, provider, key } = context
  const { version, region } = place
  const { key: kmsKey } = requireKmsKey(context.distribution, place)
  const validTo = expiryOf(context, place)
  const materialId = await withMaterial(engine.store, key, version, async (material) => {
    const imported = await provider
      .importMaterial(region, kmsKey, key.type, material, validTo, as)
      .catch((error: unknown) => {
        throw validTo && isInvalid(error) ? expiredError(context, place, validTo) : error
      })
    if ((await provider.holds(region, kmsKey, key.type, material)) === false)
      throw differentMaterialError(context, place, kmsKey)
    return imported.materialId
  })
  await recordImported(context, place, materialId)
}

async function recordImported(
  context: ReconcileContext,
  place: KmsKeyPlace,
  materialId: string | undefined,
): Promise<void> {
  const { version } = place
  const fingerprint = materialFingerprint(context.key, version)
  const pending = primaryMaterial(context, place)?.pending
  await updateKmsKey(context, place, (entry) => {
    const known = materialIn(entry, version)
    return putMaterial(entry, {
      ...(known && without(known, 'operationId')),
      version,
      fingerprint,
      imported: true,
      ...(materialId && { materialId }),
      ...(pending && { pending }),
    })
  })
}

/**
 * Deletes the material of one version from its KMS key, and records that. AWS forgets pending
 * material in every Region, and keeps the id of any other.
 */
export async function deleteMaterial(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const { provider, distribution } = context
  const { version, region } = place
  const { key: kmsKey, materials } = requireKmsKey(distribution, place)
  const known = materialIn({ materials }, version)
  const id = known?.operationId ? (await findNewMaterial(context, place))?.id : known?.materialId
  if (known?.operationId === undefined || id !== undefined)
    await provider.deleteMaterial(region, kmsKey, id).catch(async (error: unknown) => {
      const isGone = isMissing(error) && !(await hasMaterial(context, place, id))
      if (!isGone) throw error
    })
  if (known?.pending) return dropMaterial(context, version)
  await updateKmsKey(context, place, (entry) => {
    const rest = without(entry, 'enabled')
    return known ? putMaterial(rest, { ...without(known, 'operationId'), imported: false }) : rest
  })
}

/** True if AWS has no such material, or no such KMS key. */
function isMissing(error: unknown): boolean {
  return error instanceof KeymgmtError && error.code === 'KMS_KEY_NOT_FOUND'
}

async function hasMaterial(
  { provider, distribution }: ReconcileContext,
  place: KmsKeyPlace,
  materialId: string | undefined,
): Promise<boolean> {
  const { key } = requireKmsKey(distribution, place)
  return (await provider.materials(place.region, key)).some(({ id }) => id === materialId)
}

/** Returns the time at which the material expires; undefined for never. @throws KeymgmtError */
function expiryOf(context: ReconcileContext, place: KmsKeyPlace): Date | undefined {
  const material = materialIn(requireKmsKey(context.distribution, place), place.version)
  if (material?.validTo === undefined) return undefined
  const validTo = new Date(material.validTo)
  if (validTo > context.engine.now()) return validTo
  throw expiredError(context, place, validTo)
}

/** True if AWS refused an expiry in the past, because its clock is ahead. */
function isInvalid(error: unknown): boolean {
  return error instanceof KeymgmtError && error.awsError === 'ValidationException'
}

function expiredError(
  { key, providerName }: ReconcileContext,
  { version, region }: KmsKeyPlace,
  validTo: Date,
): KeymgmtError {
  return new KeymgmtError(
    'KMS_FAILED',
    `the material of ${key.name} version ${version} in ${region} was adopted with an expiry that has passed (${validTo.toISOString()})`,
    {
      hints: [
        `import it for ever: keymgmt write keymgmt/kms/${providerName}/key/${key.name}/repair allow_permanent=true`,
      ],
    },
  )
}

function differentMaterialError(
  { key }: ReconcileContext,
  { version, region }: KmsKeyPlace,
  { id }: KmsKey,
): KeymgmtError {
  return new KeymgmtError(
    'KMS_MATERIAL_DIFFERS',
    `KMS key ${id} in ${region} does not contain version ${version} of ${key.name}, although AWS accepted it`,
    {
      hints: [
        'do not use this KMS key, and report this as a bug of keymgmt',
        `disable it: aws kms disable-key --region ${region} --key-id ${id}`,
      ],
    },
  )
}
