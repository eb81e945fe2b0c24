import {
  CreateAliasCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  ListAliasesCommand,
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
    pointAlias: async (region, alias, key, ours, exists) => pointAlias(await reach(region), { region, alias, key, ours, exists }),
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
  await unless('AlreadyExistsException', () =>
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

interface AliasRequest {
  readonly region: string
  readonly alias: string
  readonly key: KmsKey
  readonly ours: ReadonlySet<string>
  readonly exists: boolean
}

/** Whether the alias exists is only what we last wrote down: CreateAlias and UpdateAlias each say when it is not so. */
async function pointAlias({ client, call }: Reach, { region, alias, key, ours, exists }: AliasRequest): Promise<void> {
  const input = { AliasName: alias, TargetKeyId: key.id }
  const at = (operation: string) => ({ operation, region, subject: alias })
  const update = () => call(at('UpdateAlias'), (abortSignal) => client.send(new UpdateAliasCommand(input), { abortSignal }))
  const create = () => call(at('CreateAlias'), (abortSignal) => client.send(new CreateAliasCommand(input), { abortSignal }), { fresh: true })
  if (exists) {
    const gone = await unless('NotFoundException', update)
    if (!gone) return
  }
  const taken = await unless('AlreadyExistsException', create)
  if (!taken) return
  const target = await aliasTarget({ client, call }, region, alias)
  if (target === key.id) return
  if (target === undefined || !ours.has(target)) {
    throw new KeymgmtError('KMS_FAILED', `${alias} in ${region} exists and names a KMS key that is not of this distribution`, {
      hints: ['remove or rename that alias, then run the same command again'],
    })
  }
  await update()
}

async function aliasTarget({ client, call }: Reach, region: string, alias: string): Promise<string | undefined> {
  let Marker: string | undefined
  do {
    const input = { Limit: 100, ...(Marker && { Marker }) }
    const context = { operation: 'ListAliases', region, subject: alias }
    const page = await call(context, (abortSignal) => client.send(new ListAliasesCommand(input), { abortSignal }))
    const found = page.Aliases?.find(({ AliasName }) => AliasName === alias)
    if (found) return found.TargetKeyId
    Marker = page.Truncated ? page.NextMarker : undefined
  } while (Marker)
  return undefined
}

async function removeAlias({ client, call }: Reach, region: string, AliasName: string): Promise<void> {
  const context = { operation: 'DeleteAlias', region, subject: AliasName }
  await unless('NotFoundException', () =>
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
    if (failure.name === 'KMSInvalidStateException' && failure.message.includes('is pending deletion')) return undefined
    if (failure.name === 'NotFoundException') return undefined
    throw error
  }
}

/** Runs `call` and tells whether AWS refused it with the error called `name`; every other error is thrown. */
async function unless(name: string, call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call()
    return false
  } catch (error) {
    if (readFailure((error as Error).cause).name !== name) throw error
    return true
  }
}
