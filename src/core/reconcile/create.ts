import { randomUUID } from 'node:crypto'
import { KeymgmtError, withHints } from '../../errors.js'
import { OPERATION_TAG, type KmsKey, type KmsKeyState } from '../../kms/kms-key.js'
import type { Engine } from '../engine.js'
import { dropCommand, hasReplicas } from '../records/dropped-regions.js'
import {
  createdKmsKeyAt,
  createdKmsKeys,
  primaryRegion,
  putKmsKey,
  requireKmsKey,
} from '../records/kms-keys.js'
import type { CreatedKmsKey, CreatingKmsKey, KmsKeyPlace, PinnedPlace } from '../records/model.js'
import { assertCreatedInAccount, assertPlaceOf, currentPlace, placeOf } from './account.js'
import {
  keyRequest,
  recordState,
  removeKmsKey,
  updateKmsKey,
  writeKmsKey,
  type ReconcileContext,
} from './context.js'
import { materialsToImport } from './new-material.js'
import { isStoreFailure } from './outcomes.js'
import { isAcceptable, moveBackAdvice } from './primaries.js'
import { dropUnfound, undoCreation } from './surplus.js'

/**
 * Maximum attempts per command to create one KMS key. Each further one follows a lost reply after
 * which no KMS key was found.
 */
const ATTEMPTS = 3

/**
 * Longest time from the record of a creation to the end of its last request. The records do not
 * show when a killed command stopped sending.
 */
const LONGEST_ATTEMPT_MS = 600_000

/**
 * Creates the KMS key of one version and records it. CreateKey has no idempotency token. Therefore
 * the operation id is recorded before the call, the call puts it on the KMS key as a tag, and
 * keymgmt looks for that tag before it creates another KMS key.
 */
export async function createPrimary(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const { provider, distribution } = context
  for (let attempt = 1; ; attempt++) {
    const begun = await begin(context, place)
    try {
      const key = await provider.create(await keyRequest(context, place.version, begun.operationId))
      await recordPrimary(context, begun, key)
      return
    } catch (error) {
      if (!(error instanceof KeymgmtError) || error.code === 'INTERRUPTED') throw error
      // Without its lock, this command must leave the record to the one that has it.
      if (isStoreFailure(error)) throw error
      if (error.code !== 'KMS_AMBIGUOUS') {
        // AWS refused, so no KMS key exists and no later command needs to look for one.
        await removeKmsKey(context, place)
        throw error
      }
      const isThis = ({ version }: KmsKeyPlace) => version === place.version
      await findUnrecordedKmsKeys(context, isThis, removeKmsKey)
      if (createdKmsKeyAt(distribution.current, place.version, place.region)) return
      if (attempt >= ATTEMPTS) throw error
    }
  }
}

/**
 * Records a KMS key that was created. The first one pins the account of the distribution.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS
 */
async function recordPrimary(
  context: ReconcileContext,
  entry: CreatingKmsKey,
  key: KmsKey,
): Promise<void> {
  await assertCreatedInAccount(context, entry.region, key)
  const place = await placeOf(context, key)
  await recordState(context, (current) =>
    putKmsKey(
      { ...current, ...(place && { pinned: current.pinned ?? place }) },
      created(context, entry, key),
    ),
  ).catch((error: unknown) => {
    if (!(error instanceof KeymgmtError) || error.code !== 'STORE_CONFLICT') throw error
    return undoCreation(context, entry, key, error)
  })
}

/**
 * Creates the replica of one version in one Region and records it. This can be repeated, because a
 * replica has its primary's id.
 */
export async function createReplica(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const { provider } = context
  const { version, region } = place
  const begun = await begin(context, place)
  const primary = primaryOf(context, version)
  const request = await keyRequest(context, version, begun.operationId)
  const key = await provider
    .replicate(primary.key, region, request)
    .catch(async (error: unknown) => {
      if (!isRefused(error)) throw error
      await removeKmsKey(context, place)
      throw (
        (await movedPrimaryError(context, primary)) ?? withHints(error, dropHints(context, region))
      )
    })
  await writeKmsKey(context, created(context, begun, key))
  const { state } = await provider.awaitReplica(region, key)
  if (state === 'pending-deletion' || state === 'disabled')
    await takeBackReplica(context, place, key, state)
}

