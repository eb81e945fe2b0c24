import { randomBytes, randomUUID } from 'node:crypto'
import { AwsError, invalidState } from './errors.js'
import type { Spec } from './key-specs.js'

export const ACCOUNT = '111122223333'

/** The stored material of a key. */
export interface Material {
  readonly bytes: Buffer
  readonly id: string
  readonly validTo: Date | undefined
}

/** A KMS key in one Region. */
export interface Key {
  readonly id: string
  readonly arn: string
  readonly region: string
  readonly keySpec: string
  readonly spec: Spec
  readonly usage: string
  readonly origin: string
  readonly created: Date
  readonly multiRegion: { readonly primary: string; readonly replicas: Set<string> } | undefined
  /** When a replica has come into being. */
  readonly readyAt: number
  description: string
  policy: string
  tags: Map<string, string>
  enabled: boolean
  material: Material | undefined
  /** Of whatever was imported first: nothing else ever may be. */
  materialId: string | undefined
  deletion: { windowDays: number; at: Date | undefined } | undefined
}

/** What one Region holds. */
export interface Region {
  readonly name: string
  readonly keys: Map<string, Key>
  /** By name, the id of the key. */
  readonly aliases: Map<string, { target: string; created: Date; updated: Date }>
}

/** All Regions of the account. */
export interface World {
  /** Its clock: material expires and keys are deleted by it. */
  readonly now: () => Date
  /** What is there now, after what time did to it. */
  region(name: string): Region
  /** Every Region that was spoken of, as it was left. */
  readonly regions: ReadonlyMap<string, Region>
  /** Import tokens are bound to it: what one world hands out, another doesn't take, unless it is a copy. */
  readonly secret: Buffer
}

/** An account without keys. */
export function createWorld(now: () => Date = () => new Date()): World {
  return worldOf(now, randomBytes(32), new Map())
}

/**
 * A deep copy: whatever happens in one doesn't in the other. Keys, materials, aliases, tags, import tokens and
 * ciphertexts of the one are those of the other.
 */
export function copyWorld(world: World, now: () => Date = world.now): World {
  const copied = structuredClone(world.regions)
  for (const region of copied.values()) {
    for (const key of region.keys.values()) {
      // A structured clone has forgotten that these bytes were a Buffer.
      if (key.material) key.material = { ...key.material, bytes: Buffer.from(key.material.bytes) }
    }
  }
  return worldOf(now, Buffer.from(world.secret), new Map(copied))
}

function worldOf(now: () => Date, secret: Buffer, regions: Map<string, Region>): World {
  const world: World = {
    now,
    secret,
    regions,
    region(name) {
      let region = regions.get(name)
      if (!region) {
        region = { name, keys: new Map(), aliases: new Map() }
        regions.set(name, region)
      }
      age(world, region)
      return region
    },
  }
  return world
}

/** Time passes when somebody looks: material expires, and keys whose waiting period is over go, with their aliases. */
function age(world: World, region: Region): void {
  const now = world.now()
  for (const key of region.keys.values()) {
    if (key.material?.validTo && key.material.validTo <= now) key.material = undefined
    if (key.deletion?.at && key.deletion.at <= now) remove(world, region, key)
  }
}

function remove(world: World, region: Region, key: Key): void {
  region.keys.delete(key.id)
  for (const [name, { target }] of region.aliases) if (target === key.id) region.aliases.delete(name)
  if (!key.multiRegion || key.multiRegion.primary === region.name) return
  key.multiRegion.replicas.delete(region.name)
  const primary = world.region(key.multiRegion.primary).keys.get(key.id)
  if (primary?.deletion && key.multiRegion.replicas.size === 0) primary.deletion.at = deletionDate(world, primary.deletion.windowDays)
}

/** When a waiting period that begins now is over. */
export function deletionDate(world: World, days: number): Date {
  return new Date(world.now().getTime() + days * 86_400_000)
}

export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}

export function arnOf(region: string, resource: string): string {
  return `arn:${partitionOf(region)}:kms:${region}:${ACCOUNT}:${resource}`
}

export function newKeyId(multiRegion: boolean): string {
  return multiRegion ? `mrk-${randomBytes(16).toString('hex')}` : randomUUID()
}

/** The KeyState of a key. */
export function stateOf(world: World, key: Key): string {
  if (world.now().getTime() < key.readyAt) return 'Creating'
  if (key.deletion) return key.deletion.at ? 'PendingDeletion' : 'PendingReplicaDeletion'
  if (!key.material) return 'PendingImport'
  return key.enabled ? 'Enabled' : 'Disabled'
}

/** The key that a management operation names, by id or ARN; an alias is refused there. */
export function findKey(world: World, region: Region, keyId: string): Key {
  if (/(^|:)alias\//.test(keyId)) throw new AwsError('NotFoundException', `Invalid keyId '${keyId}'`)
  const [, arnRegion, id] = /^arn:[^:]+:kms:([^:]*):\d*:key\/(.+)$/.exec(keyId) ?? []
  if (arnRegion !== undefined && arnRegion !== region.name) throw new AwsError('NotFoundException', `Invalid arn ${arnRegion}`)
  const key = world.region(region.name).keys.get(id ?? keyId)
  if (!key) throw new AwsError('NotFoundException', `Key '${id ? keyId : arnOf(region.name, `key/${keyId}`)}' does not exist`)
  return key
}

/** The key that a cryptographic operation names: an id, an ARN, or an alias in either form. */
export function findKeyOrAlias(world: World, region: Region, keyId: string): Key {
  const alias = /(?:^|:)(alias\/.+)$/.exec(keyId)?.[1]
  if (alias === undefined) return findKey(world, region, keyId)
  const target = region.aliases.get(alias)?.target
  if (target === undefined) throw new AwsError('NotFoundException', `Alias ${arnOf(region.name, alias)} is not found.`)
  return findKey(world, region, target)
}

const NEVER_IMPORTED = 'pending import because no key material has ever been imported or one of the imported key materials is deleted or expired'
const GOING = 'pending deletion (or pending replica deletion)'

/** What is said of a key that is in the wrong state. */
const STATE_WORDS: Readonly<Record<string, string>> = {
  Creating: 'creating',
  PendingDeletion: GOING,
  PendingReplicaDeletion: GOING,
  PendingImport: NEVER_IMPORTED,
}

/** Refuses a key in one of the `states`, in AWS's words. */
export function refuseStates(world: World, key: Key, ...states: readonly string[]): void {
  const state = stateOf(world, key)
  if (!states.includes(state)) return
  if (state === 'Disabled') throw new AwsError('DisabledException', `${key.arn} is disabled.`)
  throw invalidState(key.arn, STATE_WORDS[state] ?? state)
}

/** Refuses a key that is on its way out, or not there yet. */
export const GONE_OR_COMING = ['Creating', 'PendingDeletion', 'PendingReplicaDeletion'] as const
