import { randomBytes, generateKeyPairSync } from 'node:crypto'
import { AwsError, invalid } from '../errors.js'
import { page, wireDate, type Context, type Handler, type Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { SPECS, type Spec } from '../key-specs.js'
import {
  ACCOUNT, arnOf, deletionDate, findKey, findKeyOrAlias, GONE_OR_COMING, newKeyId, refuseStates, stateOf, type Key, type World,
} from '../state.js'
import { materialId } from './import.js'

/** How long a replica is `Creating`, in milliseconds; in AWS it is a minute. */
const CREATING_MS = 60

const ENCRYPTION: Readonly<Record<string, readonly string[]>> = {
  symmetric: ['SYMMETRIC_DEFAULT'],
  rsa: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
}

/** KeyMetadata. */
export function describe(world: World, key: Key): object {
  const state = stateOf(world, key)
  const { multiRegion } = key
  const place = (region: string) => ({ Arn: arnOf(region, `key/${key.id}`), Region: region })
  return {
    AWSAccountId: ACCOUNT,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: wireDate(key.created),
    Enabled: state === 'Enabled',
    Description: key.description,
    KeyUsage: key.usage,
    KeyState: state,
    Origin: key.origin,
    KeyManager: 'CUSTOMER',
    KeySpec: key.keySpec,
    CustomerMasterKeySpec: key.keySpec,
    ...(key.usage === 'ENCRYPT_DECRYPT' && { EncryptionAlgorithms: ENCRYPTION[key.spec.family] }),
    ...(key.material && key.origin === 'EXTERNAL' && {
      ExpirationModel: key.material.validTo ? 'KEY_MATERIAL_EXPIRES' : 'KEY_MATERIAL_DOES_NOT_EXPIRE',
      ValidTo: wireDate(key.material.validTo),
    }),
    ...(key.spec.family === 'symmetric' && key.materialId && { CurrentKeyMaterialId: key.materialId }),
    DeletionDate: wireDate(key.deletion?.at),
    ...(state === 'PendingReplicaDeletion' && { PendingDeletionWindowInDays: key.deletion?.windowDays }),
    MultiRegion: multiRegion !== undefined,
    ...(multiRegion && {
      MultiRegionConfiguration: {
        MultiRegionKeyType: multiRegion.primary === key.region ? 'PRIMARY' : 'REPLICA',
        PrimaryKey: place(multiRegion.primary),
        ReplicaKeys: [...multiRegion.replicas].map(place),
      },
    }),
  }
}

function readTags(input: Input): Map<string, string> {
  const tags = new Map<string, string>()
  for (const { TagKey, TagValue } of (input.raw('Tags') ?? []) as { TagKey: string; TagValue: string }[]) {
    if (/^aws:/i.test(TagKey)) throw new AwsError('TagException', 'Tags beginning with aws: are reserved')
    if (tags.has(TagKey)) throw new AwsError('TagException', 'Duplicate tag keys')
    if (TagKey.length < 1 || TagKey.length > 128) throw invalid('1 validation error detected: a tagKey must have length between 1 and 128')
    if (TagValue.length > 256) throw invalid('1 validation error detected: a tagValue must have length less than or equal to 256')
    tags.set(TagKey, TagValue)
  }
  if (tags.size > 50) throw new AwsError('TagException', 'Too many tags')
  return tags
}

const createKey: Handler = ({ world, region }, input) => {
  const keySpec = input.text('KeySpec') ?? input.text('CustomerMasterKeySpec') ?? 'SYMMETRIC_DEFAULT'
  const origin = input.text('Origin') ?? 'AWS_KMS'
  const spec = SPECS.get(keySpec)
  if (!spec) throw invalid(`1 validation error detected: Value '${keySpec}' at 'keySpec' failed to satisfy constraint`)
  if (origin !== 'EXTERNAL' && origin !== 'AWS_KMS') throw new AwsError('UnsupportedOperationException', `origin ${origin} is not supported here`)
  const usage = input.text('KeyUsage') ?? (keySpec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : undefined)
  if (usage === undefined) throw invalid('You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.')
  if (!spec.usages.includes(usage)) throw invalid(`KeyUsage ${usage} is not compatible with KeySpec ${keySpec}`)
  const multi = input.flag('MultiRegion') ?? false
  const id = newKeyId(multi)
  const key: Key = {
    id, keySpec, spec, usage, origin,
    arn: arnOf(region.name, `key/${id}`),
    region: region.name,
    created: world.now(),
    multiRegion: multi ? { primary: region.name, replicas: new Set() } : undefined,
    readyAt: 0,
    description: input.text('Description') ?? '',
    policy: input.text('Policy') ?? defaultPolicy(region.name),
    tags: readTags(input),
    enabled: true,
    material: undefined,
    materialId: undefined,
    deletion: undefined,
  }
  if (origin === 'AWS_KMS') {
    const bytes = generate(spec)
    key.material = { bytes, id: materialId(key, bytes), validTo: undefined }
    key.materialId = key.material.id
  }
  region.keys.set(id, key)
  return { KeyMetadata: describe(world, key) }
}

function defaultPolicy(region: string): string {
  const principal = arnOf(region, '').replace(/:kms:.*/, `:iam::${ACCOUNT}:root`)
  return JSON.stringify({
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [{ Sid: 'Enable IAM User Permissions', Effect: 'Allow', Principal: { AWS: principal }, Action: 'kms:*', Resource: '*' }],
  })
}

function generate({ length, modulusLength, curve }: Spec): Buffer {
  if (length) return randomBytes(length[0])
  const pair =
    modulusLength !== undefined
      ? generateKeyPairSync('rsa', { modulusLength })
      : curve !== undefined
        ? generateKeyPairSync('ec', { namedCurve: curve })
        : generateKeyPairSync('ed25519')
  return pair.privateKey.export({ format: 'der', type: 'pkcs8' })
}

const replicateKey: Handler = ({ world, region }, input) => {
  const source = findKey(world, region, input.required('KeyId'))
  const target = input.required('ReplicaRegion')
  if (!/^([a-z]+-){2,3}\d+$/.test(target)) throw invalid(`1 validation error detected: Value '${target}' at 'replicaRegion' failed to satisfy constraint`)
  if (source.multiRegion?.primary !== region.name) throw new AwsError('UnsupportedOperationException', `${source.arn} is not a multi-region primary key.`)
  refuseStates(world, source, ...GONE_OR_COMING, 'PendingImport', 'Disabled')
  const there = world.region(target)
  if (there.keys.has(source.id)) throw new AwsError('AlreadyExistsException', `Unable to replicate key as it already exists in region ${target}.`)
  const now = world.now()
  const key: Key = {
    ...source,
    arn: arnOf(target, `key/${source.id}`),
    region: target,
    created: now,
    readyAt: now.getTime() + CREATING_MS,
    description: input.text('Description') ?? '',
    policy: input.text('Policy') ?? defaultPolicy(target),
    tags: readTags(input),
    enabled: true,
    material: source.origin === 'EXTERNAL' ? undefined : source.material,
    deletion: undefined,
  }
  source.multiRegion.replicas.add(target)
  there.keys.set(key.id, key)
  return { ReplicaKeyMetadata: describe(world, key), ReplicaPolicy: key.policy, ReplicaTags: tagList(key) }
}

const switchTo = (enabled: boolean): Handler => ({ world, region }, input) => {
  const key = findKey(world, region, input.required('KeyId'))
  refuseStates(world, key, ...GONE_OR_COMING, 'PendingImport')
  key.enabled = enabled
  return {}
}

const scheduleKeyDeletion: Handler = ({ world, region }, input) => {
  const key = findKey(world, region, input.required('KeyId'))
  const days = input.number('PendingWindowInDays') ?? 30
  if (!Number.isInteger(days) || days < 7 || days > 30) throw invalid(`1 validation error detected: Value '${days}' at 'pendingWindowInDays' must be between 7 and 30`)
  refuseStates(world, key, 'PendingDeletion', 'PendingReplicaDeletion')
  const waits = key.multiRegion?.primary === region.name && key.multiRegion.replicas.size > 0
  key.deletion = { windowDays: days, at: waits ? undefined : deletionDate(world, days) }
  return { KeyId: key.arn, DeletionDate: wireDate(key.deletion.at), KeyState: stateOf(world, key), PendingWindowInDays: days }
}

const cancelKeyDeletion: Handler = ({ world, region }, input) => {
  const key = findKey(world, region, input.required('KeyId'))
  if (!key.deletion) throw new AwsError('KMSInvalidStateException', `${key.arn} is not pending deletion (or pending replica deletion).`)
  key.deletion = undefined
  key.enabled = false
  return { KeyId: key.arn }
}

function tagList(key: Key) {
  return [...key.tags].map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
}

function changeable({ world, region }: Context, input: Input): Key {
  const key = findKey(world, region, input.required('KeyId'))
  refuseStates(world, key, 'PendingDeletion', 'PendingReplicaDeletion')
  return key
}

/** Making, finding and ending keys. */
export const keyHandlers: Handlers = {
  CreateKey: createKey,
  ReplicateKey: replicateKey,
  DescribeKey: ({ world, region }, input) => ({ KeyMetadata: describe(world, findKeyOrAlias(world, region, input.required('KeyId'))) }),
  ListKeys: ({ region }, input) => {
    const { items, rest } = page(input, [...region.keys.values()], 1000)
    return { Keys: items.map(({ id, arn }) => ({ KeyId: id, KeyArn: arn })), ...rest }
  },
  EnableKey: switchTo(true),
  DisableKey: switchTo(false),
  ScheduleKeyDeletion: scheduleKeyDeletion,
  CancelKeyDeletion: cancelKeyDeletion,
  TagResource: (context, input) => {
    const key = changeable(context, input)
    const tags = new Map([...key.tags, ...readTags(input)])
    if (tags.size > 50) throw new AwsError('TagException', 'Too many tags')
    key.tags = tags
    return {}
  },
  UntagResource: (context, input) => {
    const key = changeable(context, input)
    for (const tag of (input.raw('TagKeys') ?? []) as string[]) key.tags.delete(tag)
    return {}
  },
  ListResourceTags: ({ world, region }, input) => {
    const { items, rest } = page(input, tagList(findKey(world, region, input.required('KeyId'))), 50)
    return { Tags: items, ...rest }
  },
  UpdateKeyDescription: (context, input) => {
    changeable(context, input).description = input.required('Description')
    return {}
  },
  GetKeyPolicy: ({ world, region }, input) => ({ Policy: findKey(world, region, input.required('KeyId')).policy, PolicyName: 'default' }),
  PutKeyPolicy: ({ world, region }, input) => {
    findKey(world, region, input.required('KeyId')).policy = input.required('Policy')
    return {}
  },
  ListKeyPolicies: ({ world, region }, input) => {
    findKey(world, region, input.required('KeyId'))
    return { PolicyNames: ['default'], Truncated: false }
  },
}
