import type { AwsOperation } from '../operations.js'
import { partitionOf } from '../../../aws/partition.js'

/** The values of a request or of its KMS key, by condition key. */
export type ConditionValues = Readonly<Partial<Record<ConditionKey, readonly string[]>>>

/** A KMS key, or all similar KMS keys, to which a permission applies. */
export interface KeyResource {
  /** For example `key/ID`, with a `*` in place of an unknown id. */
  readonly name: string
  readonly values: ConditionValues
}

/** One call to allow. */
export interface RequiredPermission {
  readonly operation: PermissionName
  readonly regions: readonly string[]
  readonly keys?: readonly KeyResource[]
  /** Such as `alias/hashicorp/app-1700000000`. */
  readonly alias?: string
  /** Values of the request. */
  readonly values?: ConditionValues
}

/** The operators of the condition keys. The name of a tag follows a slash. */
const OPERATORS = {
  'aws:RequestTag': 'StringEquals',
  'aws:RequestedRegion': 'StringEquals',
  'aws:ResourceTag': 'StringEquals',
  'iam:AWSServiceName': 'StringEquals',
  'kms:ExpirationModel': 'StringEquals',
  'kms:KeyOrigin': 'StringEquals',
  'kms:KeySpec': 'StringEquals',
  'kms:KeyUsage': 'StringEquals',
  'kms:MacAlgorithm': 'StringEquals',
  'kms:MultiRegion': 'Bool',
  'kms:MultiRegionKeyType': 'StringEquals',
  'kms:PrimaryRegion': 'StringEquals',
  'kms:ReplicaRegion': 'StringEquals',
  'kms:ScheduleKeyDeletionPendingWindowInDays': 'NumericEquals',
  'kms:ValidTo': 'NumericLessThanEquals',
  'kms:WrappingAlgorithm': 'StringEquals',
  'kms:WrappingKeySpec': 'StringEquals',
} as const

type ConditionName = keyof typeof OPERATORS
/** Such as `kms:KeySpec`, or `aws:RequestTag/NAME`. */
export type ConditionKey = ConditionName | `aws:RequestTag/${string}` | `aws:ResourceTag/${string}`

/** The permission that AWS checks for an operation. */
interface Permission {
  readonly action: string
  /** The resource. `alias` also includes each of its KMS keys. */
  readonly on: '*' | 'key' | 'alias' | 'role'
  /** The conditions that can restrict it. None of them applies to an alias as the resource. */
  readonly conditions: readonly ConditionName[]
  /** True if the conditions also apply where AWS does not document their values. */
  readonly ifExists?: true
}

const NEW_KEY = ['kms:KeyOrigin', 'kms:KeySpec', 'kms:KeyUsage'] as const
const onKey = (action: string, ...conditions: readonly ConditionName[]): Permission => ({
  action: `kms:${action}`,
  on: 'key',
  conditions: [...NEW_KEY, ...conditions],
})
const onAlias = (action: string): Permission => ({
  action: `kms:${action}`,
  on: 'alias',
  conditions: NEW_KEY,
})
const onAll = (action: string, ...conditions: readonly ConditionName[]): Permission => ({
  action: `kms:${action}`,
  on: '*',
  conditions: ['aws:RequestedRegion', ...conditions],
})

/**
 * The permissions by operation.
 * @see
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
 */
