import { randomBytes, randomUUID } from 'node:crypto'
import type { Spec } from './key-specs.js'

/** AWS's KeyMaterialState. Only symmetric keys have states other than CURRENT. */
export type MaterialState =
  'CURRENT' | 'NON_CURRENT' | 'PENDING_ROTATION' | 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'

/** Material that is associated with a key. Its bytes may be missing. */
export interface Material {
  readonly id: string
  /** Undefined after deletion or expiry, and in a replica until it is imported there. */
  bytes: Buffer | undefined
  validTo: Date | undefined
  description: string | undefined
  state: MaterialState
  /** The date of the rotation that made it current; undefined for the first material. */
  rotatedAt: Date | undefined
}

/** The Regions of a multi-Region key. Its primary and replicas share this object. */
export interface MultiRegion {
  primary: string
  readonly replicas: Set<string>
}

/** A grant. The embedded KMS records grants, but does not evaluate them. */
export interface Grant {
  readonly id: string
  readonly token: string
  readonly created: Date
  /** The members of CreateGrant that ListGrants repeats. */
  readonly members: Readonly<Record<string, unknown>>
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
  readonly multiRegion: MultiRegion | undefined
  /** The end of a replica's state `Creating`, in milliseconds since 1970. */
  readonly readyAt: number
  /** The end of the state `Updating`, in milliseconds since 1970. */
  updatingUntil: number
  description: string
  policy: string
  tags: Map<string, string>
  enabled: boolean
  /** All associated materials, oldest first. */
  materials: Material[]
  /** SubjectPublicKeyInfo DER. It outlives the material: AWS's GetPublicKey works without it. */
  publicKey: Buffer | undefined
  /** A rotation on demand in progress. `doneAt` is in milliseconds since 1970. */
  rotation: { readonly startedAt: Date; readonly doneAt: number } | undefined
  /** Settings of automatic rotation. The embedded KMS reports them, but never rotates by itself. */
  automatic: { readonly days: number; readonly from: Date } | undefined
  deletion: { windowDays: number; at: Date | undefined } | undefined
  readonly grants: Map<string, Grant>
  lastUsage:
    | {
        readonly operation: string
        readonly at: Date
        readonly requestId: string
        readonly eventId: string
      }
    | undefined
}

/** The keys and aliases of one Region. */
export interface Region {
  readonly name: string
  /** The account's 12 digits. */
  readonly account: string
  readonly keys: Map<string, Key>
  /** By name. `target` is the key's id. */
  readonly aliases: Map<string, { target: string; created: Date; updated: Date }>
}

/** The KeyState of a key. */
export type KeyState =
  | 'Creating'
  | 'Enabled'
  | 'Disabled'
  | 'PendingDeletion'
  | 'PendingReplicaDeletion'
  | 'PendingImport'
  | 'Updating'

export function newKeyId(multiRegion: boolean): string {
  return multiRegion ? `mrk-${randomBytes(16).toString('hex')}` : randomUUID()
}

/** True if the material is permanently associated with the key: not if it is pending rotation. */
export function isPermanent({ state }: Material): boolean {
  return state === 'CURRENT' || state === 'NON_CURRENT'
}

/** The material that encrypts. Its bytes may be missing. */
export function currentMaterial(key: Key): Material | undefined {
  return key.materials.find(({ state }) => state === 'CURRENT')
}

/** The material that is pending rotation, in either of the two pending states. */
export function pendingMaterial(key: Key): Material | undefined {
  return key.materials.find((material) => !isPermanent(material))
}

/**
 * The KeyState at `now`. A key is usable only while the bytes of all its permanent materials are
 * there.
 */
export function stateOf(now: Date, key: Key): KeyState {
  if (key.deletion) return key.deletion.at ? 'PendingDeletion' : 'PendingReplicaDeletion'
  if (now.getTime() < key.readyAt) return 'Creating'
  if (now.getTime() < key.updatingUntil) return 'Updating'
  const permanent = key.materials.filter(isPermanent)
  if (permanent.length === 0 || permanent.some(({ bytes }) => bytes === undefined))
    return 'PendingImport'
  return key.enabled ? 'Enabled' : 'Disabled'
}
