import { AwsError, unsupported } from '../errors.js'
import { findKey, openKey } from '../find.js'
import { wireDate, type Context, type Handler, type Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { page } from '../paging.js'
import { isPermanent, pendingMaterial, type Key, type Material } from '../state.js'
import { relatedKeys } from '../account.js'
import { generate } from './keys.js'
import { addMaterial } from './materials.js'
import { requirePrimary } from './replicas.js'

const DEFAULT_PERIOD = 365
const DEFAULT_LIMIT = 100
const DAY_MS = 86_400_000

/** Opens a key that supports rotation. As in AWS, others are refused in any state. */
function openRotatable(context: Context, input: Input): Key {
  const keyId = input.required('KeyId')
  const found = findKey(context.region, keyId)
  context.authorize({ key: found })
  if (found.spec.family !== 'symmetric') throw unsupported('')
  return openKey(context, keyId)
}

const rotateKeyOnDemand: Handler = (context, input) => {
  const { account, limits, transitionMs } = context
  const key = openRotatable(context, input)
  if (key.multiRegion) requirePrimary(key)
  if (key.rotation) throw new AwsError('ConflictException', `${key.arn} is being rotated already.`)
  if (key.materials.filter(({ rotatedAt }) => rotatedAt).length >= limits.rotationsPerKey) {
    throw new AwsError(
      'LimitExceededException',
      'The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key.',
    )
  }
  if (key.origin === 'AWS_KMS') addPendingMaterial(context, key)
  const pending = pendingMaterial(key)
  if (pending?.state !== 'PENDING_ROTATION' || !pending.bytes) {
    throw new AwsError(
      'KMSInvalidStateException',
      `No available key material pending rotation for the key: ${key.arn}.`,
    )
  }
  const startedAt = account.now()
  key.rotation = { startedAt, doneAt: startedAt.getTime() + transitionMs }
  return { KeyId: key.arn }
}

/** Generates the next material of a key with AWS's own material, and copies it to the replicas. */
function addPendingMaterial({ account }: Context, key: Key): void {
  const material = addMaterial(key, generate(key.spec, key.region), 'PENDING_ROTATION')
  for (const relative of relatedKeys(account, key))
    if (relative !== key) relative.materials.push({ ...material })
}

/** Opens a key that supports automatic rotation: only AWS's own material does. */
function openForAutomaticRotation(context: Context, input: Input): Key {
  const found = findKey(context.region, input.required('KeyId'))
  context.authorize({ key: found })
  if (found.origin !== 'AWS_KMS')
    throw unsupported(
      `${found.arn} origin is ${found.origin} which is not valid for this operation.`,
    )
  const key = openRotatable(context, input)
  if (key.multiRegion) requirePrimary(key)
  return key
}

const getKeyRotationStatus: Handler = (context, input) => {
  const { arn, automatic, rotation, deletion } = openRotatable(context, input)
  return {
    KeyId: arn,
    KeyRotationEnabled: automatic !== undefined && !deletion,
    ...(automatic && {
      RotationPeriodInDays: automatic.days,
      NextRotationDate: wireDate(new Date(automatic.from.getTime() + automatic.days * DAY_MS)),
    }),
    OnDemandRotationStartDate: wireDate(rotation?.startedAt),
  }
}

function rotationEntry(key: Key, material: Material): object {
  const { id, description, bytes, validTo, state, rotatedAt } = material
  return {
    KeyId: key.id,
    KeyMaterialId: id,
    KeyMaterialState: state,
    ...(key.origin === 'EXTERNAL' && {
      KeyMaterialDescription: description,
      ImportState: bytes ? 'IMPORTED' : 'PENDING_IMPORT',
      ...(bytes && {
        ExpirationModel: validTo ? 'KEY_MATERIAL_EXPIRES' : 'KEY_MATERIAL_DOES_NOT_EXPIRE',
        ValidTo: wireDate(validTo),
      }),
    }),
    ...(rotatedAt && { RotationDate: wireDate(rotatedAt), RotationType: 'ON_DEMAND' }),
  }
}

const listKeyRotations: Handler = (context, input) => {
  const key = openRotatable(context, input)
  const all = input.text('IncludeKeyMaterial') === 'ALL_KEY_MATERIAL'
  const order = new Map(key.materials.map(({ id }, index) => [id, String(index).padStart(4, '0')]))
  const shown = key.materials.filter(
    (material) => all || (material.rotatedAt && isPermanent(material)),
  )
  const { items, rest } = page(
    context,
    input,
    shown,
    DEFAULT_LIMIT,
    ({ id }) => order.get(id) ?? '',
  )
  return { Rotations: items.map((material) => rotationEntry(key, material)), ...rest }
}

/** The rotation of key material within one key. */
export const rotationHandlers: Handlers = {
  RotateKeyOnDemand: rotateKeyOnDemand,
  GetKeyRotationStatus: getKeyRotationStatus,
  ListKeyRotations: listKeyRotations,
  EnableKeyRotation: (context, input) => {
    openForAutomaticRotation(context, input).automatic = {
      days: input.number('RotationPeriodInDays') ?? DEFAULT_PERIOD,
      from: context.account.now(),
    }
    return {}
  },
  DisableKeyRotation: (context, input) => {
    openForAutomaticRotation(context, input).automatic = undefined
    return {}
  },
}
