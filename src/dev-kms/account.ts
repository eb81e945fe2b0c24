import { randomBytes } from 'node:crypto'
import { DEFAULT_ACCOUNT } from './arn.js'
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
  /** Its 12 digits. */
  readonly id: string
  /** Its clock: material expires and keys are deleted by it. */
  readonly now: () => Date
  /** What is there now, after what time did to it. */
  region(name: string): Region
  /** Every Region that was spoken of, as it was left. */
  readonly regions: ReadonlyMap<string, Region>
  /**
   * Import tokens and markers are bound to it: what one account hands out, another doesn't take,
   * unless it is a copy.
   */
  readonly secret: Buffer
  /** What was imported with each import token, so that none is used for two things. */
  readonly usedTokens: Map<string, string>
}

/** An account without keys. */
export function createAccount(
  now: () => Date = () => new Date(),
  id: string = DEFAULT_ACCOUNT,
): Account {
  return accountOf(id, now, randomBytes(32), new Map(), new Map())
}

/**
 * A deep copy: whatever happens in one doesn't in the other. Keys, materials, aliases, tags, import
 * tokens and ciphertexts of the one are those of the other.
 */
export function copyAccount(account: Account, now: () => Date = account.now): Account {
  const copied = structuredClone(account.regions)
  // A structured clone has forgotten which bytes were a Buffer.
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
      settle(account)
      return region
    },
  }
  return account
}

/** Time passes, in every Region, when somebody looks at one. */
function settle(account: Account): void {
  const now = account.now()
  for (const region of account.regions.values()) {
    for (const key of region.keys.values()) {
      expire(account, key, now)
      if (key.rotation && key.rotation.doneAt <= now.getTime()) finishRotation(account, key)
    }
  }
  // Replicas first: the waiting period of a primary only begins when its last replica has gone.
  const gone = (key: Key) => key.deletion?.at !== undefined && key.deletion.at <= now
  for (const region of account.regions.values()) {
    for (const key of region.keys.values()) if (gone(key)) remove(account, region, key)
  }
}

function expire(account: Account, key: Key, now: Date): void {
  for (const material of key.materials) {
    if (material.bytes && material.validTo && material.validTo <= now)
      expireMaterial(account, key, material)
  }
}

/**
 * Takes a material's bytes away. One that waits for its rotation is no longer the key's, nor its
 * replicas'; any other stays the key's, which can't be used until the same bytes are imported
 * again.
 */
export function expireMaterial(account: Account, key: Key, material: Material): void {
  material.bytes?.fill(0)
  material.bytes = undefined
  material.validTo = undefined
  if (isPermanent(material)) return
  if (key.multiRegion && key.multiRegion.primary !== key.region) {
    material.state = 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'
    settlePending(account, key)
    return
  }
  for (const relative of relatedKeys(account, key)) {
    relative.materials = relative.materials.filter(({ id }) => id !== material.id)
  }
}

/** The key itself and, of a multi-Region key, all that are related to it. */
export function relatedKeys(account: Account, key: Key): Key[] {
  if (!key.multiRegion) return [key]
  const { primary, replicas } = key.multiRegion
  return [primary, ...replicas].flatMap(
    (region) => account.regions.get(region)?.keys.get(key.id) ?? [],
  )
}

/** A primary's pending material can be rotated to once every replica has it. */
export function settlePending(account: Account, key: Key): void {
  const related = relatedKeys(account, key)
  const primary = related.find(({ region }) => region === key.multiRegion?.primary)
  const pending = primary && pendingMaterial(primary)
  if (!pending) return
  const everywhere = related.every((relative) => pendingMaterial(relative)?.bytes !== undefined)
  pending.state = everywhere ? 'PENDING_ROTATION' : 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'
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
  settlePending(account, key)
  const primary = account.regions.get(key.multiRegion.primary)?.keys.get(key.id)
  if (primary?.deletion && key.multiRegion.replicas.size === 0)
    primary.deletion.at = deletionDate(account, primary.deletion.windowDays)
}

/** When a waiting period that begins now is over. */
export function deletionDate(account: Account, days: number): Date {
  return new Date(account.now().getTime() + days * 86_400_000)
}
