import { asList, matches, type Statement } from './policy-document.js'

type Condition = Statement['Condition']
type Test = (actual: string, wanted: string) => boolean

const dated =
  (compare: (actual: number, wanted: number) => boolean): Test =>
  (actual, wanted) =>
    compare(timeOf(actual), timeOf(wanted))

/** A date in IAM's grammar, as seconds since 1970: ISO 8601, or these seconds. */
function timeOf(text: string): number {
  return /^[\d.]+$/.test(text) ? Number(text) : Date.parse(text) / 1000
}

const numeric =
  (compare: (actual: number, wanted: number) => boolean): Test =>
  (actual, wanted) =>
    compare(Number(actual), Number(wanted))

/**
 * The supported operators. A negated one is met if the request has no value for the condition key.
 */
const OPERATORS: Readonly<Record<string, { readonly test: Test; readonly negative?: true }>> = {
  StringEquals: { test: (actual, wanted) => actual === wanted },
  StringNotEquals: { test: (actual, wanted) => actual === wanted, negative: true },
  StringEqualsIgnoreCase: {
    test: (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase(),
  },
  StringLike: { test: (actual, wanted) => matches(wanted, actual) },
  StringNotLike: { test: (actual, wanted) => matches(wanted, actual), negative: true },
  Bool: { test: (actual, wanted) => actual === wanted.toLowerCase() },
  NumericEquals: { test: numeric((actual, wanted) => actual === wanted) },
  NumericNotEquals: { test: numeric((actual, wanted) => actual === wanted), negative: true },
  NumericLessThan: { test: numeric((actual, wanted) => actual < wanted) },
  NumericLessThanEquals: { test: numeric((actual, wanted) => actual <= wanted) },
  NumericGreaterThan: { test: numeric((actual, wanted) => actual > wanted) },
  NumericGreaterThanEquals: { test: numeric((actual, wanted) => actual >= wanted) },
  DateEquals: { test: dated((actual, wanted) => actual === wanted) },
  DateNotEquals: { test: dated((actual, wanted) => actual === wanted), negative: true },
  DateLessThan: { test: dated((actual, wanted) => actual < wanted) },
  DateLessThanEquals: { test: dated((actual, wanted) => actual <= wanted) },
  DateGreaterThan: { test: dated((actual, wanted) => actual > wanted) },
  DateGreaterThanEquals: { test: dated((actual, wanted) => actual >= wanted) },
  Null: { test: () => false },
}

/**
 * The condition keys of AWS KMS. `policy-values.ts` supplies all but `kms:ViaService`, which a
 * direct request does not have. A name follows those that end in `/` or `:`.
 */
export const KMS_CONDITION_KEYS: readonly string[] = [
  'kms:KeySpec',
  'kms:KeyUsage',
  'kms:KeyOrigin',
  'kms:MultiRegion',
  'kms:MultiRegionKeyType',
  'kms:ResourceAliases',
  'kms:CallerAccount',
  'kms:BypassPolicyLockoutSafetyCheck',
  'kms:ExpirationModel',
  'kms:ValidTo',
  'kms:RotationPeriodInDays',
  'kms:TrailingDaysWithoutKeyUsage',
  'kms:WrappingAlgorithm',
  'kms:WrappingKeySpec',
  'kms:RequestAlias',
  'kms:ReplicaRegion',
  'kms:PrimaryRegion',
  'kms:ScheduleKeyDeletionPendingWindowInDays',
  'kms:EncryptionAlgorithm',
  'kms:SigningAlgorithm',
  'kms:MacAlgorithm',
  'kms:KeyAgreementAlgorithm',
  'kms:MessageType',
  'kms:DataKeyPairSpec',
  'kms:EncryptionContextKeys',
  'kms:EncryptionContext:',
  'kms:ViaService',
  'aws:RequestedRegion',
  'aws:TagKeys',
  'aws:RequestTag/',
  'aws:ResourceTag/',
  'iam:AWSServiceName',
]

interface Operator {
  readonly name: string
  readonly every: boolean
  readonly ifExists: boolean
}

function readOperator(text: string): Operator {
  const [, set = '', name = '', ifExists = ''] =
    /^(ForAllValues:|ForAnyValue:)?(.+?)(IfExists)?$/.exec(text) ?? []
  return { name, every: set === 'ForAllValues:', ifExists: ifExists !== '' }
}

/** The first operator or condition key that is unknown; undefined if all are known. */
export function unknownCondition(
  condition: Condition,
  conditionKeys: readonly string[],
): string | undefined {
  for (const [operator, keys] of Object.entries(condition ?? {})) {
    if (!Object.hasOwn(OPERATORS, readOperator(operator).name)) return operator
    const unknown = Object.keys(keys).find((key) => !isKnown(key.toLowerCase(), conditionKeys))
    if (unknown !== undefined) return unknown
  }
  return undefined
}

function isKnown(key: string, conditionKeys: readonly string[]): boolean {
  return conditionKeys
    .map((known) => known.toLowerCase())
    .some((known) =>
      /[/:]$/.test(known) ? key.startsWith(known) && key.length > known.length : key === known,
    )
}

/**
 * True if a request with these values meets every part of the condition. The keys of `values` are
 * in lower case.
 */
export function conditionHolds(
  condition: Condition,
  values: ReadonlyMap<string, readonly string[]>,
): boolean {
  return Object.entries(condition ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) =>
      meets(readOperator(operator), values.get(key.toLowerCase()), asList(wanted)),
    ),
  )
}

function meets(
  { name, every, ifExists }: Operator,
  actual: readonly string[] | undefined,
  wanted: readonly string[],
): boolean {
  if (name === 'Null') return wanted.includes(String(actual === undefined))
  const operator = OPERATORS[name]
  if (!operator) return false
  if (actual === undefined || actual.length === 0)
    return ifExists || every || operator.negative === true
  const one = (value: string) =>
    wanted.some((candidate) => operator.test(value, candidate)) !== (operator.negative === true)
  return every ? actual.every(one) : actual.some(one)
}