export const PERMISSIONS = {
  CreateKey: onAll('CreateKey', ...NEW_KEY, 'kms:MultiRegion', 'aws:RequestTag'),
  /**
   * ReplicateKey also needs this in the replica's Region. AWS does not document which condition
   * values apply.
   */
  CreateReplica: {
    ...onAll(
      'CreateKey',
      'kms:KeyOrigin',
      'kms:MultiRegion',
      'kms:MultiRegionKeyType',
      'aws:RequestTag',
    ),
    ifExists: true,
  },
  /** @see https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-auth-slr.html */
  CreateServiceLinkedRole: {
    action: 'iam:CreateServiceLinkedRole',
    on: 'role',
    conditions: ['iam:AWSServiceName'],
  },
  /**
   * Tags that come with a new KMS key: AWS documents no other condition for a KMS key that does not
   * exist yet.
   */
  TagNewKey: { action: 'kms:TagResource', on: 'key', conditions: ['aws:RequestTag'] },
  GetKeyPolicy: onKey('GetKeyPolicy'),
  PutKeyPolicy: onKey('PutKeyPolicy'),
  UpdateKeyDescription: onKey('UpdateKeyDescription'),
  TagResource: onKey('TagResource', 'aws:RequestTag'),
  UntagResource: onKey('UntagResource'),
  GetParametersForImport: onKey(
    'GetParametersForImport',
    'kms:WrappingAlgorithm',
    'kms:WrappingKeySpec',
  ),
  ImportKeyMaterial: onKey('ImportKeyMaterial', 'kms:ExpirationModel', 'kms:ValidTo'),
  RotateKeyOnDemand: onKey('RotateKeyOnDemand'),
  ListKeyRotations: onKey('ListKeyRotations'),
  GetKeyRotationStatus: onKey('GetKeyRotationStatus'),
  GetKeyLastUsage: onKey('GetKeyLastUsage'),
  GetPublicKey: onKey('GetPublicKey'),
  GenerateMac: onKey('GenerateMac', 'kms:MacAlgorithm'),
  DescribeKey: onKey('DescribeKey'),
  ListResourceTags: onKey('ListResourceTags'),
  EnableKey: onKey('EnableKey'),
  DisableKey: onKey('DisableKey'),
  DeleteImportedKeyMaterial: onKey('DeleteImportedKeyMaterial', 'aws:ResourceTag'),
  ScheduleKeyDeletion: onKey(
    'ScheduleKeyDeletion',
    'kms:ScheduleKeyDeletionPendingWindowInDays',
    'aws:ResourceTag',
  ),
  CancelKeyDeletion: onKey('CancelKeyDeletion'),
  ReplicateKey: onKey('ReplicateKey', 'kms:ReplicaRegion'),
  /** AWS checks it in both Regions. */
  UpdatePrimaryRegion: onKey('UpdatePrimaryRegion', 'kms:PrimaryRegion'),
  CreateAlias: onAlias('CreateAlias'),
  UpdateAlias: onAlias('UpdateAlias'),
  DeleteAlias: onAlias('DeleteAlias'),
  Encrypt: onKey('Encrypt'),
  Decrypt: onKey('Decrypt'),
  ListAliases: onAll('ListAliases'),
  ListKeys: onAll('ListKeys'),
} as const satisfies Readonly<
  Record<CheckedOperation | 'CreateReplica' | 'CreateServiceLinkedRole' | 'TagNewKey', Permission>
>

/** An operation that AWS checks a permission for. STS names the caller without one. */
type CheckedOperation = Exclude<AwsOperation, 'GetCallerIdentity'>

/** An operation that a policy can allow. */
export type PermissionName = keyof typeof PERMISSIONS

/** A statement of an IAM policy. */
export interface PolicyStatement {
  readonly Effect: 'Allow'
  readonly Action: OneOrMore
  readonly Resource: OneOrMore
  /** By operator, then by condition key. */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore>>>>
}

type OneOrMore = string | readonly string[]

/** An identity-based IAM policy. */
export interface PolicyDocument {
  readonly Version: '2012-10-17'
  readonly Statement: readonly PolicyStatement[]
}

/** One action on one resource. */
export interface Statement {
  readonly action: string
  readonly resource: string
  readonly condition: PolicyStatement['Condition']
}

const SERVICE = 'mrk.kms.amazonaws.com'
const SERVICE_ROLE = `role/aws-service-role/${SERVICE}/AWSServiceRoleForKeyManagementServiceMultiRegionKeys`

