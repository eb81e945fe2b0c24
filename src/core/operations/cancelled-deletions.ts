import { openProvider, type Engine } from '../engine.js'
import { isScheduled } from '../reconcile/step.js'
import { unlessUnanswered } from '../reconcile/unanswered.js'
import { putKmsKey } from '../records/kms-keys.js'
import { without, type CreatedKmsKey } from '../records/model.js'
import { requireProvider, type NamedDistribution } from '../records/repository.js'

/**
 * Records which KMS keys are no longer scheduled for deletion, because somebody else cancelled it.
 * If AWS can't be asked, the record stays unchanged.
 */
export async function recordCancelledDeletions(
  engine: Engine,
  { providerName, distribution }: NamedDistribution,
  entries: readonly CreatedKmsKey[],
): Promise<void> {
  const scheduled = entries.filter(isScheduled)
  if (scheduled.length === 0) return
  const provider = await openProvider(engine, await requireProvider(engine, providerName))
  for (const entry of scheduled) {
    const status = await provider.inspect(entry.region, entry.key).catch((error: unknown) => {
      unlessUnanswered(error)
      return undefined
    })
    if (status && status.state !== 'pending-deletion')
      await distribution.update((current) => putKmsKey(current, without(entry, 'deletion')))
  }
}
