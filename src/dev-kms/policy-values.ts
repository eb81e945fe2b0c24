import type { PermissionRequest } from './handler.js'
import type { Input } from './input.js'
import { daysWithoutUse } from './last-usage.js'
import type { Key, Region } from './state.js'

type Value = string | readonly string[] | undefined

/** Condition keys whose value is one member of the request. */
const MEMBERS: Readonly<Record<string, string>> = {
  'kms:BypassPolicyLockoutSafetyCheck': 'BypassPolicyLockoutSafetyCheck',
  'kms:RotationPeriodInDays': 'RotationPeriodInDays',
  'kms:ValidTo': 'ValidTo',
  'kms:WrappingAlgorithm': 'WrappingAlgorithm',
  'kms:WrappingKeySpec': 'WrappingKeySpec',
  'kms:ReplicaRegion': 'ReplicaRegion',
  'kms:PrimaryRegion': 'PrimaryRegion',
  'kms:EncryptionAlgorithm': 'EncryptionAlgorithm',
  'kms:SigningAlgorithm': 'SigningAlgorithm',
  'kms:MacAlgorithm': 'MacAlgorithm',
  'kms:KeyAgreementAlgorithm': 'KeyAgreementAlgorithm',
  'kms:MessageType': 'MessageType',
  'kms:DataKeyPairSpec': 'KeyPairSpec',
}

/** Condition keys whose member has a documented default, which applies to conditions too. */
const DEFAULTS: Readonly<Record<string, readonly [key: string, member: string, value: string]>> = {
  ImportKeyMaterial: ['kms:ExpirationModel', 'ExpirationModel', 'KEY_MATERIAL_EXPIRES'],
  ScheduleKeyDeletion: ['kms:ScheduleKeyDeletionPendingWindowInDays', 'PendingWindowInDays', '30'],
}

/** The operations with a condition on the last use of the key. */
const USE_MATTERS = ['DisableKey', 'ScheduleKeyDeletion']

/** The values of a request's condition keys, by key in lower case. */
export function conditionValues(
  now: Date,
  operation: string,
  region: Region,
  input: Input,
  { key, alias, action, resource, replica, service }: PermissionRequest,
): ReadonlyMap<string, readonly string[]> {
  // AWS supports no condition keys on an alias.
  if (resource?.includes(':alias/')) return new Map()
  const creates = operation === 'CreateKey' && action === undefined
  const all: readonly (readonly [name: string, value: Value])[] = [
    ['aws:RequestedRegion', replica?.region ?? region.name],
    ['kms:CallerAccount', region.account],
    ['iam:AWSServiceName', service],
    ...(creates ? newKeyValues(input) : []),
    ...(replica ? replicaValues(replica.of) : []),
    ...(key ? keyValues(key, region) : []),
    ...requestValues(operation, input),
    [
      'kms:TrailingDaysWithoutKeyUsage',
      key && USE_MATTERS.includes(operation) ? String(daysWithoutUse(now, key)) : undefined,
    ],
    ['kms:RequestAlias', alias?.replace(/^arn:.*:(?=alias\/)/, '')],
  ]
  return new Map(
    all.flatMap(([name, value]) =>
      value === undefined
        ? []
        : [[name.toLowerCase(), typeof value === 'string' ? [value] : value]],
    ),
  )
}

function newKeyValues(input: Input): [string, Value][] {
  const multi = input.flag('MultiRegion') ?? false
  const spec = input.text('KeySpec') ?? input.text('CustomerMasterKeySpec') ?? 'SYMMETRIC_DEFAULT'
  return [
    ['kms:KeySpec', spec],
    [
      'kms:KeyUsage',
      input.text('KeyUsage') ?? (spec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : undefined),
    ],
    ['kms:KeyOrigin', input.text('Origin') ?? 'AWS_KMS'],
    ['kms:MultiRegion', String(multi)],
    ['kms:MultiRegionKeyType', multi ? 'PRIMARY' : undefined],
  ]
}

/** A replica shares these properties with its primary. */
function replicaValues({ keySpec, usage, origin }: Key): [string, Value][] {
  return [
    ['kms:KeySpec', keySpec],
    ['kms:KeyUsage', usage],
    ['kms:KeyOrigin', origin],
    ['kms:MultiRegion', 'true'],
    ['kms:MultiRegionKeyType', 'REPLICA'],
  ]
}

function keyValues(key: Key, region: Region): [string, Value][] {
  const aliases = [...region.aliases].flatMap(([name, { target }]) =>
    target === key.id ? [name] : [],
  )
  return [
    ['kms:KeySpec', key.keySpec],
    ['kms:KeyUsage', key.usage],
    ['kms:KeyOrigin', key.origin],
    ['kms:MultiRegion', String(key.multiRegion !== undefined)],
    [
      'kms:MultiRegionKeyType',
      key.multiRegion && (key.multiRegion.primary === key.region ? 'PRIMARY' : 'REPLICA'),
    ],
    ['kms:ResourceAliases', aliases.length > 0 ? aliases : undefined],
    ...[...key.tags].map(([name, value]): [string, Value] => [`aws:ResourceTag/${name}`, value]),
  ]
}

function requestValues(operation: string, input: Input): [string, Value][] {
  const [name, member, value] = DEFAULTS[operation] ?? []
  const tags = operation === 'UntagResource' ? [] : input.tags()
  const tagKeys =
    operation === 'UntagResource' ? input.texts('TagKeys') : tags.map(({ TagKey }) => TagKey)
  const context = input.map('EncryptionContext')
  return [
    ...Object.entries(MEMBERS).map(([key, from]): [string, Value] => [
      key,
      input.has(from) ? String(input.value(from)) : undefined,
    ]),
    ...(name !== undefined && member !== undefined
      ? [[name, String(input.value(member) ?? value)] as [string, Value]]
      : []),
    ...tags.map(({ TagKey, TagValue }): [string, Value] => [`aws:RequestTag/${TagKey}`, TagValue]),
    ['aws:TagKeys', tagKeys.length > 0 ? tagKeys : undefined],
    ...[...context].map(([key, text]): [string, Value] => [`kms:EncryptionContext:${key}`, text]),
    ['kms:EncryptionContextKeys', context.size > 0 ? [...context.keys()] : undefined],
  ]
}