/**
 * Makes a replica usable that existed already: it was not on record, and may be disabled or
 * scheduled for deletion. An example is a replica that was removed after the snapshot that was
 * restored. Its tags name an earlier operation.
 */
async function takeBackReplica(
  context: ReconcileContext,
  place: KmsKeyPlace,
  key: KmsKey,
  state: KmsKeyState,
): Promise<void> {
  const { provider } = context
  const { region } = place
  await updateKmsKey(context, place, (entry) => ({ ...entry, untagged: true }))
  if (state === 'pending-deletion') await provider.cancelDeletion(region, key)
  const now = state === 'pending-deletion' ? (await provider.inspect(region, key))?.state : state
  if (now === 'disabled') await provider.enable(region, key)
}

function primaryOf({ distribution }: ReconcileContext, version: number): CreatedKmsKey {
  const region = primaryRegion(distribution.current, version)
  return requireKmsKey(distribution, { version, region })
}

/** AWS replicates only primaries. Undefined if this KMS key still is the primary. */
async function movedPrimaryError(
  context: ReconcileContext,
  { version, region, key: { id, arn } }: CreatedKmsKey,
): Promise<KeymgmtError | undefined> {
  const { key, provider, providerName, distribution } = context
  const status = await provider.inspect(region, { id, arn }).catch(() => undefined)
  const to = status?.multiRegion?.primary
  if (to === undefined || to === region) return undefined
  const moved = { version, id, from: region, to }
  return new KeymgmtError(
    'KMS_FAILED',
    `somebody moved the primary of KMS key ${id} from ${region} to ${to}`,
    {
      hints: [
        isAcceptable(distribution.current, moved)
          ? `to accept that: keymgmt write -f keymgmt/kms/${providerName}/key/${key.name}/repair`
          : moveBackAdvice(moved),
      ],
    },
  )
}

/** True if AWS certainly did not create the replica. */
function isRefused(error: unknown): boolean {
  return (
    error instanceof KeymgmtError &&
    !isStoreFailure(error) &&
    !['KMS_AMBIGUOUS', 'KMS_TIMEOUT', 'INTERRUPTED'].includes(error.code)
  )
}

/** Only a Region without replicas can be dropped. */
function dropHints({ key, providerName, distribution }: ReconcileContext, region: string) {
  return hasReplicas(distribution.current, region)
    ? []
    : [`or do without ${region}: ${dropCommand(providerName, key.name, region)}`]
}

async function begin(
  context: ReconcileContext,
  { version, region }: KmsKeyPlace,
): Promise<CreatingKmsKey> {
  const place = await placeOfFirst(context)
  const entry: CreatingKmsKey = {
    version,
    region,
    state: 'creating',
    operationId: randomUUID(),
    begun: context.engine.now().toISOString(),
    ...(place && { place }),
  }
  await writeKmsKey(context, entry)
  return entry
}

/**
 * Returns the place of the first KMS key's request; undefined for a later one. Without it on
 * record, a later command with credentials of another account would look for the KMS key there, and
 * create a second one.
 */
async function placeOfFirst(context: ReconcileContext): Promise<PinnedPlace | undefined> {
  const { current } = context.distribution
  if (current.pinned || createdKmsKeys(current).length > 0) return undefined
  return currentPlace(context)
}

/** AWS enables a new KMS key as soon as it has its material. */
function created(
  context: ReconcileContext,
  { version, region, operationId }: CreatingKmsKey,
  key: KmsKey,
): CreatedKmsKey {
  return {
    version,
    region,
    state: 'created',
    key,
    operationId,
    materials: materialsToImport(context, version),
    enabled: true,
  }
}

/**
 * Looks for the KMS keys whose creation has no reply on record. Records those that exist, and drops
 * the entries of the others with `drop`.
 * @throws KeymgmtError KMS_ACCESS_DENIED if they can't be looked for; the hints say what may have
 * been left.
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
    const found =
      region === provider.region
        ? await findPrimaries(context, here)
        : await findReplicas(context, here)
    for (const entry of here) {
      const key = found.get(entry.version)
      if (key) await recordPrimary(context, entry, key)
      else await drop(context, entry)
    }
  }
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
    `KMS keys that AWS may have created in ${region} can't be looked for: ${error.message}`,
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
