import { randomUUID } from 'node:crypto'
import { KeymgmtError, withHints } from '../../errors.js'
import type { KmsMaterial } from '../../kms/kms-key.js'
import { restorableRegions } from '../records/dropped-regions.js'
import {
  createdKmsKeyAt,
  isAssociated,
  isInPlace,
  materialIn,
  primaryRegion,
  putMaterial,
  requireKmsKey,
  withoutMaterial,
} from '../records/kms-keys.js'
import { materialFingerprint } from '../records/material.js'
import {
  MAX_ROTATIONS,
  without,
  type CreatedKmsKey,
  type KmsKeyPlace,
  type MaterialEntry,
} from '../records/model.js'
import { waysForward } from '../records/takedown.js'
import { recordState, updateKmsKey, type ReconcileContext } from './context.js'
import { describeMaterial, newerMaterials } from './newer-material.js'
import { assertNewest } from './newer.js'

/** From this number of rotations on, each rotation causes a warning. */
const MANY_ROTATIONS = 20

/**
 * Returns the materials to import into a new KMS key: its version's material. A replica of a KMS
 * key that is rotated in place gets all materials of the primary.
 */
export function materialsToImport(
  { key, distribution: { current } }: ReconcileContext,
  version: number,
): readonly MaterialEntry[] {
  const primary = createdKmsKeyAt(current, version, primaryRegion(current, version))
  if (primary && isInPlace(current))
    return primary.materials.map((each) => ({ ...each, imported: false }))
  const material = key.versions[version]?.material
  return material?.state === 'stored'
    ? [{ version, fingerprint: material.fingerprint, imported: false }]
    : []
}

/**
 * The operation id with which to import new material, or the material if an earlier import has
 * succeeded.
 */
type NewMaterial =
  { readonly found: KmsMaterial } | { readonly found: undefined; readonly description: string }

/**
 * Records the operation id of an import of new material, so that the material can be found after a
 * lost reply. Looks for it first if an earlier import may have succeeded.
 * @throws KeymgmtError KMS_LIMIT if AWS would not rotate the KMS key to it; KMS_FAILED if somebody
 * else's material is pending; STORE_OUTDATED.
 */
export async function beginNewMaterial(
  context: ReconcileContext,
  place: KmsKeyPlace,
): Promise<NewMaterial> {
  const { provider, distribution } = context
  const { version } = place
  const entry = requireKmsKey(distribution, place)
  const known = materialIn(entry, version)
  const isFirst = !entry.materials.some(isAssociated)
  const listed =
    isFirst && !known?.operationId ? [] : await provider.materials(place.region, entry.key)
  const found = listed.find((material) => isThis(material, known))
  if (found) return { found }
  await assertNewest(context, newerMaterials(context.key, entry, listed))
  if (!isFirst) assertRotatable(context, entry, listed)
  const operationId = known?.operationId ?? randomUUID()
  const fingerprint = materialFingerprint(context.key, version)
  await updateKmsKey(context, place, (current) =>
    putMaterial(current, {
      ...(known && without(known, 'materialId')),
      version,
      fingerprint,
      imported: false,
      operationId,
      ...(!isFirst && { pending: true }),
    }),
  )
  return { found: undefined, description: describeMaterial(context.key.name, version, operationId) }
}

/** Returns the new material if AWS has it from an import without a reply; undefined otherwise. */
export async function findNewMaterial(
  { provider, distribution }: ReconcileContext,
  place: KmsKeyPlace,
): Promise<KmsMaterial | undefined> {
  const entry = requireKmsKey(distribution, place)
  const known = materialIn(entry, place.version)
  return (await provider.materials(place.region, entry.key)).find((each) => isThis(each, known))
}

function isThis({ id, description }: KmsMaterial, known: MaterialEntry | undefined): boolean {
  const operationId = known?.operationId
  return (
    id === known?.materialId ||
    (operationId !== undefined && description?.endsWith(`/${operationId}`) === true)
  )
}

/** Refuses new material before its import if the KMS key could not be rotated to it. */
function assertRotatable(
  context: ReconcileContext,
  entry: CreatedKmsKey,
  listed: readonly KmsMaterial[],
): void {
  const { key, region } = entry
  const pending = listed.find(({ state }) => state === 'pending' || state === 'incomplete')
  const command = (name: string) => `aws kms ${name} --region ${region} --key-id ${key.id}`
  if (pending)
    throw new KeymgmtError(
      'KMS_FAILED',
      `somebody else imported material ${pending.id} into KMS key ${key.id} in ${region}, and it is pending rotation; AWS takes no other material until then`,
      {
        hints: [
          `to delete that material: ${command('delete-imported-key-material')} --key-material-id ${pending.id}`,
          `or to rotate to it: ${command('rotate-key-on-demand')}`,
          'then run the same command again',
        ],
      },
    )
  if (countRotations(listed) >= MAX_ROTATIONS) throw exhaustedError(context, entry)
}

