import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  paginateListKeys,
  paginateListResourceTags,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  type KeyListEntry,
  type KeyMetadata,
  type KeyState,
} from '@aws-sdk/client-kms'
import { KeymgmtError } from '../../errors.js'
import {
  OPERATION_TAG,
  type KmsKey,
  type KmsKeyRequest,
  type KmsKeyState,
  type KmsKeyStatus,
} from '../provider.js'
import { catchAwsError, isAwsError } from './errors.js'
import { keySpecFor, kindFor } from './key-specs.js'
import { CONSISTENCY_MS } from './retry.js'
import { boundedPages, entriesOf, keyIdIn, pollUntil, replicaArn, type Session } from './session.js'

/** Concurrent requests for the tags of KMS keys; AWS allows 2,000 a second. */
const TAG_REQUESTS = 50
/** Milliseconds between two searches through all KMS keys. */
const SEARCH_EVERY_MS = 2_000
/** Milliseconds between two looks at one KMS key. */
const LOOK_EVERY_MS = 100

function tagList(tags: Readonly<Record<string, string>>) {
  return Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
}

/** AWS always returns both. A reply without one of them is an error. */
function kmsKey(metadata: KeyMetadata | undefined, operation: string): KmsKey {
  const { KeyId, Arn } = metadata ?? {}
  if (!isText(KeyId) || !isText(Arn))
    throw new KeymgmtError('KMS_FAILED', `${operation} answered without a key id and ARN`)
  return { id: KeyId, arn: Arn }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** A time in a reply, if it has one. An invalid time is an error. */
function timeIn(time: Date | undefined, operation: string): Date | undefined {
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
    }),
  )
  return kmsKey(reply.KeyMetadata, 'CreateKey')
}

/** Milliseconds until AWS shows what was requested at `since`; at most the time from now on. */
function untilSettled({ settlingMs }: Session, since: Date): number {
  return Math.min(settlingMs, Math.max(0, since.getTime() + settlingMs - Date.now()))
}

export async function findByOperation(
  session: Session,
  ids: ReadonlySet<string>,
  since: Date,
): Promise<Map<string, KmsKey>> {
  const found = new Map<string, KmsKey>()
  const schedule = { withinMs: untilSettled(session, since), everyMs: SEARCH_EVERY_MS }
  await pollUntil(session, schedule, async () => {
    for await (const keys of listKeys(session)) {
      const operations = await Promise.all(
        keys.map(({ KeyId = '' }) => operationOf(session, KeyId)),
      )
      for (const [index, { KeyId, KeyArn }] of keys.entries()) {
        const operation = operations[index]
        if (KeyId && KeyArn && operation && ids.has(operation))
          found.set(operation, { id: KeyId, arn: KeyArn })
      }
    }
    return found.size === ids.size ? found : undefined
  })
  return found
}

async function* listKeys({ client }: Session): AsyncGenerator<readonly KeyListEntry[]> {
  for await (const page of boundedPages(
    'ListKeys',
    paginateListKeys({ client }, { Limit: 1000 }),
  )) {
    const keys = entriesOf(page.Keys)
    for (let index = 0; index < keys.length; index += TAG_REQUESTS)
      yield keys.slice(index, index + TAG_REQUESTS)
  }
}

async function operationOf(session: Session, id: string): Promise<string | undefined> {
  try {
    return (await tagsOf(session, id))[OPERATION_TAG]
  } catch (error) {
    // A KMS key that its own policy keeps from us, or that went meanwhile, is not one that we have
    // just made. But where the caller may not list tags at all, not having seen one says nothing.
    if (isAwsError(error, 'NotFoundException')) return undefined
    if (
      isAwsError(error, 'AccessDeniedException') &&
      error.message.includes('resource-based policy')
    )
      return undefined
    throw error
  }
}

/** The tags of the KMS key that an id or an ARN names. */
export async function tagsOf({ client }: Session, KeyId: string): Promise<Record<string, string>> {
  const tags: Record<string, string> = {}
  const pages = paginateListResourceTags({ client }, { KeyId })
  for await (const page of boundedPages('ListResourceTags', pages)) {
    for (const { TagKey = '', TagValue = '' } of entriesOf(page.Tags)) tags[TagKey] = TagValue
  }
  return tags
}

export async function tagKey(
  session: Session,
  key: KmsKey,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  await session.client.send(
    new TagResourceCommand({ KeyId: keyIdIn(session, key), Tags: tagList(tags) }),
  )
}

export async function replicateKey(
  session: Session,
  key: KmsKey,
  ReplicaRegion: string,
  request: KmsKeyRequest,
): Promise<KmsKey> {
  const command = new ReplicateKeyCommand({
    KeyId: keyIdIn(session, key),
    ReplicaRegion,
    Description: request.description,
    Tags: tagList(request.tags),
  })
  const reply = await catchAwsError(session.client.send(command), 'AlreadyExistsException')
  return reply
    ? kmsKey(reply.ReplicaKeyMetadata, 'ReplicateKey')
    : { id: key.id, arn: replicaArn(key.arn, ReplicaRegion) }
}

/**
 * Waits until the replica takes material: it shows up in its Region a while after ReplicateKey
 * returns, and takes nothing while it is `Creating`.
 * @throws KeymgmtError KMS_FAILED if it takes too long.
 */
export async function awaitReplica(session: Session, primary: KmsKey): Promise<void> {
  const schedule = { withinMs: CONSISTENCY_MS, everyMs: LOOK_EVERY_MS }
  const replica = await pollUntil(session, schedule, async () => {
    const status = await inspectKey(session, primary)
    return status?.state === 'creating' ? undefined : status
  })
  if (replica) return
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
  const schedule = { withinMs: untilSettled(session, since), everyMs: SEARCH_EVERY_MS }
  const status = await pollUntil(session, schedule, () => inspectKey(session, primary))
  return status?.key
}

/**
 * True if the primary is seen to have a replica in `region`, false if it is not; undefined if AWS
 * does not say which replicas it has. Waits until what was requested at `since` must be visible.
 */
export async function hasReplica(
  session: Session,
  primary: KmsKey,
  region: string,
  since: Date,
): Promise<boolean | undefined> {
  const schedule = { withinMs: untilSettled(session, since), everyMs: SEARCH_EVERY_MS }
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
    external: metadata?.Origin === 'EXTERNAL',
    kind: kindFor(metadata?.KeySpec, metadata?.KeyUsage),
  }
}

export async function enableKey(session: Session, key: KmsKey): Promise<void> {
  await session.client.send(new EnableKeyCommand({ KeyId: keyIdIn(session, key) }))
}

export async function disableKey(session: Session, key: KmsKey): Promise<void> {
  await session.client.send(new DisableKeyCommand({ KeyId: keyIdIn(session, key) }))
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

/** AWS has no error of its own for this state. */
function isPendingDeletion(error: unknown): boolean {
  return (
    isAwsError(error, 'KMSInvalidStateException') && /is pending.*deletion/s.test(error.message)
  )
}
