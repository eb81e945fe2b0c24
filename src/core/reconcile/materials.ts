import { KeymgmtError } from '../../errors.js'
import type { ImportKind, KmsKey, KmsMaterial } from '../../kms/kms-key.js'
import { expiredNextStep, expiryAt } from '../records/expiry.js'
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
 * Imports the material of one version into its KMS key, with the expiry of the distribution, and
 * records it. The KMS key may already have the material. After the import, the KMS key is usable,
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
 * Imports material that the KMS key has never had. AWS accepts it only once, so after a lost reply,
 * the operation id in its description shows whether AWS has it.
 */
async function importNew(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const begun = await beginNewMaterial(context, place)
  const record = (found: KmsMaterial) =>
    found.imported
      ? recordImported(context, place, found.id, found.expires)
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
  const validTo = futureExpiry(context, place)
  const materialId = await withMaterial(engine.store, key, version, async (material) => {
    const imported = await provider
      .importMaterial(region, kmsKey, key.type, material, validTo, as)
      .catch((error: unknown) => {
        throw validTo && isInvalid(error)
          ? refusedExpiryError(context, place, validTo, error)
          : error
      })
    if ((await provider.holds(region, kmsKey, key.type, material)) === false)
      throw differentMaterialError(context, place, kmsKey)
    return imported.materialId
  })
  await recordImported(context, place, materialId, validTo)
}

async function recordImported(
  context: ReconcileContext,
  place: KmsKeyPlace,
  materialId: string | undefined,
  validTo: Date | undefined,
): Promise<void> {
  const { version } = place
  const fingerprint = materialFingerprint(context.key, version)
  const pending = primaryMaterial(context, place)?.pending
  await updateKmsKey(context, place, (entry) => {
    const known: Partial<MaterialEntry> = materialIn(entry, version) ?? {}
    // AWS enables a KMS key that gets its material back. The next plan disables it again.
    const rest = entry.enabled === false ? without(entry, 'enabled') : entry
    return putMaterial(rest, {
      ...without(known, 'operationId', 'validTo', 'stale'),
      version,
      fingerprint,
      imported: true,
      ...(materialId && { materialId }),
      ...(validTo && { validTo: validTo.toISOString() }),
      ...(pending && { pending }),
    })
  })
}

/**
 * Deletes the material of one version from its KMS key, and records that. AWS forgets pending
 * material in every Region, but keeps the id of other material.
 */
export async function deleteMaterial(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const { provider, distribution } = context
  const { version, region } = place
  const { key: kmsKey, materials } = requireKmsKey(distribution, place)
  const known = materialIn({ materials }, version)
  const id = known?.operationId ? (await findNewMaterial(context, place))?.id : known?.materialId
  if (known?.operationId === undefined || id !== undefined)
    await provider.deleteMaterial(region, kmsKey, id).catch(async (error: unknown) => {
      if (!isMissing(error) || !(await isForgotten(context, place, id))) throw error
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

/**
 * True if AWS has the KMS key, but has forgotten this material of it. Only pending material of a
 * KMS key that is rotated in place can be forgotten.
 */
async function isForgotten(
  { provider, distribution }: ReconcileContext,
  place: KmsKeyPlace,
  materialId: string | undefined,
): Promise<boolean> {
  const { key } = requireKmsKey(distribution, place)
  if (!isInPlace(distribution.current)) return false
  if (!(await provider.inspect(place.region, key))) return false
  return (await provider.materials(place.region, key)).every(({ id }) => id !== materialId)
}

/**
 * Returns the time at which the material is to expire if it is imported now; undefined for never.
 * @throws KeymgmtError KMS_FAILED if that time has passed: only the user can change it.
 */
export function futureExpiry(context: ReconcileContext, place: KmsKeyPlace): Date | undefined {
  const { engine, distribution } = context
  const { current } = distribution
  const entry = createdKmsKeyAt(current, place.version, place.region)
  const validTo = expiryAt(current, entry && materialIn(entry, place.version), engine.now())
  if (validTo === undefined || validTo > engine.now()) return validTo
  throw expiredError(context, place, validTo)
}

function isInvalid(error: unknown): error is KeymgmtError {
  return error instanceof KeymgmtError && error.awsError === 'ValidationException'
}

/** AWS refuses an expiry in the past, or too far ahead, by its own clock. */
function refusedExpiryError(
  context: ReconcileContext,
  place: KmsKeyPlace,
  validTo: Date,
  error: KeymgmtError,
): KeymgmtError {
  const { expiry } = context.distribution.current
  if (!expiry || !('ttl' in expiry)) return expiredError(context, place, validTo)
  return error.withHints([
    `AWS refused an expiry at ${validTo.toISOString()}: compare this machine's clock with AWS's, or choose a shorter ttl`,
  ])
}

function expiredError(
  { key, providerName }: ReconcileContext,
  { version, region }: KmsKeyPlace,
  validTo: Date,
): KeymgmtError {
  return new KeymgmtError(
    'KMS_FAILED',
    `version ${version} of ${key.name} can't be imported in ${region}: its material was to expire at ${validTo.toISOString()}, which has passed; only renew moves it`,
    { hints: [expiredNextStep(providerName, key.name)] },
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
