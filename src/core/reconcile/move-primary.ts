import { KeymgmtError, withHints } from '../../errors.js'
import { requireKmsKey } from '../records/kms-keys.js'
import type { CreatedKmsKey } from '../records/model.js'
import { primaryCommand, withPrimary } from '../records/primary-regions.js'
import { repairCommand } from '../records/takedown.js'
import { recordState, type ReconcileContext } from './context.js'
import { isAcceptable, moveBackAdvice } from './primaries.js'
import type { StepOf } from './plan.js'

/** Moves a primary to another Region and records it. This can be repeated. */
export async function movePrimary(
  context: ReconcileContext,
  { version, region, to }: StepOf<'move-primary'>,
): Promise<void> {
  const { key, provider, providerName, distribution } = context
  const primary = requireKmsKey(distribution, { version, region })
  await provider.movePrimary(region, primary.key, to).catch(async (error: unknown) => {
    const isNoPrimary =
      error instanceof KeymgmtError && error.awsError === 'UnsupportedOperationException'
    const moved = isNoPrimary ? await movedPrimaryError(context, primary) : undefined
    throw moved
      ? withHints(moved, [`to move it after that: ${primaryCommand(providerName, key.name, to)}`])
      : error
  })
  await recordState(context, (current) => withPrimary(current, version, to))
}

/**
 * Returns the error of a request that only a primary accepts, if somebody moved the primary;
 * undefined if this KMS key still is the primary.
 */
export async function movedPrimaryError(
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
          ? `to accept that: ${repairCommand(providerName, key.name)}`
          : moveBackAdvice(moved),
      ],
    },
  )
}
