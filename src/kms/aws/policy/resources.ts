import type { AwsRequest, AwsOutput } from '../middleware.js'
import { keyIdOf, textOf, type AwsInput } from '../operations.js'
import { entriesOf } from '../session.js'
import type { ConditionKey, ConditionValues, KeyResource } from './permissions.js'

/** The condition keys that AWS fills in from the input of a request. */
const CONDITION_OF_INPUT: Readonly<Record<string, ConditionKey>> = {
  ExpirationModel: 'kms:ExpirationModel',
  KeySpec: 'kms:KeySpec',
  KeyUsage: 'kms:KeyUsage',
  MacAlgorithm: 'kms:MacAlgorithm',
  MultiRegion: 'kms:MultiRegion',
  Origin: 'kms:KeyOrigin',
  PendingWindowInDays: 'kms:ScheduleKeyDeletionPendingWindowInDays',
  ReplicaRegion: 'kms:ReplicaRegion',
  WrappingAlgorithm: 'kms:WrappingAlgorithm',
  WrappingKeySpec: 'kms:WrappingKeySpec',
}

/** The tags that narrow a policy: those that every KMS key of one of our keys has alike. */
const TELLING_TAGS: readonly unknown[] = ['keymgmt:store', 'keymgmt:key']

/** The values of conditions that follow from the input. */
export function inputValues(input: AwsInput): ConditionValues {
  return Object.fromEntries(
    Object.entries(CONDITION_OF_INPUT).flatMap(([field, key]) =>
      isScalar(input[field]) ? [[key, [String(input[field])]]] : [],
    ),
  )
}

function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

/** The values of conditions that follow from the tags in the input. */
export function tagValues({ Tags }: AwsInput): ConditionValues {
  const tags = (Tags ?? []) as readonly { TagKey: string; TagValue: string }[]
  return Object.fromEntries(
    tags
      .filter(({ TagKey }) => TELLING_TAGS.includes(TagKey))
      .map(({ TagKey, TagValue }) => [`aws:RequestTag/${TagKey}`, [TagValue]]),
  )
}

/** The KMS keys of a provider as a policy can name them. */
export interface Resources {
  /** The KMS key that a request is about, or that it makes. */
  keyOf(request: AwsRequest): KeyResource
  /** The KMS key that the alias names, as far as AWS said. */
  aliasTarget(request: AwsRequest): KeyResource | undefined
  learn(request: AwsRequest, output: AwsOutput): void
}

/** No KMS key is known at first. */
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

/** A new KMS key has no id yet, so its properties identify it. */
function newKey(input: AwsInput): KeyResource {
  const { 'kms:MultiRegion': multiRegion, ...values } = inputValues(input)
  return { name: multiRegion?.[0] === 'true' ? 'key/mrk-*' : 'key/*', values }
}
