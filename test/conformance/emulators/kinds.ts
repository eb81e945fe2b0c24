import { KEY_TYPE_NAMES, KeymgmtError, type KeyTypeName } from '../../../src/index.js'
import { KEY_TYPES } from '../../../src/crypto/key-types.js'
import type { Purpose } from '../../../src/kms/kms-key.js'
import { assertSupported } from '../../../src/kms/aws/key-specs.js'

/** A key type with a purpose that AWS KMS has for it. */
export interface Kind {
  readonly type: KeyTypeName
  readonly purpose: readonly Purpose[]
}

const PURPOSES: readonly (readonly Purpose[])[] = [
  ['decrypt', 'encrypt'],
  ['sign', 'verify'],
  ['derive'],
]

/** Every kind that our provider supports. */
export const KINDS: readonly Kind[] = KEY_TYPE_NAMES.flatMap((type) =>
  PURPOSES.filter((purpose) => isSupported(type, purpose)).map((purpose) => ({ type, purpose })),
)

/** One kind of each type. */
export const FIRST_KINDS: readonly Kind[] = KEY_TYPE_NAMES.map(kindOf)

/**
 * One kind for each way in which AWS treats material. Later operations do not depend on the size of
 * the key.
 */
export const FAMILIES: readonly Kind[] = (
  ['aes256-gcm96', 'rsa-2048', 'ecdsa-p256', 'ed25519', 'hmac-sha256'] as const
).map(kindOf)

/** The first kind of a type. */
export function kindOf(type: KeyTypeName): Kind {
  const kind = KINDS.find((each) => each.type === type)
  if (!kind) throw new Error(`AWS KMS has no purpose for ${type}`)
  return kind
}

/** A kind in words. */
export function nameOf({ type, purpose }: Kind): string {
  return `${type} for ${purpose.join(',')}`
}

function isSupported(type: KeyTypeName, purpose: readonly Purpose[]): boolean {
  try {
    assertSupported(type, purpose, 'hsm', 'us-west-1')
    return true
  } catch (error) {
    if (error instanceof KeymgmtError && error.code === 'UNSUPPORTED_BY_KMS') return false
    throw error
  }
}

const made = new Map<string, Promise<Uint8Array>>()

/**
 * Returns material of the type: the same for the same `label`, because generating RSA keys takes
 * long.
 */
export function materialOf(type: KeyTypeName, label: 'ours' | 'other'): Promise<Uint8Array> {
  const key = `${type} ${label}`
  const material = made.get(key) ?? KEY_TYPES[type].generate()
  made.set(key, material)
  return material
}
