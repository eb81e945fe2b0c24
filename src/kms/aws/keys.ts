import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetKeyLastUsageCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  UpdateKeyDescriptionCommand,
  type KeyMetadata,
  type KeyState,
} from '@aws-sdk/client-kms'
import { KeymgmtError } from '../../errors.js'
import type {
  KmsKey,
  KmsKeyRequest,
  KmsKeyState,
  KmsKeyStatus,
  KmsLastUse,
  Replica,
} from '../kms-key.js'
import { catchAwsError, isAwsError } from './errors.js'
import { keySpecFor, kindFor } from './key-specs.js'
import { policyInput } from './policies.js'
import { CONSISTENCY_MS } from './retry.js'
import {
  entriesOf,
  keyIdIn,
  LOOK_EVERY_MS,
  pollUntil,
  replicaArn,
  untilSettled,
  type Session,
} from './session.js'
import { tagList } from './tags.js'

/**
 * Returns the id and ARN in a reply. AWS always returns both, so a reply without one of them is an
 * error.
 */
function kmsKey(metadata: KeyMetadata | undefined, operation: string): KmsKey {
  const { KeyId, Arn } = metadata ?? {}
  if (!isText(KeyId) || !isText(Arn))
    throw new KeymgmtError('KMS_FAILED', `${operation} returned no key id and ARN`)
  return { id: KeyId, arn: Arn }
}

/** True for text that is not empty: the reply is untrusted. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Returns a time in a reply; undefined if it is absent. An invalid time is an error. */
export function timeIn(time: Date | undefined, operation: string): Date | undefined {
  if (time === undefined || !Number.isNaN(time.getTime())) return time
  throw new KeymgmtError('KMS_FAILED', `${operation} returned an invalid time`)
}

export async function createKey({ client }: Session, request: KmsKeyRequest): Promise<KmsKey> {
  const reply = await client.send(
    new CreateKeyCommand({
      ...keySpecFor(request.type, request.purpose),
      Origin: 'EXTERNAL',
      MultiRegion: request.multiRegion,
      Description: request.description,
      Tags: tagList(request.tags),
      ...policyInput(request.policy),
    }),
  )
  return kmsKey(reply.KeyMetadata, 'CreateKey')
}

export async function replicateKey(
  session: Session,
  key: KmsKey,
  ReplicaRegion: string,
  request: KmsKeyRequest,
): Promise<Replica> {
  const command = new ReplicateKeyCommand({
    KeyId: keyIdIn(session, key),
    ReplicaRegion,
    Description: request.description,
    Tags: tagList(request.tags),
    ...policyInput(request.policy),
  })
  const reply = await catchAwsError(session.client.send(command), 'AlreadyExistsException')
  return reply
    ? { key: kmsKey(reply.ReplicaKeyMetadata, 'ReplicateKey'), isNew: true }
    : { key: { id: key.id, arn: replicaArn(key.arn, ReplicaRegion) }, isNew: false }
}

/**
 * Waits until the replica accepts material: it becomes visible in its Region some time after
 * ReplicateKey returns, and accepts nothing while it is `Creating`. Returns its state.
 * @throws KeymgmtError KMS_FAILED if it takes too long.
 */
export async function awaitReplica(session: Session, primary: KmsKey): Promise<KmsKeyStatus> {
  const schedule = { withinMs: CONSISTENCY_MS, everyMs: LOOK_EVERY_MS }
  const replica = await pollUntil(session, schedule, async () => {
    const status = await inspectKey(session, primary)
    return status?.state === 'creating' ? undefined : status
  })
  if (replica) return replica
  throw new KeymgmtError(
    'KMS_FAILED',
    `the replica of KMS key ${primary.id} in ${session.region} is still being created`,
    { hints: ['run the same command again: it continues from here'] },
  )
}

export async function findReplica(
  session: Session,
  primary: KmsKey,
  since: Date,
): Promise<KmsKey | undefined> {
  const schedule = untilSettled(session, since)
  const status = await pollUntil(session, schedule, () => inspectKey(session, primary))
  return status?.key
}

/**
 * True if the primary has a replica in `region`, false if it has none; undefined if AWS does not
 * list its replicas. Waits until a replica that was requested at `since` must be visible.
 */
export async function hasReplica(
  session: Session,
  primary: KmsKey,
  region: string,
  since: Date,
): Promise<boolean | undefined> {
  const schedule = untilSettled(session, since)
  let isListed: boolean | undefined
  await pollUntil(session, schedule, async () => {
    const status = await inspectKey(session, primary)
    isListed = status?.multiRegion?.regions.includes(region)
    return isListed === false ? undefined : true
  })
  return isListed
}

