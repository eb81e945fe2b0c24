import { KeymgmtError } from '../../errors.js'
import type { KmsKey } from '../../kms/kms-key.js'
import { DELETION_WINDOW } from '../records/deletion-window.js'
import { dropKmsKey } from '../records/kms-keys.js'
import { without, type CreatingKmsKey, type DistributionRecord } from '../records/model.js'
import { openRecord } from '../records/record.js'
import { assertPlaceOf } from './account.js'
import type { ReconcileContext } from './context.js'
import { isFinal } from './outcomes.js'

// A stopped process (SIGSTOP, a closed laptop) can lose its lock without noticing, and AWS has no
// fencing. When the process continues, it can create a second KMS key for a version. That KMS key
// has no material, and its operation id is on record.

/** Time in which a stopped process may still send its request, in milliseconds. */
const ABANDONED_MS = 86_400_000

/**
 * Drops the entry of a KMS key that was not found. If the locks of the store run out, the process
 * that began its creation may still request it, so the operation id stays on record.
 */
export async function dropUnfound(
  { engine, provider, distribution }: ReconcileContext,
  entry: CreatingKmsKey,
): Promise<void> {
  // A replica has the id of its primary, so there is never a second one.
  const mayFollow = engine.store.leases !== undefined && entry.region === provider.region
  await distribution.update((current) => ({
    ...dropKmsKey(current, entry),
    ...(mayFollow && { abandoned: [...(current.abandoned ?? []), entry] }),
  }))
}

/**
 * Schedules the KMS keys for deletion that stopped processes created after they had lost their
 * lock, and says so. A failure is a notice: the next command tries again.
 */
export async function discardAbandoned(context: ReconcileContext): Promise<void> {
  const { engine, provider, distribution } = context
  const { abandoned = [] } = distribution.current
  if (abandoned.length === 0) return
  engine.progress(`looking in ${provider.region} for KMS keys that stopped commands have created`)
  const ended = new Set(abandoned.filter((entry) => isOver(entry, engine.now())))
  try {
    await assertPlaceOf(context)
    const ids = new Set(abandoned.map(({ operationId }) => operationId))
    // Each command looks once. The next one finds a KMS key that AWS does not show yet.
    const found = await provider.findByOperation(ids, new Date(0))
    for (const entry of abandoned) {
      const key = found.get(entry.operationId)
      if (!key) continue
      await discard(context, entry, key)
      ended.add(entry)
    }
  } catch (error) {
    if (isFinal(error)) throw error
    const reason = error instanceof KeymgmtError ? error.message : 'an unexpected failure'
    engine.notice(
      `Could not look in ${provider.region} for a KMS key that a stopped command may have created: ${reason}`,
    )
  }
  if (ended.size > 0) await forget(context, ended)
}

/**
 * Undoes the creation of a KMS key that can't be recorded, because another command has changed the
 * record.
 * @throws `conflict` if the record has the KMS key, or its operation id; otherwise KeymgmtError
 * STORE_CONFLICT, which names the KMS key and says if its deletion is scheduled.
 */
export async function undoCreation(
  { engine, provider, providerName, key: { name }, distribution }: ReconcileContext,
  entry: CreatingKmsKey,
  key: KmsKey,
  conflict: KeymgmtError,
): Promise<never> {
  const { path } = distribution
  const found = await openRecord<DistributionRecord>(engine.store, path)
  const isOnRecord = found?.current.kmsKeys.some((other) =>
    other.state === 'creating' ? other.operationId === entry.operationId : other.key.id === key.id,
  )
  if (isOnRecord) throw conflict
  const state = await provider.scheduleDeletion(entry.region, key, DELETION_WINDOW.min).then(
    () => 'is scheduled for deletion',
    () => 'must be deleted by hand',
  )
  throw new KeymgmtError(
    'STORE_CONFLICT',
    `this command lost its lock, and another one has changed ${path}; KMS key ${key.arn}, which this one created and which has no material, ${state}`,
    {
      hints: [
        `see what the other command has done, before you run this one again: keymgmt read keymgmt/kms/${providerName}/key/${name}`,
      ],
    },
  )
}

function isOver({ begun }: CreatingKmsKey, now: Date): boolean {
  return now.getTime() - Date.parse(begun) > ABANDONED_MS
}

async function discard(
  { engine, key: { name }, provider, distribution }: ReconcileContext,
  { region, version }: CreatingKmsKey,
  key: KmsKey,
): Promise<void> {
  const isOurs = distribution.current.kmsKeys.some(
    (entry) => entry.state !== 'creating' && entry.key.id === key.id,
  )
  if (isOurs) return
  const date = await provider.scheduleDeletion(region, key, DELETION_WINDOW.min)
  // Without a date, its deletion was scheduled before.
  if (date)
    engine.notice(
      `Scheduled KMS key ${key.arn} for deletion: a command that had lost its lock created it for version ${version} of ${name}, which has another KMS key`,
    )
}

async function forget(
  { distribution }: ReconcileContext,
  ended: ReadonlySet<CreatingKmsKey>,
): Promise<void> {
  const ids = new Set([...ended].map(({ operationId }) => operationId))
  await distribution.update((current) => {
    const abandoned = current.abandoned?.filter(({ operationId }) => !ids.has(operationId)) ?? []
    const others = without(current, 'abandoned')
    return abandoned.length > 0 ? { ...others, abandoned } : others
  })
}
