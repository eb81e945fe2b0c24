import { constants, publicEncrypt, createPublicKey, randomBytes } from 'node:crypto'
import { AwsError } from '../../src/dev-kms/errors.js'
import { keyOfAlias, type Model } from './model.js'
import type { Change } from './steps.js'
import type { World } from './world.js'

/** A KMS key that somebody else changes, with the call that does it. */
type Changed = ReturnType<Model['kmsKeys']> extends Generator<infer Found> ? Found : never
type Call = (operation: string, input: object, region?: string) => Promise<Record<string, unknown>>

/** The changes of KMS keys. Those of aliases are below. */
const OF_KMS_KEYS: Readonly<
  Record<
    Exclude<Change, 'move an alias' | 'delete an alias'>,
    (call: Call, at: Changed, world: World) => Promise<unknown>
  >
> = {
  disable: (call, { key }) => call('DisableKey', { KeyId: key.arn }),
  'schedule deletion': (call, { key }) =>
    call('ScheduleKeyDeletion', { KeyId: key.arn, PendingWindowInDays: 7 }),
  'delete for good': async (call, { key }, { machine }) => {
    await call('ScheduleKeyDeletion', { KeyId: key.arn, PendingWindowInDays: 7 })
    machine.nowMs += 8 * 86_400_000
  },
  'delete material': (call, { key }) => call('DeleteImportedKeyMaterial', { KeyId: key.arn }),
  'rotate to other material': async (call, { key }) => {
    const KeyId = key.arn
    const parameters = await call('GetParametersForImport', {
      KeyId,
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_4096',
    })
    const publicKey = createPublicKey({
      key: Buffer.from(String(parameters.PublicKey), 'base64'),
      format: 'der',
      type: 'spki',
    })
    const wrapped = publicEncrypt(
      { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
      randomBytes(32),
    )
    await call('ImportKeyMaterial', {
      KeyId,
      ImportToken: parameters.ImportToken,
      EncryptedKeyMaterial: wrapped.toString('base64'),
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
      ImportType: 'NEW_KEY_MATERIAL',
    })
    await call('RotateKeyOnDemand', { KeyId })
  },
  'move the primary': (call, { key }) =>
    call('UpdatePrimaryRegion', {
      KeyId: key.id,
      PrimaryRegion: [...(key.multiRegion?.replicas ?? [])][0] ?? key.region,
    }),
  'change the description': (call, { key }) =>
    call('UpdateKeyDescription', { KeyId: key.arn, Description: 'somebody else' }),
  'change tags': (call, { key }) =>
    call('UntagResource', { KeyId: key.arn, TagKeys: ['keymgmt:store'] }),
}

/** Somebody else changes something in AWS. What AWS refuses is not changed. */
export async function change(
  world: World,
  model: Model,
  { change: name, pick }: { readonly change: Change; readonly pick: number },
): Promise<void> {
  const found = [...model.kmsKeys()]
  const at = found[pick % found.length]
  if (!at) return
  const call: Call = (operation, input, region = at.region) =>
    world.aws.call(at.account.id, region, operation, input)
  try {
    if (name === 'move an alias' || name === 'delete an alias')
      await changeAlias(name, call, at, model)
    else {
      model.touch(at.region, at.key, name)
      await OF_KMS_KEYS[name](call, at, world)
    }
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
  }
}

async function changeAlias(
  name: Change,
  call: Call,
  { account, region, key }: Changed,
  model: Model,
): Promise<void> {
  const [AliasName] =
    [...account.region(region).aliases].find(
      ([alias, { target }]) =>
        alias.startsWith('alias/hashicorp/') &&
        model.uses.get(`${region} ${target}`)?.takenDown.size === 0,
    ) ?? []
  if (AliasName === undefined) return
  if (name === 'delete an alias') {
    await call('DeleteAlias', { AliasName })
    return
  }
  model.movedAliases.add(keyOfAlias(AliasName))
  await call('UpdateAlias', { AliasName, TargetKeyId: key.id })
}
