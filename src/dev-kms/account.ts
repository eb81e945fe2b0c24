import { randomBytes } from 'node:crypto'
import { DEFAULT_ACCOUNT } from './default-account.js'
import {
  currentMaterial,
  isPermanent,
  pendingMaterial,
  type Key,
  type Material,
  type Region,
} from './state.js'

/** An AWS account: all of its Regions. */
export interface Account {
  /** 12 digits. */
  readonly id: string
  /** The clock by which material expires and keys are deleted. */
  readonly now: () => Date
  /**
   * The Region as it is now. Expirations, rotations and deletions that are due take effect first.
   */
  region(name: string): Region
  /** Every Region that a request has named, without what has become due since its last request. */
  readonly regions: ReadonlyMap<string, Region>
  /**
   * Authenticates import tokens and pagination markers (32 bytes): only this account and its copies
   * accept them.
   */
  readonly secret: Buffer
  /** SHA-256 (hex) of each used import token, and of the blob that was imported with it. */
  readonly usedTokens: Map<string, string>
}

/** Creates an account without keys. `id` has 12 digits. */
export function createAccount(
  now: () => Date = () => new Date(),
  id: string = DEFAULT_ACCOUNT,
): Account {
  return accountOf(id, now, randomBytes(32), new Map(), new Map())
}

/**
 * Copies an account: later changes of one do not affect the other. The copy accepts the import
 * tokens, markers and ciphertexts of the original.
 */
export function copyAccount(account: Account, now: () => Date = account.now): Account {
  const copied = structuredClone(account.regions)
  // structuredClone turns a Buffer into a plain Uint8Array.
  const buffer = (bytes: Buffer | undefined) => bytes && Buffer.from(bytes)
  for (const key of [...copied.values()].flatMap(({ keys }) => [...keys.values()])) {
    key.publicKey = buffer(key.publicKey)
    for (const material of key.materials) material.bytes = buffer(material.bytes)
  }
  return accountOf(
    account.id,
    now,
    Buffer.from(account.secret),
    new Map(copied),
    new Map(account.usedTokens),
  )
}

function accountOf(
  id: string,
  now: () => Date,
  secret: Buffer,
  regions: Map<string, Region>,
  usedTokens: Map<string, string>,
): Account {
  const account: Account = {
    id,
    now,
    secret,
    regions,
    usedTokens,
    region(name) {
      let region = regions.get(name)
      if (!region) {
        region = { name, account: id, keys: new Map(), aliases: new Map() }
        regions.set(name, region)
      }
      applyDueChanges(account)
      return region
    },
  }
  return account
}

/** Applies expirations, rotations and deletions that are due, in every Region. */
function applyDueChanges(account: Account): void {
  const now = account.now()
  for (const region of account.regions.values()) {
    for (const key of region.keys.values()) {
      expire(account, key, now)
      if (key.rotation && key.rotation.doneAt <= now.getTime()) finishRotation(account, key)
    }
  }
  // A primary's waiting period begins when its last replica is deleted.
  const isDue = (key: Key) => key.deletion?.at !== undefined && key.deletion.at <= now
  for (const region of account.regions.values()) {
    for (const key of region.keys.values()) if (isDue(key)) remove(account, region, key)
  }
}

function expire(account: Account, key: Key, now: Date): void {
  for (const material of key.materials) {
    if (material.bytes && material.validTo && material.validTo <= now)
      expireMaterial(account, key, material)
  }
}

/**
 * Erases a material's bytes. Material that is pending rotation is removed from the key and its
 * replicas. Other material stays associated: the key is unusable until the same bytes are imported
 * again.
 */
export function expireMaterial(account: Account, key: Key, material: Material): void {
  material.bytes?.fill(0)
  material.bytes = undefined
  material.validTo = undefined
  if (isPermanent(material)) return
  if (key.multiRegion && key.multiRegion.primary !== key.region) {
    updatePendingRotation(account, key)
    return
  }
  for (const relative of relatedKeys(account, key)) {
    relative.materials = relative.materials.filter(({ id }) => id !== material.id)
  }
}

/** The key itself or, for a multi-Region key, its primary and replicas. */
export function relatedKeys(account: Account, key: Key): Key[] {
  if (!key.multiRegion) return [key]
  const { primary, replicas } = key.multiRegion
  return [primary, ...replicas].flatMap(
    (region) => account.regions.get(region)?.keys.get(key.id) ?? [],
  )
}

/**
 * Updates the state of pending material in each Region: rotation needs its bytes in every replica.
 */
export function updatePendingRotation(account: Account, key: Key): void {
  const pending = relatedKeys(account, key).map(pendingMaterial)
  const everywhere = pending.every((material) => material?.bytes !== undefined)
  for (const material of pending)
    if (material)
      material.state = everywhere ? 'PENDING_ROTATION' : 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'
}

function finishRotation(account: Account, key: Key): void {
  key.rotation = undefined
  for (const relative of relatedKeys(account, key)) {
    const next = pendingMaterial(relative)
    const former = currentMaterial(relative)
    if (!next || !former) continue
    former.state = 'NON_CURRENT'
    next.state = 'CURRENT'
    next.rotatedAt = account.now()
  }
}

function remove(account: Account, region: Region, key: Key): void {
  region.keys.delete(key.id)
  for (const [name, { target }] of region.aliases)
    if (target === key.id) region.aliases.delete(name)
  if (!key.multiRegion || key.multiRegion.primary === region.name) return
  key.multiRegion.replicas.delete(region.name)
  updatePendingRotation(account, key)
  const primary = account.regions.get(key.multiRegion.primary)?.keys.get(key.id)
  if (primary?.deletion && key.multiRegion.replicas.size === 0)
    primary.deletion.at = deletionDate(account, primary.deletion.windowDays)
}

/** The end of a waiting period that begins now. */
export function deletionDate(account: Account, days: number): Date {
  return new Date(account.now().getTime() + days * 86_400_000)
}
