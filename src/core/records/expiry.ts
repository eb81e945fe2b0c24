import { durationMs, durationText } from '../../duration.js'
import { KeymgmtError } from '../../errors.js'
import { keptPart } from './dropped-regions.js'
import { createdKmsKeys } from './kms-keys.js'
import {
  without,
  type DistributionRecord,
  type Expiry,
  type KmsKeyPlace,
  type MaterialEntry,
} from './model.js'

/** The longest time from an import to the expiry that AWS accepts. */
export const MAX_TTL = '365d'

/** An expiry that a user asks for. At most one of the two is set. */
export interface ExpiryRequest {
  /** Seconds from each import to its expiry; 0 for no expiry. */
  readonly ttl?: number | undefined
  /** The time of the expiry. */
  readonly validTo?: Date | undefined
}

/** A requested expiry. Without `expiry`, the material is to become permanent. */
export interface RequestedExpiry {
  readonly expiry?: Expiry
}

/**
 * PURE: returns the requested expiry; undefined if the request does not mention one.
 * @throws KeymgmtError FIELD_INVALID if both fields are set, or if AWS does not accept the time.
 */
export function requestedExpiry(
  { ttl, validTo }: ExpiryRequest,
  now: Date,
): RequestedExpiry | undefined {
  if (ttl !== undefined && validTo !== undefined)
    throw new KeymgmtError('FIELD_INVALID', 'ttl and valid_to exclude each other', {
      hints: ['ttl counts from each import; valid_to is a fixed end'],
    })
  if (ttl === 0) return {}
  if (ttl === undefined && validTo === undefined) return undefined
  const expiry = validTo ? { validTo: endOf(validTo) } : { ttl: ttl ?? 0 }
  const ahead = Number(expiryAt({ expiry }, undefined, now)) - now.getTime()
  if (ahead <= 0) throw refusedError(expiry, 'has passed')
  if (ahead > LONGEST_MS) throw refusedError(expiry, `is more than ${MAX_TTL} ahead`)
  return { expiry }
}

const LONGEST_MS = durationMs(MAX_TTL) ?? 0

/** AWS stores whole seconds. */
function endOf(validTo: Date): string {
  return new Date(Math.floor(validTo.getTime() / 1_000) * 1_000).toISOString()
}

function refusedError(expiry: Expiry, problem: string): KeymgmtError {
  return new KeymgmtError('FIELD_INVALID', `the expiry ${expiryField(expiry)} ${problem}`, {
    hints: [`AWS accepts an expiry of at most ${MAX_TTL} from now; renew it before it ends`],
  })
}

/** A material that expires in one KMS key. */
export interface ExpiringMaterial extends KmsKeyPlace {
  /** Id of the KMS key. */
  readonly kmsKeyId: string
  /** Time of the expiry, in RFC 3339. It may have passed. */
  readonly expires: string
}

/**
 * PURE: returns the expiring material of an active distribution, the earliest first. Leaves out KMS
 * keys whose deletion is scheduled, and those in dropped Regions.
 */
export function expiringIn(record: DistributionRecord): ExpiringMaterial[] {
  if (record.state !== 'active') return []
  return createdKmsKeys(keptPart(record))
    .filter(({ deletion }) => deletion === undefined)
    .flatMap(({ region, key, materials }) =>
      materials.flatMap(({ version, validTo }) =>
        validTo === undefined ? [] : [{ version, region, kmsKeyId: key.id, expires: validTo }],
      ),
    )
    .sort((one, other) => compareTimes(one.expires, other.expires))
}

/** PURE: returns the time at which the first material of each version expires, in any Region. */
export function earliestByVersion(record: DistributionRecord): ReadonlyMap<number, string> {
  // The list is ascending, so read it backwards: the earliest expiry of a version then wins.
  return new Map(
    expiringIn(record)
      .reverse()
      .map(({ version, expires }) => [version, expires]),
  )
}

/**
 * Orders two times in the form that records have, in which the order of the texts is the order in
 * time.
 */
export function compareTimes(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}

/**
 * PURE: returns the time at which material that is imported at `now` is to expire; undefined for
 * never. AWS stores whole seconds.
 */
export function expiryAt(
  { expiry }: Pick<DistributionRecord, 'expiry'>,
  material: Pick<MaterialEntry, 'validTo' | 'stale'> | undefined,
  now: Date,
): Date | undefined {
  if (expiry && 'ttl' in expiry)
    return new Date((Math.floor(now.getTime() / 1_000) + expiry.ttl) * 1_000)
  // Adopted material keeps the expiry that it had, unless a renewal made it permanent.
  const validTo = expiry?.validTo ?? (material?.stale ? undefined : material?.validTo)
  return validTo === undefined ? undefined : new Date(validTo)
}

/**
 * PURE: returns the record with this expiry, undefined for never. Its plan imports all material
 * again.
 */
export function withExpiry(
  record: DistributionRecord,
  expiry: Expiry | undefined,
): DistributionRecord {
  return {
    ...without(record, 'expiry'),
    ...(expiry && { expiry }),
    kmsKeys: record.kmsKeys.map((entry) =>
      entry.state === 'creating'
        ? entry
        : { ...entry, materials: entry.materials.map((each) => ({ ...each, stale: true })) },
    ),
  }
}

/** PURE: true if both mean the same. */
export function isSameSetting(one: Expiry | undefined, other: Expiry | undefined): boolean {
  return expiryField(one) === expiryField(other)
}

/**
 * Returns the expiry as the field of a command, such as `ttl=30d`; `ttl=0` if there is no expiry.
 */
export function expiryField(expiry: Expiry | undefined): string {
  if (expiry === undefined) return 'ttl=0'
  return 'ttl' in expiry ? `ttl=${durationText(expiry.ttl)}` : `valid_to=${expiry.validTo}`
}

/** Returns the next step for material whose expiry has passed. */
export function expiredNextStep(providerName: string, key: string): string {
  return `to choose a new expiry (ttl=0 is none): ${renewCommand(providerName, key)}`
}

/** Returns the command that imports the material again, with a new expiry. */
export function renewCommand(providerName: string, key: string, field = 'ttl=30d'): string {
  return `keymgmt write keymgmt/kms/${providerName}/key/${key}/renew ${field}`
}
