import { KeymgmtError } from '../../errors.js'
import { OPERATION_TAG, type KmsKey } from '../../kms/kms-key.js'
import type { Engine } from '../engine.js'
import { managedSettings } from '../records/key-settings.js'
import { createdKmsKeyAt, primaryRegion, withDeletion } from '../records/kms-keys.js'
import type { CreatingKmsKey, KmsKeyPlace } from '../records/model.js'
import { assertPlaceOf } from './account.js'
import { updateKmsKey, type ReconcileContext } from './context.js'
import { recordCreated } from './created.js'
import { dropUnfound } from './surplus.js'

/**
 * Longest time from the record of a creation to the end of its last request. The records do not
 * show when a killed command stopped sending.
 */
const LONGEST_ATTEMPT_MS = 600_000

/**
 * Looks for the KMS keys whose creation has no reply on record. Records those that exist, and drops
 * the entries of the others with `drop`.
 * @throws KeymgmtError KMS_ACCESS_DENIED if the search is denied; the hints name the KMS keys that
 * may exist.
 */
export async function findUnrecordedKmsKeys(
  context: ReconcileContext,
  among: (entry: CreatingKmsKey) => boolean,
  drop: typeof dropUnfound = dropUnfound,
): Promise<void> {
  const { engine, provider, distribution } = context
  const unrecorded = distribution.current.kmsKeys
    .filter((entry) => entry.state === 'creating')
    .filter(among)
  // The credentials of another account would show none of them.
  if (unrecorded.length > 0) await assertPlaceOf(context)
  for (const region of new Set(unrecorded.map((entry) => entry.region))) {
    const here = unrecorded.filter((entry) => entry.region === region)
    engine.progress(`looking in ${region} for KMS keys that AWS may have created without a reply`)
    const isHome = region === provider.region
    const found = await (isHome ? findPrimaries : findReplicas)(context, here)
    // A replica is found by its id: another copy of the store may have created it.
    const stale = isHome ? [] : (['tags'] as const)
    for (const entry of here) {
      const key = found.get(entry.version)
      if (!key) {
        await drop(context, entry)
        continue
      }
      const managed = managedSettings(distribution.current)
      await recordCreated(context, entry, key, [...stale, ...managed])
      await recordDeletion(context, entry, key)
    }
  }
}

/**
 * Records that the deletion of a KMS key is scheduled: a newer copy of the store may have removed
 * it. Without the permission to describe it, the record shows none.
 */
async function recordDeletion(
  context: ReconcileContext,
  place: KmsKeyPlace,
  key: KmsKey,
): Promise<void> {
  const status = await context.provider.inspect(place.region, key).catch(() => undefined)
  if (status?.state !== 'pending-deletion') return
  await updateKmsKey(context, place, (entry) => withDeletion(entry, status.deletionDate))
}

/** Returns the replicas that exist, by version. */
async function findReplicas(
  { engine, provider, distribution }: ReconcileContext,
  entries: readonly CreatingKmsKey[],
): Promise<Map<number, KmsKey>> {
  const found = new Map<number, KmsKey>()
  for (const entry of entries) {
    const { version, region } = entry
    const from = primaryRegion(distribution.current, version)
    const primary = createdKmsKeyAt(distribution.current, version, from)
    const ended = latestEnd(engine, [entry])
    const replica = primary && (await provider.findReplica(primary.key, region, ended))
    if (replica) found.set(version, replica)
  }
  return found
}

/** Returns the primaries that exist, by version. */
async function findPrimaries(
  { engine, provider }: ReconcileContext,
  entries: readonly CreatingKmsKey[],
): Promise<Map<number, KmsKey>> {
  const operations = entries.map(({ operationId }) => operationId)
  const found = await provider
    .findByOperation(new Set(operations), latestEnd(engine, entries))
    .catch((error: unknown) => {
      throw searchError(error, provider.region, operations)
    })
  return new Map(
    entries.flatMap(({ version, operationId }) => {
      const key = found.get(operationId)
      return key ? [[version, key] as const] : []
    }),
  )
}

/**
 * Returns the latest time at which AWS can have received these requests. The settling time starts
 * then, not when the attempt began. Never later than now, even if the record says so.
 */
function latestEnd({ now }: Engine, entries: readonly CreatingKmsKey[]): Date {
  const youngest = Math.max(...entries.map(({ begun }) => Date.parse(begun)))
  return new Date(Math.min(now().getTime(), youngest + LONGEST_ATTEMPT_MS))
}

function searchError(error: unknown, region: string, operations: readonly string[]): unknown {
  if (!(error instanceof KeymgmtError) || error.code !== 'KMS_ACCESS_DENIED') return error
  return new KeymgmtError(
    'KMS_ACCESS_DENIED',
    `KMS keys that AWS may have created in ${region} can't be found: ${error.message}`,
    {
      hints: [
        'allow kms:ListKeys and kms:ListResourceTags, then run the same command again',
        `or look for KMS keys with the tag ${OPERATION_TAG}=${operations.join(' or ')}`,
      ],
      requestId: error.requestId,
      cause: error,
    },
  )
}
