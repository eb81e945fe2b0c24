import { randomUUID } from 'node:crypto'
import { KeymgmtError, withHints } from '../../errors.js'
import type { KmsKey, KmsKeyState } from '../../kms/kms-key.js'
import { dropCommand, hasReplicas } from '../records/dropped-regions.js'
import {
  createdKmsKeyAt,
  createdKmsKeys,
  primaryRegion,
  requireKmsKey,
} from '../records/kms-keys.js'
import { managedSettings, withStale } from '../records/key-settings.js'
import type { CreatedKmsKey, CreatingKmsKey, KmsKeyPlace, PinnedPlace } from '../records/model.js'
import { currentPlace } from './account.js'
import { keyRequest, removeKmsKey, writeKmsKey, type ReconcileContext } from './context.js'
import { created, recordCreated } from './created.js'
import { findUnrecordedKmsKeys } from './find-unrecorded.js'
import { movedPrimaryError } from './move-primary.js'
import { isStoreFailure } from './outcomes.js'

/**
 * Maximum attempts per command to create one KMS key. Each further one follows a lost reply after
 * which no KMS key was found.
 */
const ATTEMPTS = 3

/**
 * Creates the KMS key of one version and records it. CreateKey has no idempotency token. Therefore
 * the operation id is recorded before the call, and the call puts it on the KMS key as a tag.
 * keymgmt looks for that tag before it creates another KMS key.
 */
export async function createPrimary(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const { provider, distribution } = context
  for (let attempt = 1; ; attempt++) {
    const begun = await begin(context, place)
    try {
      const key = await provider.create(await keyRequest(context, place.version, begun.operationId))
      await recordCreated(context, begun, key)
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
 * Creates the replica of one version in one Region and records it. This can be repeated, because a
 * replica has its primary's id.
 */
export async function createReplica(context: ReconcileContext, place: KmsKeyPlace): Promise<void> {
  const { provider } = context
  const { version, region } = place
  const begun = await begin(context, place)
  const primary = primaryOf(context, version)
  const request = await keyRequest(context, version, begun.operationId)
  const { key, isNew } = await provider
    .replicate(primary.key, region, request)
    .catch(async (error: unknown) => {
      if (!isRefused(error)) throw error
      await removeKmsKey(context, place)
      throw (
        (await movedPrimaryError(context, primary)) ?? withHints(error, dropHints(context, region))
      )
    })
  // Its tags may name an earlier operation.
  const stale = isNew ? [] : (['tags', ...managedSettings(context.distribution.current)] as const)
  await writeKmsKey(context, withStale(created(context, begun, key), stale))
  const { state } = await provider.awaitReplica(region, key)
  if (state === 'pending-deletion' || state === 'disabled')
    await takeBackReplica(context, place, key, state)
}

/**
 * Makes a replica usable that existed already: it was not on record, and may be disabled or
 * scheduled for deletion. An example is a replica that was removed after the snapshot that was
 * restored.
 */
async function takeBackReplica(
  { provider }: ReconcileContext,
  { region }: KmsKeyPlace,
  key: KmsKey,
  state: KmsKeyState,
): Promise<void> {
  if (state === 'pending-deletion') await provider.cancelDeletion(region, key)
  const now = state === 'pending-deletion' ? (await provider.inspect(region, key))?.state : state
  if (now === 'disabled') await provider.enable(region, key)
}

function primaryOf({ distribution }: ReconcileContext, version: number): CreatedKmsKey {
  const region = primaryRegion(distribution.current, version)
  return requireKmsKey(distribution, { version, region })
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
