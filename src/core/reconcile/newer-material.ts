import { KeymgmtError } from '../../errors.js'
import type { KmsMaterial } from '../../kms/kms-key.js'
import { createdKmsKeys, isInPlace, primaryRegion } from '../records/kms-keys.js'
import type { CreatedKmsKey, KeyRecord } from '../records/model.js'
import type { ObserveContext } from './context.js'
import type { NewerTarget } from './newer.js'

/** Returns the description of material in AWS, which also explains CloudTrail's events. */
export function describeMaterial(name: string, version: number, operationId: string): string {
  return `keymgmt:${name}/v${version}/${operationId}`
}

/** Returns the primary if another copy of the store has rotated it in place to a later version. */
export async function findNewerMaterials({
  key,
  provider,
  distribution: { current },
}: ObserveContext): Promise<NewerTarget[]> {
  if (!isInPlace(current)) return []
  const primary = createdKmsKeys(current).find(
    ({ version, region }) => region === primaryRegion(current, version),
  )
  if (!primary) return []
  try {
    return newerMaterials(key, primary, await provider.materials(primary.region, primary.key))
  } catch (error) {
    if (error instanceof KeymgmtError && error.code === 'KMS_KEY_NOT_FOUND') return []
    throw error
  }
}

/**
 * PURE: returns the KMS key once for each material that is not on record and that keymgmt imported
 * for a version of this key, according to its description.
 */
export function newerMaterials(
  { name }: KeyRecord,
  { region, key: { id }, materials }: CreatedKmsKey,
  listed: readonly KmsMaterial[],
): NewerTarget[] {
  return listed.flatMap((material): NewerTarget[] => {
    const { id: materialId, description = '' } = material
    const [subject, version = '', operationId] = description.split('/')
    const isKnown = materials.some(
      (known) => known.materialId === materialId || known.operationId === operationId,
    )
    const isOurs = subject === `keymgmt:${name}` && /^v[1-9]\d{0,8}$/.test(version)
    return isOurs && !isKnown
      ? [{ region, alias: undefined, id, version: Number(version.slice(1)), material }]
      : []
  })
}
