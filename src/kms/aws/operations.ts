import { KEY_TAG, VERSION_TAG } from '../kms-key.js'

/** The input of a request, with AWS's field names. */
export type AwsInput = Readonly<Record<string, unknown>>

/** Facts about every request of one operation. */
export interface OperationFacts {
  /**
   * AWS's quota for each account and Region.
   * @see https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
   */
  readonly requestsPerSecond: number
  /** Returns the subject of the request, for errors. */
  readonly subject: (input: AwsInput) => string
  /** Not sent again if AWS may have carried it out. */
  readonly nonIdempotent?: true
  /** Creates a KMS key, which may exist even if the reply is lost. */
  readonly creates?: true
  /** `NotFoundException` or "is pending import" means "not yet": the KMS key or material is new. */
  readonly eventuallyConsistent?: true
  /** Not sent by a dry run. */
  readonly changesAws?: true
  /**
   * US dollars that the request adds to the monthly bill, for a KMS key that was never rotated in
   * place. A KMS key that is scheduled for deletion costs nothing.
   * @see https://aws.amazon.com/kms/pricing/
   */
  readonly monthlyCost?: number
}

/** Returns the text of an input field; empty if it is missing. */
export function textOf(input: AwsInput, field: string): string {
  const value = input[field]
  return typeof value === 'string' ? value : ''
}

/** Returns the id of a KMS key from its id or ARN. */
export function keyIdOf(idOrArn: string): string {
  return idOrArn.replace(/^arn:.*:key\//, '')
}

/**
 * Returns the name of the KMS key that a request creates: its key and version. Its description may
 * be the user's.
 */
export function newKeyName(input: AwsInput): string {
  const tags = (input.Tags ?? []) as readonly { TagKey: string; TagValue: string }[]
  const [key, version] = [KEY_TAG, VERSION_TAG].map(
    (name) => tags.find(({ TagKey }) => TagKey === name)?.TagValue,
  )
  return key === undefined ? textOf(input, 'Description') : `keymgmt ${key} version ${version}`
}

const kmsKey = (input: AwsInput) => `KMS key ${keyIdOf(textOf(input, 'KeyId'))}`
const alias = (input: AwsInput) => textOf(input, 'AliasName')

/** Every operation of AWS that keymgmt uses. */
export const OPERATIONS = {
  CreateKey: {
    requestsPerSecond: 5,
    subject: newKeyName,
    nonIdempotent: true,
    creates: true,
    changesAws: true,
    monthlyCost: 1,
  },
  // A replica counts as two CreateKey requests, of which AWS allows five per second, in its own
  // Region.
  ReplicateKey: {
    requestsPerSecond: 2,
    subject: (input) => `${kmsKey(input)} to ${textOf(input, 'ReplicaRegion')}`,
    creates: true,
    eventuallyConsistent: true,
    changesAws: true,
    monthlyCost: 1,
  },
  UpdatePrimaryRegion: {
    requestsPerSecond: 5,
    subject: (input) => `${kmsKey(input)} to ${textOf(input, 'PrimaryRegion')}`,
    eventuallyConsistent: true,
    changesAws: true,
  },
  // Changes nothing, but its quota is the smallest, and only an import needs it.
  GetParametersForImport: {
    requestsPerSecond: 1,
    subject: kmsKey,
    eventuallyConsistent: true,
    changesAws: true,
  },
  ImportKeyMaterial: {
    requestsPerSecond: 15,
    subject: kmsKey,
    eventuallyConsistent: true,
    changesAws: true,
  },
  RotateKeyOnDemand: { requestsPerSecond: 5, subject: kmsKey, changesAws: true },
  ListKeyRotations: { requestsPerSecond: 100, subject: kmsKey, eventuallyConsistent: true },
  GetKeyRotationStatus: { requestsPerSecond: 1000, subject: kmsKey },
  DeleteImportedKeyMaterial: { requestsPerSecond: 15, subject: kmsKey, changesAws: true },
  CreateAlias: {
    requestsPerSecond: 5,
    subject: alias,
    eventuallyConsistent: true,
    changesAws: true,
  },
  UpdateAlias: { requestsPerSecond: 5, subject: alias, changesAws: true },
  DeleteAlias: { requestsPerSecond: 15, subject: alias, changesAws: true },
  EnableKey: { requestsPerSecond: 5, subject: kmsKey, changesAws: true },
  DisableKey: { requestsPerSecond: 5, subject: kmsKey, changesAws: true },
  GetKeyPolicy: { requestsPerSecond: 1000, subject: kmsKey },
  PutKeyPolicy: { requestsPerSecond: 15, subject: kmsKey, changesAws: true },
  UpdateKeyDescription: { requestsPerSecond: 5, subject: kmsKey, changesAws: true },
  TagResource: { requestsPerSecond: 10, subject: kmsKey, changesAws: true },
  UntagResource: { requestsPerSecond: 5, subject: kmsKey, changesAws: true },
  ScheduleKeyDeletion: {
    requestsPerSecond: 15,
    subject: kmsKey,
    changesAws: true,
    monthlyCost: -1,
  },
  CancelKeyDeletion: { requestsPerSecond: 5, subject: kmsKey, changesAws: true, monthlyCost: 1 },
  DescribeKey: { requestsPerSecond: 2000, subject: kmsKey },
  GetKeyLastUsage: { requestsPerSecond: 5, subject: kmsKey },
  GetPublicKey: { requestsPerSecond: 2000, subject: kmsKey, eventuallyConsistent: true },
  GenerateMac: { requestsPerSecond: 1000, subject: kmsKey, eventuallyConsistent: true },
  // Only for a KMS key that seals the store.
  Encrypt: { requestsPerSecond: 10_000, subject: kmsKey },
  Decrypt: { requestsPerSecond: 10_000, subject: kmsKey },
  ListResourceTags: { requestsPerSecond: 2000, subject: kmsKey },
  ListAliases: { requestsPerSecond: 500, subject: () => 'all aliases' },
  ListKeys: { requestsPerSecond: 500, subject: () => 'all KMS keys' },
  // An operation of STS.
  GetCallerIdentity: { requestsPerSecond: 600, subject: () => 'the caller' },
} as const satisfies Readonly<Record<string, OperationFacts>>

/** An operation of AWS that keymgmt uses. */
export type AwsOperation = keyof typeof OPERATIONS

/** The number of aliases to ask for if only the account in their ARNs matters. */
export const ACCOUNT_LOOKUP_LIMIT = 10

/** True for a request that reads the account. */
export function isAccountLookup({
  operation,
  input,
}: {
  readonly operation: AwsOperation
  readonly input: AwsInput
}): boolean {
  return (
    operation === 'GetCallerIdentity' ||
    (operation === 'ListAliases' && input.Limit === ACCOUNT_LOOKUP_LIMIT)
  )
}

/** Returns the row of `operation`. */
export function factsOf(operation: AwsOperation): OperationFacts {
  return OPERATIONS[operation]
}
