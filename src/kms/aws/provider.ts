import {
  CreateAliasCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
  type KMSClient,
  type KeyMetadata,
} from '@aws-sdk/client-kms'
import type { KeyTypeName } from '../../crypto/key-types.js'
import { wrapForImport } from '../../crypto/wrap.js'
import { KeymgmtError } from '../../errors.js'
import { OPERATION_TAG, type KmsKey, type KmsKeyRequest, type KmsProvider, type KmsSettings } from '../provider.js'
import { createCaller, type Caller, type CallerOptions } from './caller.js'
import { createClient } from './client.js'
import { readFailure } from './errors.js'
import { keySpecFor, wrappingFor } from './key-specs.js'
import { createPacer } from './pacing.js'

/** What the AWS provider needs from whoever opens it. */
export interface AwsOptions extends CallerOptions {
  /** Where `AWS_KMS_ENDPOINT` and the like are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The client and caller of one Region. */
interface Reach {
  readonly client: KMSClient
  readonly call: Caller
}

/** AWS KMS as a {@link KmsProvider}. No request is sent before the first method call. */
export function openAwsProvider(settings: KmsSettings, options: AwsOptions): KmsProvider {
  const reaches = new Map<string, Promise<Reach>>()
  const reach = (region: string) => {
    const known = reaches.get(region)
    if (known) return known
    const opened = createClient(settings, region, options.env).then(({ client, custom }) => ({
      client,
      call: createCaller(createPacer(!custom), options),
    }))
    reaches.set(region, opened)
    return opened
  }
  return {
    region: settings.region,
    create: async (request) => createKey(await reach(settings.region), settings.region, request),
    findByOperation: async (region, ids) => findByOperation(await reach(region), region, ids),
    importMaterial: async (region, key, type, material) => importMaterial(await reach(region), region, key, type, material),
    replicate: async (key, toRegion, request) => {
      await replicateKey(await reach(settings.region), settings.region, key, toRegion, request)
      return awaitReplica(await reach(toRegion), toRegion, key)
    },
    pointAlias: async (region, alias, key, exists) => pointAlias(await reach(region), region, alias, key, exists),
    removeAlias: async (region, alias) => removeAlias(await reach(region), region, alias),
    enable: async (region, key) => switchKey(await reach(region), region, key, 'EnableKey'),
    disable: async (region, key) => switchKey(await reach(region), region, key, 'DisableKey'),
    scheduleDeletion: async (region, key, days) => scheduleDeletion(await reach(region), region, key, days),
  }
}

function tagList(tags: Readonly<Record<string, string>>) {
  return Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
}

/** AWS documents both as always there; a reply that lacks one is not something to go on with. */
function kmsKey(metadata: KeyMetadata | undefined, operation: string): KmsKey {
  if (!metadata?.KeyId || !metadata.Arn) throw new KeymgmtError('KMS_FAILED', `${operation} answered without a key id and ARN`)
  return { id: metadata.KeyId, arn: metadata.Arn }
}

async function createKey({ client, call }: Reach, region: string, request: KmsKeyRequest): Promise<KmsKey> {
  const input = {
    ...keySpecFor(request.type, request.purpose),
    Origin: 'EXTERNAL' as const,
    MultiRegion: request.multiRegion,
    Description: request.description,
    Tags: tagList(request.tags),
  }
  const context = { operation: 'CreateKey', region, subject: request.description }
  const reply = await call(context, (abortSignal) => client.send(new CreateKeyCommand(input), { abortSignal }), { once: true })
  return kmsKey(reply.KeyMetadata, 'CreateKey')
}

async function findByOperation({ client, call }: Reach, region: string, ids: ReadonlySet<string>): Promise<Map<string, KmsKey>> {
  const found = new Map<string, KmsKey>()
  let Marker: string | undefined
  do {
    const input = { Limit: 1000, ...(Marker && { Marker }) }
    const context = { operation: 'ListKeys', region, subject: 'KMS keys of an earlier run' }
    const page = await call(context, (abortSignal) => client.send(new ListKeysCommand(input), { abortSignal }))
    for (const { KeyId, KeyArn } of page.Keys ?? []) {
      if (!KeyId || !KeyArn) continue
      const operation = await operationOf({ client, call }, region, KeyId)
      if (operation && ids.has(operation)) found.set(operation, { id: KeyId, arn: KeyArn })
    }
    Marker = page.Truncated ? page.NextMarker : undefined
  } while (Marker)
  return found
}

async function operationOf({ client, call }: Reach, region: string, KeyId: string): Promise<string | undefined> {
  const context = { operation: 'ListResourceTags', region, subject: KeyId }
  try {
    const reply = await call(context, (abortSignal) => client.send(new ListResourceTagsCommand({ KeyId }), { abortSignal }))
    return reply.Tags?.find(({ TagKey }) => TagKey === OPERATION_TAG)?.TagValue
  } catch (error) {
    // A KMS key of someone else's that its policy keeps from us is not one that we made.
    if (readFailure((error as Error).cause).name === 'AccessDeniedException') return undefined
    throw error
  }
}

async function importMaterial({ client, call }: Reach, region: string, key: KmsKey, type: KeyTypeName, material: Uint8Array): Promise<void> {
  const WrappingAlgorithm = wrappingFor(type)
  const parameters = { KeyId: key.id, WrappingAlgorithm, WrappingKeySpec: 'RSA_4096' as const }
  const policy = { fresh: true }
  const at = (operation: string) => ({ operation, region, subject: `KMS key ${key.id}` })
  const { PublicKey, ImportToken } = await call(
    at('GetParametersForImport'),
    (abortSignal) => client.send(new GetParametersForImportCommand(parameters), { abortSignal }),
    policy,
  )
  if (!PublicKey || !ImportToken) {
    throw new KeymgmtError('KMS_FAILED', `GetParametersForImport answered without a wrapping key and token for KMS key ${key.id}`)
  }
  const input = {
    KeyId: key.id,
    ImportToken,
    EncryptedKeyMaterial: wrapForImport(WrappingAlgorithm, PublicKey, material),
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' as const,
  }
  await call(at('ImportKeyMaterial'), (abortSignal) => client.send(new ImportKeyMaterialCommand(input), { abortSignal }), policy)
}

async function replicateKey({ client, call }: Reach, region: string, key: KmsKey, ReplicaRegion: string, request: KmsKeyRequest): Promise<void> {
  const input = { KeyId: key.id, ReplicaRegion, Description: request.description, Tags: tagList(request.tags) }
  const context = { operation: 'ReplicateKey', region, subject: `KMS key ${key.id} to ${ReplicaRegion}` }
  await repeatable('AlreadyExistsException', () =>
    call(context, (abortSignal) => client.send(new ReplicateKeyCommand(input), { abortSignal }), { fresh: true }),
  )
}

/** A replica shows up in its Region a while after ReplicateKey answers, and takes nothing while it is `Creating`. */
async function awaitReplica({ client, call }: Reach, region: string, primary: KmsKey): Promise<KmsKey> {
  const context = { operation: 'DescribeKey', region, subject: `KMS key ${primary.id}` }
  const reply = await call(
    context,
    async (abortSignal) => {
      const answer = await client.send(new DescribeKeyCommand({ KeyId: primary.id }), { abortSignal })
      if (answer.KeyMetadata?.KeyState !== 'Creating') return answer
      throw Object.assign(new Error(`${primary.id} is creating.`), { name: 'KMSInvalidStateException', $metadata: { httpStatusCode: 400 } })
    },
    { fresh: true },
  )
  return kmsKey(reply.KeyMetadata, 'DescribeKey')
}

/** CreateAlias and UpdateAlias each refuse where the other one is right, which is what an interrupted run leaves. */
async function pointAlias({ client, call }: Reach, region: string, AliasName: string, key: KmsKey, exists: boolean): Promise<void> {
  const input = { AliasName, TargetKeyId: key.id }
  const at = (operation: string) => ({ operation, region, subject: AliasName })
  const create = () => call(at('CreateAlias'), (abortSignal) => client.send(new CreateAliasCommand(input), { abortSignal }), { fresh: !exists })
  const update = () => call(at('UpdateAlias'), (abortSignal) => client.send(new UpdateAliasCommand(input), { abortSignal }))
  const [first, second, otherwise] = exists
    ? [update, create, 'NotFoundException']
    : [create, update, 'AlreadyExistsException']
  try {
    await first()
  } catch (error) {
    if (readFailure((error as Error).cause).name !== otherwise) throw error
    await second()
  }
}

async function removeAlias({ client, call }: Reach, region: string, AliasName: string): Promise<void> {
  const context = { operation: 'DeleteAlias', region, subject: AliasName }
  await repeatable('NotFoundException', () =>
    call(context, (abortSignal) => client.send(new DeleteAliasCommand({ AliasName }), { abortSignal })),
  )
}

async function switchKey({ client, call }: Reach, region: string, key: KmsKey, operation: 'EnableKey' | 'DisableKey'): Promise<void> {
  const context = { operation, region, subject: `KMS key ${key.id}` }
  const command = operation === 'EnableKey' ? EnableKeyCommand : DisableKeyCommand
  await call(context, (abortSignal) => client.send(new command({ KeyId: key.id }), { abortSignal }))
}

async function scheduleDeletion({ client, call }: Reach, region: string, key: KmsKey, PendingWindowInDays: number): Promise<Date | undefined> {
  const context = { operation: 'ScheduleKeyDeletion', region, subject: `KMS key ${key.id}` }
  const input = { KeyId: key.id, PendingWindowInDays }
  try {
    const reply = await call(context, (abortSignal) => client.send(new ScheduleKeyDeletionCommand(input), { abortSignal }))
    return reply.DeletionDate
  } catch (error) {
    const failure = readFailure((error as Error).cause)
    if (failure.name === 'KMSInvalidStateException' && /is pending deletion/.test(failure.message)) return undefined
    if (failure.name === 'NotFoundException') return undefined
    throw error
  }
}

/** Runs a call whose `alreadyDone` error says that an earlier run did it. */
async function repeatable(alreadyDone: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call()
  } catch (error) {
    if (readFailure((error as Error).cause).name !== alreadyDone) throw error
  }
}