const STATES = new Map<unknown, KmsKeyState>(
  Object.entries({
    Enabled: 'enabled',
    Disabled: 'disabled',
    PendingImport: 'pending-import',
    PendingDeletion: 'pending-deletion',
    PendingReplicaDeletion: 'pending-deletion',
    Creating: 'creating',
    Updating: 'enabled',
    Unavailable: 'unavailable',
  } satisfies Record<KeyState, KmsKeyState>),
)

export async function inspectKey(
  session: Session,
  key: KmsKey | string,
): Promise<KmsKeyStatus | undefined> {
  const KeyId = typeof key === 'string' ? key : keyIdIn(session, key)
  const described = session.client.send(new DescribeKeyCommand({ KeyId }))
  const reply = await catchAwsError(described, 'NotFoundException')
  return reply && statusOf(reply.KeyMetadata)
}

function statusOf(metadata: KeyMetadata | undefined): KmsKeyStatus {
  const { MultiRegionConfiguration: multi } = metadata ?? {}
  const regions = entriesOf([multi?.PrimaryKey, ...entriesOf(multi?.ReplicaKeys)]).flatMap(
    ({ Region }) => Region ?? [],
  )
  return {
    key: kmsKey(metadata, 'DescribeKey'),
    // Treat states that AWS adds later as unavailable.
    state: STATES.get(metadata?.KeyState) ?? 'unavailable',
    deletionDate: timeIn(metadata?.DeletionDate, 'DescribeKey'),
    expires:
      metadata?.ExpirationModel === 'KEY_MATERIAL_EXPIRES'
        ? timeIn(metadata.ValidTo, 'DescribeKey')
        : undefined,
    materialId: metadata?.CurrentKeyMaterialId,
    multiRegion: multi?.PrimaryKey?.Region
      ? { primary: multi.PrimaryKey.Region, regions }
      : undefined,
    description: metadata?.Description ?? '',
    external: metadata?.Origin === 'EXTERNAL',
    kind: kindFor(metadata?.KeySpec, metadata?.KeyUsage),
  }
}

export async function lastUse(session: Session, key: KmsKey): Promise<KmsLastUse> {
  const operation = 'GetKeyLastUsage'
  const command = new GetKeyLastUsageCommand({ KeyId: keyIdIn(session, key) })
  const { KeyLastUsage, TrackingStartDate, KeyCreationDate } = await session.client.send(command)
  const at = timeIn(KeyLastUsage?.Timestamp, operation)
  const created = timeIn(KeyCreationDate, operation)
  const trackedSince = timeIn(TrackingStartDate, operation)
  if (!created || !trackedSince)
    throw new KeymgmtError('KMS_FAILED', `${operation} did not return its dates`)
  return {
    last: at && { at, operation: KeyLastUsage?.Operation ?? '' },
    trackedSince,
    created,
  }
}

export async function enableKey(session: Session, key: KmsKey): Promise<void> {
  await session.client.send(new EnableKeyCommand({ KeyId: keyIdIn(session, key) }))
}

export async function disableKey(session: Session, key: KmsKey): Promise<void> {
  await session.client.send(new DisableKeyCommand({ KeyId: keyIdIn(session, key) }))
}

export async function setDescription(
  session: Session,
  key: KmsKey,
  Description: string,
): Promise<void> {
  const KeyId = keyIdIn(session, key)
  await session.client.send(new UpdateKeyDescriptionCommand({ KeyId, Description }))
}

export async function scheduleDeletion(
  session: Session,
  key: KmsKey,
  PendingWindowInDays: number,
): Promise<Date | undefined> {
  const command = new ScheduleKeyDeletionCommand({
    KeyId: keyIdIn(session, key),
    PendingWindowInDays,
  })
  try {
    return timeIn((await session.client.send(command)).DeletionDate, 'ScheduleKeyDeletion')
  } catch (error) {
    if (isPendingDeletion(error)) return undefined
    throw error
  }
}

export async function cancelDeletion(session: Session, key: KmsKey): Promise<void> {
  const command = new CancelKeyDeletionCommand({ KeyId: keyIdIn(session, key) })
  await catchAwsError(session.client.send(command), 'KMSInvalidStateException')
}

/** True if the KMS key awaits deletion. AWS has no separate error for this state. */
function isPendingDeletion(error: unknown): boolean {
  return (
    isAwsError(error, 'KMSInvalidStateException') && /is pending.*deletion/s.test(error.message)
  )
}