/** Conditions of the service-linked role of multi-Region keys. */
export const MULTI_REGION_SERVICE: ConditionValues = { 'iam:AWSServiceName': [SERVICE] }

/**
 * PURE: returns the statements for a permission in an AWS account, or `*` if the account is
 * unknown.
 */
export function toStatements(
  { operation, regions, keys = [], alias, values = {} }: RequiredPermission,
  account: string,
): Statement[] {
  const permission: Permission = PERMISSIONS[operation]
  const { action } = permission
  const statement = (resource: string, known: ConditionValues): Statement => ({
    action,
    resource,
    condition: conditionOf(permission, known),
  })
  if (permission.on === '*') return [statement('*', { ...values, 'aws:RequestedRegion': regions })]
  return regions.flatMap((region) => {
    const arn = (service: string, place: string, name: string) =>
      `arn:${partitionOf(region)}:${service}:${place}:${account}:${name}`
    if (permission.on === 'role') return [statement(arn('iam', '', SERVICE_ROLE), values)]
    return [
      ...(alias === undefined ? [] : [statement(arn('kms', region, alias), {})]),
      ...keys.map((key) => statement(arn('kms', region, key.name), { ...key.values, ...values })),
    ]
  })
}

function conditionOf(
  { conditions, ifExists }: Permission,
  known: ConditionValues,
): PolicyStatement['Condition'] {
  const condition: Record<string, Record<string, OneOrMore>> = {}
  for (const key of (Object.keys(known) as ConditionKey[]).sort()) {
    const name = key.split('/')[0] as ConditionName
    if (!conditions.includes(name)) continue
    const operator = `${OPERATORS[name]}${ifExists ? 'IfExists' : ''}`
    condition[operator] = { ...condition[operator], [key]: short(known[key] ?? []) }
  }
  return Object.keys(condition).length > 0 ? condition : undefined
}

/** Writes a list of one as a string, as is usual in policies: AWS limits their size. */
function short(values: readonly string[]): OneOrMore {
  return values.length === 1 ? (values[0] ?? []) : values
}

/**
 * PURE: returns a policy that allows exactly these statements; undefined if there are none, because
 * a policy can't be empty.
 */
export function toPolicy(all: readonly Statement[]): PolicyDocument | undefined {
  if (all.length === 0) return undefined
  const statements = all.filter((statement) => !all.some((other) => covers(other, statement)))
  // First combine the resources of each action, and then the actions with the same resources, so
  // that no action gets a resource of another one.
  const byAction = gather(
    statements.map(({ action, resource, condition }) => ({
      of: { action, condition },
      value: resource,
    })),
  )
  const byResources = gather(
    byAction.map(({ of: { action, condition }, values }) => ({
      of: { resources: values, condition },
      value: action,
    })),
  )
  const merged = byResources.map(({ of: { resources, condition }, values }): PolicyStatement => ({
    Effect: 'Allow',
    Action: short(values),
    Resource: short(resources),
    ...(condition && { Condition: condition }),
  }))
  return {
    Version: '2012-10-17',
    Statement: merged.sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)),
  }
}

/** True if `other` allows the action on every KMS key of the Region, and the statement on one. */
function covers(other: Statement, { action, resource }: Statement): boolean {
  return (
    other.action === action &&
    other.condition === undefined &&
    other.resource !== resource &&
    other.resource.endsWith(':key/*') &&
    resource.startsWith(other.resource.slice(0, -1))
  )
}

/** Groups equal items, and returns their distinct values in order. */
function gather<Of>(
  items: readonly { readonly of: Of; readonly value: string }[],
): { readonly of: Of; readonly values: readonly string[] }[] {
  const groups = new Map<string, { readonly of: Of; readonly values: Set<string> }>()
  for (const { of, value } of items) {
    const name = JSON.stringify(of)
    const group = groups.get(name) ?? { of, values: new Set<string>() }
    groups.set(name, group)
    group.values.add(value)
  }
  return [...groups.values()].map(({ of, values }) => ({ of, values: [...values].sort() }))
}
