import { randomBytes, randomUUID } from 'node:crypto'
import type { Spec } from './key-specs.js'

/**
 * Where one material of a symmetric key stands in its rotations; that of any other key is always
 * CURRENT.
 */
export type MaterialState =
  'CURRENT' | 'NON_CURRENT' | 'PENDING_ROTATION' | 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'

/** A material that belongs to a key, whether its bytes are there or not. */
export interface Material {
  readonly id: string
  /** Gone when it was deleted or has expired, and in a replica until it is imported there. */
  bytes: Buffer | undefined
  validTo: Date | undefined
  description: string | undefined
  state: MaterialState
  /** When a rotation made it current; never for the first one. */
  rotatedAt: Date | undefined
}

/** What a multi-Region key's primary and replicas share. */
export interface MultiRegion {
  primary: string
  readonly replicas: Set<string>
}

/** A grant. It is a record: it allows nothing, for nothing here asks for it. */
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
  /** When a replica has come into being. */
  readonly readyAt: number
  /** Until when a change of the primary Region goes on. */
  updatingUntil: number
  description: string
  policy: string
  tags: Map<string, string>
  enabled: boolean
  /** Of every material that belongs to it, in the order in which they came. */
  materials: Material[]
  /** SubjectPublicKeyInfo, kept when the material goes: AWS answers GetPublicKey then. */
  publicKey: Buffer | undefined
  /** A rotation on demand that goes on in the background. */
  rotation: { readonly startedAt: Date; readonly doneAt: number } | undefined
  /** Where automatic rotation is on, how often and since when. It is told, and not done. */
  automatic: { readonly days: number; readonly from: Date } | undefined
  deletion: { windowDays: number; at: Date | undefined } | undefined
  readonly grants: Map<string, Grant>
  lastUsage:
    { readonly operation: string; readonly at: Date; readonly requestId: string } | undefined
}

/** What one Region holds. */
export interface Region {
  readonly name: string
  /** The 12 digits of the account that it belongs to. */
  readonly account: string
  readonly keys: Map<string, Key>
  /** By name, the id of the key. */
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

/** Whether the material is tied to the key for good: one that waits for its rotation isn't yet. */
export function isPermanent({ state }: Material): boolean {
  return state === 'CURRENT' || state === 'NON_CURRENT'
}

/** The material that encrypts, whether its bytes are there or not. */
export function currentMaterial(key: Key): Material | undefined {
  return key.materials.find(({ state }) => state === 'CURRENT')
}

/** The material that waits for its rotation, in either of the two states for that. */
export function pendingMaterial(key: Key): Material | undefined {
  return key.materials.find((material) => !isPermanent(material))
}

/**
 * The KeyState at `now`. A key can be used once everything that belongs to it for good is there.
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
