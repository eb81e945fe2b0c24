import { KeymgmtError, type ErrorCode } from '../../../errors.js'
import type { KmsSettings } from '../../provider.js'
import { showNothing } from '../dry-run.js'
import type { AwsMiddleware, AwsRequest, AwsOutput } from '../middleware.js'
import { factsOf, keyIdOf, textOf, type AwsOperation } from '../operations.js'
import {
  MULTI_REGION_SERVICE,
  PERMISSIONS,
  type ConditionValues,
  type KeyResource,
  type RequiredPermission,
} from './permissions.js'
import { createResources, inputValues, tagValues, type Resources } from './resources.js'

/** The permissions that a command needs with one provider. */
export interface RecordedPermissions {
  readonly required: RequiredPermission[]
  /** ARNs that contain the provider's AWS account. */
  readonly arns: Set<string>
  /** The requests that AWS did not answer, and whose reply was assumed. */
  readonly unanswered: Set<string>
}

/** Conditions of every KMS key that keymgmt creates. */
export const IMPORTED: ConditionValues = { 'kms:KeyOrigin': ['EXTERNAL'] }

/** Conditions of every import. Adopted material may expire. */
export const WRAPPING: ConditionValues = { 'kms:WrappingKeySpec': ['RSA_4096'] }

/** Conditions of every replica, and of no other KMS key. */
export const REPLICA: ConditionValues = {
  ...IMPORTED,
  'kms:MultiRegion': ['true'],
  'kms:MultiRegionKeyType': ['REPLICA'],
}

const ANY_IMPORTED: KeyResource = { name: 'key/*', values: IMPORTED }

/** A request whose permissions are being determined. */
interface Recorded extends Pick<AwsRequest, 'region' | 'input'> {
  /** The KMS key that the request uses or creates. */
  readonly key: KeyResource
  readonly tags: ConditionValues
}

/** The permissions that an operation needs in addition to the one with its own name. */
const FURTHER: Readonly<
  Partial<Record<AwsOperation, (recorded: Recorded) => RequiredPermission[]>>
> = {
  CreateKey: ({ region, input, key, tags }) => [
    { operation: 'TagNewKey', regions: [region], keys: [key], values: tags },
    ...(input.MultiRegion === true
      ? [
          {
            operation: 'CreateServiceLinkedRole' as const,
            regions: [region],
            values: MULTI_REGION_SERVICE,
          },
        ]
      : []),
  ],
  ReplicateKey: ({ region, input, key, tags }) => {
    const replicaRegion = textOf(input, 'ReplicaRegion')
    return [
      // AWS does not document in which of the two Regions this applies.
      {
        operation: 'CreateReplica',
        regions: [region, replicaRegion],
        values: { ...tags, ...REPLICA },
      },
      { operation: 'TagNewKey', regions: [replicaRegion], keys: [key], values: tags },
    ]
  },
  UpdatePrimaryRegion: ({ input, key }) => [
    {
      operation: 'UpdatePrimaryRegion',
      regions: [textOf(input, 'PrimaryRegion')],
      keys: [key],
      values: inputValues(input),
    },
  ],
  // A search by tag reads the tags of every KMS key.
  ListKeys: ({ region }) => [
    { operation: 'ListResourceTags', regions: [region], keys: [{ name: 'key/*', values: {} }] },
  ],
}

/**
 * Replies that let the command continue if AWS did not answer: a recorded KMS key (named by ARN)
 * exists and is in use, and nothing else exists.
 */
