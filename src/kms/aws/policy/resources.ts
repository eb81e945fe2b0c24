import type { AwsRequest, AwsOutput } from '../middleware.js'
import { keyIdOf, textOf, type AwsInput } from '../operations.js'
import { entriesOf } from '../session.js'
import type { ConditionKey, ConditionValues, KeyResource } from './permissions.js'

/** The condition keys whose values AWS takes from the input of a request. */
const CONDITION_OF_INPUT: Readonly<Record<string, ConditionKey>> = {
  ExpirationModel: 'kms:ExpirationModel',
  KeySpec: 'kms:KeySpec',
  KeyUsage: 'kms:KeyUsage',
  MacAlgorithm: 'kms:MacAlgorithm',
  MultiRegion: 'kms:MultiRegion',
  Origin: 'kms:KeyOrigin',
  PendingWindowInDays: 'kms:ScheduleKeyDeletionPendingWindowInDays',
  PrimaryRegion: 'kms:PrimaryRegion',
  ReplicaRegion: 'kms:ReplicaRegion',
  WrappingAlgorithm: 'kms:WrappingAlgorithm',
  WrappingKeySpec: 'kms:WrappingKeySpec',
}

/** The tags that can restrict a policy, because all KMS keys of one key have the same values. */
const POLICY_TAGS: readonly unknown[] = ['keymgmt:store', 'keymgmt:key']

/** Returns the condition values that follow from the input. */
export function inputValues(input: AwsInput): ConditionValues {
  const { ValidTo } = input
  return {
    ...Object.fromEntries(
      Object.entries(CONDITION_OF_INPUT).flatMap(([field, key]) =>
        isScalar(input[field]) ? [[key, [String(input[field])]]] : [],
      ),
    ),
    // A policy compares it in Unix time.
    ...(ValidTo instanceof Date && { 'kms:ValidTo': [String(ValidTo.getTime() / 1000)] }),
  }
}

function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

/** Returns the condition values that follow from the tags in the input. */
export function tagValues({ Tags }: AwsInput): ConditionValues {
  const tags = (Tags ?? []) as readonly { TagKey: string; TagValue: string }[]
  return Object.fromEntries(
    tags
      .filter(({ TagKey }) => POLICY_TAGS.includes(TagKey))
      .map(({ TagKey, TagValue }) => [`aws:RequestTag/${TagKey}`, [TagValue]]),
  )
}

/** The KMS keys of a provider, as resources of a policy. */
export interface Resources {
  /** Returns the KMS key that a request uses or creates. */
  keyOf(request: AwsRequest): KeyResource
  /** Returns the KMS key that the alias points to, if AWS has returned it. */
  aliasTarget(request: AwsRequest): KeyResource | undefined
  learn(request: AwsRequest, output: AwsOutput): void
}

/** Returns an empty set of resources. */
export function createResources(): Resources {
  const known = new Map<string, KeyResource>()
  const aliases = new Map<string, string>()
  const byId = (id: string): KeyResource => known.get(id) ?? { name: `key/${id}`, values: {} }
  return {
    keyOf: ({ operation, input }) =>
      operation === 'CreateKey'
        ? newKey(input)
        : byId(keyIdOf(textOf(input, 'KeyId') || textOf(input, 'TargetKeyId'))),
    aliasTarget: ({ region, input }) => {
      const id = aliases.get(`${region} ${textOf(input, 'AliasName')}`)
      return id === undefined ? undefined : byId(id)
    },
    learn: ({ operation, region, input }, output) => {
      if (operation === 'CreateKey')
        known.set(textOf(output.KeyMetadata as AwsInput, 'KeyId'), newKey(input))
      if (operation === 'ListAliases')
        for (const alias of entriesOf(output.Aliases as readonly AwsInput[]))
          aliases.set(`${region} ${textOf(alias, 'AliasName')}`, textOf(alias, 'TargetKeyId'))
    },
  }
}

/** Returns the resource for a new KMS key. It has no id yet, so its properties identify it. */
function newKey(input: AwsInput): KeyResource {
  const { 'kms:MultiRegion': multiRegion, ...values } = inputValues(input)
  return { name: multiRegion?.[0] === 'true' ? 'key/mrk-*' : 'key/*', values }
}
