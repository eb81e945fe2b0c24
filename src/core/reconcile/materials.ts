import { KeymgmtError } from '../../errors.js'
import type { KmsKey } from '../../kms/provider.js'
import { materialIn, requireKmsKey, withImported } from '../records/kms-keys.js'
import { materialFingerprint, withMaterial } from '../records/material.js'
import { without, type KmsKeyPlace, type MaterialEntry } from '../records/model.js'
import { updateKmsKey, type ReconcileContext } from './context.js'

/** Imports the material of one version into its KMS key, which is then usable, and records it. */
export async function importMaterial(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const { engine, provider, key } = context
  const { version, region } = place
  const { key: kmsKey } = requireKmsKey(context.distribution, place)
  const fingerprint = materialFingerprint(key, version)
  const validTo = expiryOf(context, place)
  const materialId = await withMaterial(engine.store, key, version, async (material) => {
    const imported = await provider
      .importMaterial(region, kmsKey, key.type, material, validTo)
      .catch((error: unknown) => {
        throw validTo && isInvalid(error) ? expiredError(context, place, validTo) : error
      })
    if ((await provider.holds(region, kmsKey, key.type, material)) === false)
      throw differentMaterialError(context, place, kmsKey)
    return imported.materialId
  })
  await updateKmsKey(context, place, (entry) => {
    const imported: MaterialEntry = {
      ...materialIn(entry, version),
      version,
      fingerprint,
      imported: true,
      ...(materialId && { materialId }),
    }
    const others = entry.materials.filter((material) => material.version !== version)
    return { ...entry, materials: [...others, imported] }
  })
}

/** Deletes the material of one version from its KMS key, and records that. */
export async function deleteMaterial(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const entry = requireKmsKey(context.distribution, place)
  const { materialId } = materialIn(entry, place.version) ?? {}
  await context.provider.deleteMaterial(place.region, entry.key, materialId)
  await updateKmsKey(context, place, (entry) => withImported(without(entry, 'enabled'), false))
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
