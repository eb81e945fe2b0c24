import { DescribeKeyCommand, UpdatePrimaryRegionCommand } from '@aws-sdk/client-kms'
import { KeymgmtError } from '../../errors.js'
import type { KmsKey } from '../kms-key.js'
import { isAwsError } from './errors.js'
import { CONSISTENCY_MS } from './retry.js'
import { keyIdIn, LOOK_EVERY_MS, pollUntil, type Session } from './session.js'

/**
 * Makes the replica in `to` the primary of a multi-Region key, whose primary is in `from`. Waits
 * until AWS has moved it: while both KMS keys are `Updating`, AWS neither replicates nor disables
 * them. Does nothing if the primary is in `to`.
 * @throws KeymgmtError KMS_FAILED if the primary is in neither Region, or if it takes too long.
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdatePrimaryRegion.html
 */
export async function movePrimary(from: Session, to: Session, key: KmsKey): Promise<void> {
  const command = new UpdatePrimaryRegionCommand({
    KeyId: keyIdIn(from, key),
    PrimaryRegion: to.region,
  })
  try {
    await from.client.send(command)
  } catch (error) {
    // An earlier attempt may have moved it: its reply was lost.
    const isNoPrimary = isAwsError(error, 'UnsupportedOperationException')
    if (!isNoPrimary || (await inspectRole(from, key)).primary !== to.region) throw error
  }
  await awaitMoved(from, to, key)
}

async function awaitMoved(from: Session, to: Session, key: KmsKey): Promise<void> {
  const schedule = { withinMs: CONSISTENCY_MS, everyMs: LOOK_EVERY_MS }
  const isMoved = await pollUntil(from, schedule, async () => {
    const roles = await Promise.all([from, to].map((session) => inspectRole(session, key)))
    // A dry run shows no primary.
    return roles.every(
      ({ isUpdating, primary = to.region }) => !isUpdating && primary === to.region,
    )
      ? true
      : undefined
  })
  if (isMoved) return
  throw new KeymgmtError(
    'KMS_FAILED',
    `the primary of KMS key ${key.id} is still being moved from ${from.region} to ${to.region}`,
    { hints: ['run the same command again: it continues from here'] },
  )
}

/** Returns the Region of the primary, as one Region shows it. */
async function inspectRole(
  session: Session,
  key: KmsKey,
): Promise<{ readonly isUpdating: boolean; readonly primary: string | undefined }> {
  const command = new DescribeKeyCommand({ KeyId: keyIdIn(session, key) })
  const { KeyMetadata } = await session.client.send(command)
  return {
    isUpdating: KeyMetadata?.KeyState === 'Updating',
    primary: KeyMetadata?.MultiRegionConfiguration?.PrimaryKey?.Region,
  }
}
