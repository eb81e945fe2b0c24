import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  type KeyListEntry,
  type KeyMetadata,
  type KeyState,
} from '@aws-sdk/client-kms'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeymgmtError } from '../../errors.js'
import {
  OPERATION_TAG,
  type KmsKey,
  type KmsKeyRequest,
  type KmsKeyState,
  type KmsKeyStatus,
} from '../provider.js'
import { readFailure } from './errors.js'
import { keySpecFor, kindFor } from './key-specs.js'
import { about, entriesOf, isRefusal, pages, unless, type Reach } from './session.js'

/** How many KMS keys are asked for their tags at a time; AWS allows 2,000 a second. */
const TAG_REQUESTS = 50
/** How often it is looked again for what AWS may not show yet, in milliseconds. */
const LOOK_AGAIN_MS = 2_000

function tagList(tags: Readonly<Record<string, string>>) {
  return Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
}

/** AWS documents both as always there; a reply that lacks one is not something to go on with. */
function kmsKey(metadata: KeyMetadata | undefined, operation: string): KmsKey {
  const { KeyId, Arn } = metadata ?? {}
  if (!isText(KeyId) || !isText(Arn))
    throw new KeymgmtError('KMS_FAILED', `${operation} answered without a key id and ARN`)
  return { id: KeyId, arn: Arn }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** A time that the reply may have; one that is no time is not something to go on with either. */
function timeIn(time: Date | undefined, operation: string): Date | undefined {
  if (time === undefined || !Number.isNaN(time.getTime())) return time
  throw new KeymgmtError('KMS_FAILED', `${operation} answered with a time that is none`)
}

export async function createKey(
  { region, client, call }: Reach,
  request: KmsKeyRequest,
): Promise<KmsKey> {
  const input = {
    ...keySpecFor(request.type, request.purpose),
    Origin: 'EXTERNAL' as const,
    MultiRegion: request.multiRegion,
    Description: request.description,
    Tags: tagList(request.tags),
  }
  const context = { operation: 'CreateKey', region, subject: request.description }
  const reply = await call(
    context,
    (abortSignal) => client.send(new CreateKeyCommand(input), { abortSignal }),
    { once: true },
  )
  return kmsKey(reply.KeyMetadata, 'CreateKey')
}

/** Asks `look` until it has an answer or until what was begun at `since` would have shown up. */
async function lookUntilSettled<T>(
  { settlingMs }: Reach,
  since: Date,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (;;) {
    const found = await look()
    const left = since.getTime() + settlingMs - Date.now()
    if (found !== undefined || left <= 0) return found
    await sleep(Math.min(left, LOOK_AGAIN_MS))
  }
}

export async function findByOperation(
  reach: Reach,
  ids: ReadonlySet<string>,
  since: Date,
): Promise<Map<string, KmsKey>> {
  const found = new Map<string, KmsKey>()
  await lookUntilSettled(reach, since, async () => {
    for await (const keys of listKeys(reach)) {
      const operations = await Promise.all(keys.map(({ KeyId = '' }) => operationOf(reach, KeyId)))
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

async function* listKeys({ region, client, call }: Reach): AsyncGenerator<readonly KeyListEntry[]> {
  const context = { operation: 'ListKeys', region, subject: 'KMS keys of an earlier run' }
  const ask = (from: object) =>
    call(context, (abortSignal) =>
      client.send(new ListKeysCommand({ Limit: 1000, ...from }), { abortSignal }),
    )
  for await (const page of pages('ListKeys', ask)) {
    const keys = entriesOf(page.Keys)
    for (let index = 0; index < keys.length; index += TAG_REQUESTS)
      yield keys.slice(index, index + TAG_REQUESTS)
  }
}

async function operationOf(reach: Reach, id: string): Promise<string | undefined> {
  try {
    return (await tagsOf(reach, id))[OPERATION_TAG]
  } catch (error) {
    // A KMS key that its own policy keeps from us, or that went meanwhile, is not one that we have
    // just made. But where the caller may not list tags at all, not having seen one says nothing.
    if (isRefusal(error, 'NotFoundException')) return undefined
    if (
      isRefusal(error, 'AccessDeniedException') &&
      readFailure((error as Error).cause).message.includes('resource-based policy')
    )
      return undefined
    throw error
  }
}

export async function tagsOf(reach: Reach, KeyId: string): Promise<Record<string, string>> {
  const tags: Record<string, string> = {}
  const ask = (from: object) =>
    reach.call(about(reach, 'ListResourceTags', KeyId), (abortSignal) =>
      reach.client.send(new ListResourceTagsCommand({ KeyId, ...from }), { abortSignal }),
    )
  for await (const page of pages('ListResourceTags', ask)) {
    for (const { TagKey = '', TagValue = '' } of entriesOf(page.Tags)) tags[TagKey] = TagValue
  }
  return tags
}

export async function tagKey(
  reach: Reach,
  { id }: KmsKey,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  const input = { KeyId: id, Tags: tagList(tags) }
  await reach.call(about(reach, 'TagResource', id), (abortSignal) =>
    reach.client.send(new TagResourceCommand(input), { abortSignal }),
  )
}

export async function replicateKey(
  { region, client, call }: Reach,
  key: KmsKey,
  ReplicaRegion: string,
  request: KmsKeyRequest,
): Promise<void> {
  const input = {
    KeyId: key.id,
    ReplicaRegion,
    Description: request.description,
    Tags: tagList(request.tags),
  }
  const context = {
    operation: 'ReplicateKey',
    region,
    subject: `KMS key ${key.id} to ${ReplicaRegion}`,
  }
  await unless('AlreadyExistsException', () =>
    call(context, (abortSignal) => client.send(new ReplicateKeyCommand(input), { abortSignal }), {
      fresh: true,
    }),
  )
}

/**
 * A replica shows up in its Region a while after ReplicateKey answers, and takes nothing while it
 * is `Creating`.
 */
export async function awaitReplica(reach: Reach, primary: KmsKey): Promise<KmsKey> {
  const reply = await reach.call(
    about(reach, 'DescribeKey', primary.id),
    async (abortSignal) => {
      const answer = await reach.client.send(new DescribeKeyCommand({ KeyId: primary.id }), {
        abortSignal,
      })
      if (answer.KeyMetadata?.KeyState !== 'Creating') return answer
      throw Object.assign(new Error(`${primary.id} is creating.`), {
        name: 'KMSInvalidStateException',
        $metadata: { httpStatusCode: 400 },
      })
    },
    { fresh: true },
  )
  return kmsKey(reply.KeyMetadata, 'DescribeKey')
}

export async function findReplica(
  reach: Reach,
  primary: KmsKey,
  since: Date,
): Promise<KmsKey | undefined> {
  const status = await lookUntilSettled(reach, since, () => inspectKey(reach, primary))
  return status?.key
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

export async function inspectKey(reach: Reach, { id }: KmsKey): Promise<KmsKeyStatus | undefined> {
  try {
    const reply = await reach.call(about(reach, 'DescribeKey', id), (abortSignal) =>
      reach.client.send(new DescribeKeyCommand({ KeyId: id }), { abortSignal }),
    )
    return statusOf(reply.KeyMetadata)
  } catch (error) {
    if (isRefusal(error, 'NotFoundException')) return undefined
    throw error
  }
}

function statusOf(metadata: KeyMetadata | undefined): KmsKeyStatus {
  const { MultiRegionConfiguration: multi } = metadata ?? {}
  const regions = entriesOf([multi?.PrimaryKey, ...entriesOf(multi?.ReplicaKeys)]).flatMap(
    ({ Region }) => Region ?? [],
  )
  return {
    key: kmsKey(metadata, 'DescribeKey'),
    // A state that AWS gets one day is one in which nothing is done here.
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

export async function switchKey(
  reach: Reach,
  { id }: KmsKey,
  operation: 'EnableKey' | 'DisableKey',
): Promise<void> {
  const command = operation === 'EnableKey' ? EnableKeyCommand : DisableKeyCommand
  await reach.call(about(reach, operation, id), (abortSignal) =>
    reach.client.send(new command({ KeyId: id }), { abortSignal }),
  )
}

export async function scheduleDeletion(
  reach: Reach,
  { id }: KmsKey,
  PendingWindowInDays: number,
): Promise<Date | undefined> {
  const input = { KeyId: id, PendingWindowInDays }
  try {
    const reply = await reach.call(about(reach, 'ScheduleKeyDeletion', id), (abortSignal) =>
      reach.client.send(new ScheduleKeyDeletionCommand(input), { abortSignal }),
    )
    return timeIn(reply.DeletionDate, 'ScheduleKeyDeletion')
  } catch (error) {
    if (saysPendingDeletion(error) || isRefusal(error, 'NotFoundException')) return undefined
    throw error
  }
}

export async function cancelDeletion(reach: Reach, { id }: KmsKey): Promise<void> {
  try {
    await reach.call(about(reach, 'CancelKeyDeletion', id), (abortSignal) =>
      reach.client.send(new CancelKeyDeletionCommand({ KeyId: id }), { abortSignal }),
    )
  } catch (error) {
    if (!isRefusal(error, 'KMSInvalidStateException')) throw error
  }
}

function saysPendingDeletion(error: unknown): boolean {
  const { name, message } = readFailure((error as Error).cause)
  return (
    name === 'KMSInvalidStateException' &&
    message.includes('is pending') &&
    message.includes('deletion')
  )
}