/** The rotations that AWS counts, including rotations by others. */
export function countRotations(listed: readonly KmsMaterial[]): number {
  return listed.filter(({ rotatedAt }) => rotatedAt).length
}

function exhaustedError(context: ReconcileContext, { key, region }: CreatedKmsKey): KeymgmtError {
  return new KeymgmtError(
    'KMS_LIMIT',
    `KMS key ${key.id} in ${region} has used all ${MAX_ROTATIONS} rotations in place that AWS allows in its life`,
    { hints: [secondProviderHint(context), KEEP_HINT] },
  )
}

/** The way forward when a KMS key has used all of its rotations. */
export function secondProviderHint({
  key,
  provider,
  providerName,
  distribution,
}: ReconcileContext): string {
  const purpose = distribution.current.purpose.join(',')
  return `distribute ${key.name} to a second provider in ${provider.region}: keymgmt write keymgmt/kms/${providerName}-2 provider=awskms key_collection=${provider.region}, then keymgmt write keymgmt/kms/${providerName}-2/key/${key.name} purpose=${purpose} rotation=in_place`
}

const KEEP_HINT = 'keep this distribution too: only its KMS key can decrypt what it has encrypted'

/** Removes pending material that AWS has forgotten from the record, in every Region. */
export async function dropMaterial(context: ReconcileContext, version: number): Promise<void> {
  await recordState(context, (current) => ({
    ...current,
    kmsKeys: current.kmsKeys.map((entry) =>
      entry.state === 'created' ? withoutMaterial(entry, version) : entry,
    ),
  }))
}

/**
 * Rotates to the pending material of one version, and records it as current in every Region.
 * @throws KeymgmtError KMS_FAILED if somebody deleted it meanwhile. The next plan imports it again.
 */
export async function rotateToMaterial(
  context: ReconcileContext,
  place: KmsKeyPlace,
): Promise<void> {
  const { provider, distribution } = context
  const { version, region } = place
  const entry = requireKmsKey(distribution, place)
  const listed = await provider.rotate(region, entry.key).catch((error: unknown) => {
    throw withHints(error, removedReplicaHints(context))
  })
  const materialId = materialIn(entry, version)?.materialId
  const ours = listed.find(({ id }) => id === materialId)
  // In a dry run, the material has no id, because nothing was imported.
  if (materialId !== undefined && !ours) {
    await dropMaterial(context, version)
    throw deletedError(context, place, entry)
  }
  const rotations = countRotations(listed)
  await recordState(context, (current) => ({
    ...current,
    kmsKeys: current.kmsKeys.map((each) =>
      each.state === 'created' ? { ...withoutPending(each, version), rotations } : each,
    ),
  }))
  if (rotations >= MANY_ROTATIONS)
    context.engine.notice(
      `KMS key ${entry.key.id} in ${region} has used ${rotations} of the ${MAX_ROTATIONS} rotations in place that AWS allows in its life. Before they are used up, ${secondProviderHint(context)}`,
    )
}

/**
 * The rotation may be blocked by a replica whose deletion is scheduled, because it accepts no
 * material.
 */
function removedReplicaHints({ key, providerName, distribution, engine }: ReconcileContext) {
  return restorableRegions(distribution.current, engine.now()).map(
    (region) =>
      `the replica in ${region} is scheduled for deletion, and accepts no material: wait until AWS has deleted it, or bring it back: ${waysForward('removal', providerName, key.name).restore}`,
  )
}

function withoutPending(entry: CreatedKmsKey, version: number): CreatedKmsKey {
  const known = materialIn(entry, version)
  return known ? putMaterial(entry, without(known, 'pending')) : entry
}

function deletedError(
  { key }: ReconcileContext,
  { version, region }: KmsKeyPlace,
  entry: CreatedKmsKey,
): KeymgmtError {
  return new KeymgmtError(
    'KMS_FAILED',
    `KMS key ${entry.key.id} in ${region} was not rotated to version ${version} of ${key.name}: somebody deleted its pending material`,
    { hints: ['run the same command again, which imports it again'] },
  )
}
