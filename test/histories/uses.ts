import type { Account } from '../../src/dev-kms/account.js'
import { currentMaterial, isPermanent, stateOf, type Key } from '../../src/dev-kms/state.js'
import { KEY_TAG, VERSION_TAG } from '../../src/kms/kms-key.js'
import { consume, type Probe } from './consumers.js'
import type { StoreName } from './sites/site.js'
import type { Change } from './steps.js'
import type { World } from './world.js'

/** The ciphertexts and signatures that consumers have made with one KMS key. */
export interface Use {
  readonly account: string
  readonly region: string
  readonly id: string
  /** The name of the key that it belongs to. */
  readonly key: string
  /** The version, or the oldest one in it. */
  readonly version: number
  /** A probe for each material that was current, by the id of the material. */
  readonly probes: Map<string, Probe>
  /** The provider that a record names it under. */
  provider: string | undefined
  /** The copies of the store in which somebody asked to remove or revoke it. */
  readonly takenDown: Set<StoreName>
  /** True if its revocation has ended: `repair` then keeps it without material. */
  isRevoked: boolean
  /** The changes that somebody else made to it. */
  readonly touched: Set<Change>
  /** True if it has all versions of its key, one after the other. */
  isInPlace: boolean
  /** The time at which AWS deletes the first of its materials; undefined for never. */
  expires: Date | undefined
}

/** A KMS key that nobody has used yet. */
export function unused(
  account: Account,
  region: string,
  { id, tags }: Key,
  touched: Set<Change>,
): Use {
  return {
    account: account.id,
    region,
    id,
    key: tags.get(KEY_TAG) ?? '',
    version: Number(tags.get(VERSION_TAG)),
    probes: new Map(),
    provider: undefined,
    takenDown: new Set(),
    isRevoked: false,
    touched,
    isInPlace: false,
    expires: undefined,
  }
}

/** Notes when the first material expires, as long as the KMS key has all of them. */
export function noteExpiry(use: Use, { materials }: Key): void {
  const associated = materials.filter(isPermanent)
  if (associated.some(({ bytes }) => bytes === undefined)) return
  const ends = associated.flatMap(({ validTo }) => validTo?.getTime() ?? [])
  use.expires = ends.length > 0 ? new Date(Math.min(...ends)) : undefined
}

/**
 * Uses the KMS key with its current material, unless it was already used with that material or
 * can't be used.
 */
export async function useOnce(
  { aws }: World,
  { account: id, region, probes }: Use,
  key: Key,
): Promise<void> {
  const material = currentMaterial(key)
  if (!material || probes.has(material.id)) return
  if (stateOf(aws.account(id).now(), key) !== 'Enabled') return
  const call = (operation: string, input: object) => aws.call(id, region, operation, input)
  probes.set(material.id, await consume(call, key))
}

/**
 * Returns the reason why something that was encrypted or signed with the KMS key can't be decrypted
 * or verified.
 */
export async function brokenBy({ aws }: World, use: Use): Promise<string | undefined> {
  for (const { operation, input } of use.probes.values())
    try {
      await aws.call(use.account, use.region, operation, input)
    } catch (error) {
      return (error as Error).message
    }
  return undefined
}