const ASSUMED: Readonly<Partial<Record<AwsOperation, (request: AwsRequest) => AwsOutput>>> = {
  DescribeKey: ({ input }) => {
    const arn = textOf(input, 'KeyId')
    if (arn.startsWith('arn:')) {
      return {
        KeyMetadata: { KeyId: keyIdOf(arn), Arn: arn, KeyState: 'Enabled', Origin: 'EXTERNAL' },
      }
    }
    throw new KeymgmtError('KMS_KEY_NOT_FOUND', `KMS key ${arn} was not requested`, {
      awsError: 'NotFoundException',
    })
  },
  // A tag of somebody else, so that the policy also allows its removal.
  ListResourceTags: () => ({ Tags: [{ TagKey: 'unknown', TagValue: '' }] }),
  // Another policy, so that the printed policy also allows its correction.
  GetKeyPolicy: () => ({ Policy: '' }),
  GenerateMac: showNothing,
  GetPublicKey: showNothing,
  // A KMS key that was never used: the command would refuse a recent use.
  GetKeyLastUsage: () => ({ TrackingStartDate: new Date(0), KeyCreationDate: new Date(0) }),
}

/** Errors of requests that only read, after which a policy can still be printed. */
const UNANSWERED: readonly ErrorCode[] = ['KMS_ACCESS_DENIED', 'KMS_CREDENTIALS', 'KMS_UNREACHABLE']

/**
 * Records the permissions that each request needs, in an entry of `recorded` for each provider.
 * Put it in front of a dry run. If AWS denies a request that only reads, or can't be reached, it
 * records that and returns an assumed reply, because the user does not have the permissions yet.
 */
export function recordPermissions(
  recorded: RecordedPermissions[],
): (settings: KmsSettings) => AwsMiddleware {
  const recorders = new Map<string, AwsMiddleware>()
  return (settings) => {
    const name = JSON.stringify(settings)
    const known = recorders.get(name)
    if (known) return known
    const { role_arn } = settings.credentials
    const permissions: RecordedPermissions = {
      required: [],
      arns: new Set(role_arn ? [role_arn] : []),
      unanswered: new Set(),
    }
    recorded.push(permissions)
    const recorder = createRecorder(permissions)
    recorders.set(name, recorder)
    return recorder
  }
}

function createRecorder({ required, arns, unanswered }: RecordedPermissions): AwsMiddleware {
  const resources = createResources()
  return async (request, next) => {
    const { operation, region, input } = request
    const recorded = { region, input, key: resources.keyOf(request), tags: tagValues(input) }
    required.push(...ownPermission(request, resources))
    required.push(...(FURTHER[operation]?.(recorded) ?? []))
    const keyId = textOf(input, 'KeyId')
    if (keyId.startsWith('arn:')) arns.add(keyId)
    try {
      const output = await next()
      resources.learn(request, output)
      return output
    } catch (error) {
      const isQuestion = !factsOf(operation).changesAws
      if (!isQuestion || !(error instanceof KeymgmtError) || !UNANSWERED.includes(error.code))
        throw error
      unanswered.add(operation)
      return ASSUMED[operation]?.(request) ?? {}
    }
  }
}

/** Returns the permission with the operation's own name; undefined if AWS checks none. */
function ownPermission(request: AwsRequest, resources: Resources): RequiredPermission[] {
  const { operation, region, input } = request
  if (operation === 'GetCallerIdentity') return []
  const values = { ...tagValues(input), ...inputValues(input) }
  const permission = { operation, regions: [region], values }
  const key = resources.keyOf(request)
  if (PERMISSIONS[operation].on === '*') return [permission]
  if (PERMISSIONS[operation].on === 'key') return [{ ...permission, keys: [key] }]
  const keys = aliasKeys(request, key, resources.aliasTarget(request))
  return [{ ...permission, alias: textOf(input, 'AliasName'), keys }]
}

/** Returns the KMS keys to which and from which an alias moves. */
function aliasKeys(
  { operation, input }: AwsRequest,
  target: KeyResource,
  former: KeyResource | undefined,
): KeyResource[] {
  if (operation === 'CreateAlias') return [target]
  if (!('TargetKeyId' in input)) return [former ?? ANY_IMPORTED]
  // The pattern of a new KMS key also covers the previous one, which is of the same kind.
  if (target.name.endsWith('*')) return [target]
  return former ? [target, former] : [ANY_IMPORTED]
}
