import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { arnOf, MULTI_REGION_SERVICE, multiRegionRoleArn } from '../arn.js'
import { AwsError, customKeyStoreNotFound, invalid, unsupported } from '../errors.js'
import { openKey, openKeyOrAlias } from '../find.js'
import { wireDate, type Context, type Handler, type Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { algorithmsMember, materialLength, SPECS, type Spec } from '../key-specs.js'
import { trackingStart } from '../last-usage.js'
import { page } from '../paging.js'
import { publicKeyDer } from '../private-keys.js'
import { currentMaterial, isPermanent, newKeyId, stateOf, type Key } from '../state.js'
import type { Account } from '../account.js'
import { defaultPolicy, readPolicy } from './key-policies.js'
import { addMaterial } from './materials.js'
import { readTags } from './tags.js'

const DEFAULT_LIMIT = 100

/**
 * The KeyMetadata of a key.
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
 */
export function keyMetadata(account: Account, key: Key): object {
  const state = stateOf(account.now(), key)
  const { multiRegion } = key
  const place = (region: string) => ({
    Arn: arnOf({ account: account.id, name: region }, `key/${key.id}`),
    Region: region,
  })
  return {
    AWSAccountId: account.id,
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
    ...algorithmsMember(key),
    ...expiry(key),
    ...(key.spec.family === 'symmetric' && { CurrentKeyMaterialId: currentMaterial(key)?.id }),
    DeletionDate: wireDate(key.deletion?.at),
    ...(state === 'PendingReplicaDeletion' && {
      PendingDeletionWindowInDays: key.deletion?.windowDays,
    }),
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

/**
 * ExpirationModel and ValidTo (the earliest of all materials), which AWS omits while material is
 * missing.
 */
function expiry(key: Key): object {
  const permanent = key.materials.filter(isPermanent)
  if (
    key.origin !== 'EXTERNAL' ||
    permanent.length === 0 ||
    permanent.some(({ bytes }) => bytes === undefined)
  )
    return {}
  const ends = permanent
    .flatMap(({ validTo }) => validTo ?? [])
    .toSorted((one, other) => one.getTime() - other.getTime())
  return {
    ExpirationModel: ends.length > 0 ? 'KEY_MATERIAL_EXPIRES' : 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    ValidTo: wireDate(ends[0]),
  }
}

function readSpec(input: Input): readonly [keySpec: string, spec: Spec] {
  if (input.has('KeySpec') && input.has('CustomerMasterKeySpec')) {
    throw invalid(
      'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    )
  }
  const keySpec =
    input.text('KeySpec') ?? input.text('CustomerMasterKeySpec') ?? 'SYMMETRIC_DEFAULT'
  const spec = SPECS.get(keySpec)
  if (!spec) throw unsupported(`KeySpec ${keySpec} is not supported by this KMS`)
  return [keySpec, spec]
}

function readUsage(input: Input, keySpec: string, spec: Spec): string {
  const usage =
    input.text('KeyUsage') ?? (keySpec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : undefined)
  if (usage === undefined)
    throw invalid(
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    )
  if (!spec.usages.includes(usage))
    throw invalid(`KeyUsage ${usage} is not compatible with KeySpec ${keySpec}`)
  return usage
}

function readOrigin(input: Input): 'AWS_KMS' | 'EXTERNAL' {
  const origin = input.text('Origin') ?? 'AWS_KMS'
  if (origin === 'AWS_KMS' || origin === 'EXTERNAL') {
    if (input.has('CustomKeyStoreId') || input.has('XksKeyId'))
      throw invalid(`CustomKeyStoreId and XksKeyId are not valid with origin ${origin}`)
    return origin
  }
  throw customKeyStoreNotFound(input.text('CustomKeyStoreId') ?? '')
}

/** @throws AwsError LimitExceededException if the Region has its maximum of keys */
export function assertRoom({ limits }: Context, keys: ReadonlyMap<string, Key>): void {
  if (keys.size >= limits.keys)
    throw new AwsError(
      'LimitExceededException',
      'You have reached the quota of KMS keys in this Region.',
    )
}

const createKey: Handler = (context, input) => {
  const { account, region } = context
  const [keySpec, spec] = readSpec(input)
  const usage = readUsage(input, keySpec, spec)
  const origin = readOrigin(input)
  const multi = input.flag('MultiRegion') ?? false
  const id = newKeyId(multi)
  const arn = arnOf(region, `key/${id}`)
  context.authorize({ resource: '*' })
  if (multi)
    context.authorize({
      action: 'iam:CreateServiceLinkedRole',
      resource: multiRegionRoleArn(region),
      service: MULTI_REGION_SERVICE,
    })
  if (input.has('Tags')) context.authorize({ action: 'TagResource', resource: arn })
  assertRoom(context, region.keys)
  const key: Key = {
    id,
    arn,
    keySpec,
    spec,
    usage,
    origin,
    ...initialValues(context, input),
    region: region.name,
    multiRegion: multi ? { primary: region.name, replicas: new Set() } : undefined,
    readyAt: 0,
    policy: readPolicy(context, input) ?? defaultPolicy(region),
  }
  if (origin === 'AWS_KMS') addMaterial(key, generate(spec, region.name), 'CURRENT')
  if (key.materials[0]?.bytes && spec.length === undefined)
    key.publicKey = publicKeyDer(spec, key.materials[0].bytes)
  region.keys.set(id, key)
  return { KeyMetadata: keyMetadata(account, key) }
}

/** The initial values that a new key and a new replica share. */
export function initialValues({ account }: Context, input: Input) {
  return {
    created: account.now(),
    updatingUntil: 0,
    description: input.text('Description') ?? '',
    tags: readTags(input),
    enabled: true,
    materials: [],
    publicKey: undefined,
    rotation: undefined,
    automatic: undefined,
    deletion: undefined,
    grants: new Map(),
    lastUsage: undefined,
  } satisfies Partial<Key>
}

/** Generates material as AWS does: raw bytes for symmetric and HMAC keys, PKCS#8 DER for others. */
export function generate(spec: Spec, region: string): Buffer {
  const length = materialLength(spec, region)
  if (length) return randomBytes(length[0])
  const { modulusLength, curve } = spec
  const pair =
    modulusLength !== undefined
      ? generateKeyPairSync('rsa', { modulusLength })
      : curve !== undefined
        ? generateKeyPairSync('ec', { namedCurve: curve })
        : generateKeyPairSync('ed25519')
  return pair.privateKey.export({ format: 'der', type: 'pkcs8' })
}

const switchTo =
  (enabled: boolean): Handler =>
  (context, input) => {
    openKey(context, input.required('KeyId')).enabled = enabled
    return {}
  }

/** Creating, describing, listing, enabling and disabling keys. */
export const keyHandlers: Handlers = {
  CreateKey: createKey,
  DescribeKey: (context, input) => ({
    KeyMetadata: keyMetadata(context.account, openKeyOrAlias(context, input.required('KeyId'))),
  }),
  ListKeys: (context, input) => {
    context.authorize({ resource: '*' })
    const { items, rest } = page(
      context,
      input,
      [...context.region.keys.values()],
      DEFAULT_LIMIT,
      ({ id }) => id,
    )
    return { Keys: items.map(({ id, arn }) => ({ KeyId: id, KeyArn: arn })), ...rest }
  },
  EnableKey: switchTo(true),
  DisableKey: switchTo(false),
  UpdateKeyDescription: (context, input) => {
    openKey(context, input.required('KeyId')).description = input.required('Description')
    return {}
  },
  GetKeyLastUsage: (context, input) => {
    const key = openKey(context, input.required('KeyId'))
    const { id, created, lastUsage } = key
    const KeyLastUsage = lastUsage && {
      Operation: lastUsage.operation,
      Timestamp: wireDate(lastUsage.at),
      KmsRequestId: lastUsage.requestId,
      CloudTrailEventId: lastUsage.eventId,
    }
    return {
      KeyId: id,
      KeyLastUsage: KeyLastUsage ?? {},
      TrackingStartDate: wireDate(trackingStart(key)),
      KeyCreationDate: wireDate(created),
    }
  },
}
