import type { Engine } from '../engine.js'
import { versionsBehind } from '../reconcile/behind.js'
import { readAllRecords, type ProviderDistribution } from '../records/all-records.js'
import { isOver } from '../records/archive.js'
import { expiringIn } from '../records/expiry.js'
import { lastDeletion } from '../records/kms-keys.js'
import type { DistributionRecord, KeyRecord } from '../records/model.js'
import { monthlyCost } from '../records/monthly-cost.js'
import { nextRotation } from '../records/rotation-age.js'
import type { UncheckedRecord } from '../records/unchecked-record.js'

/** A distribution, according to its record. */
export interface DistributionStatus {
  /** Name of the provider. */
  readonly providerName: string
  /** The record, with the state of each KMS key. */
  readonly record: DistributionRecord
  /** The versions that it lacks, ascending. */
  readonly behind: readonly number[]
  /**
   * The time at which its first material expires, in RFC 3339; undefined if no material expires.
   */
  readonly expires: string | undefined
  /**
   * The latest date on which AWS deletes one of its KMS keys; undefined if AWS has named no date.
   */
  readonly deletionDate: string | undefined
  /** AWS's monthly charge for its KMS keys, in US dollars. */
  readonly monthlyCost: number
}

/** A key, and all of its distributions. */
export interface KeyStatus {
  /** The record of the key. */
  readonly key: KeyRecord
  /** Seconds since its latest version was created. */
  readonly age: number
  /** The time of its next rotation; undefined if the key has no period. */
  readonly nextRotation: Date | undefined
  /** The distributions, and the removed ones that can still be restored. */
  readonly distributions: readonly DistributionStatus[]
}

/** All keys, by name, and the records that could not be read. */
export interface DetailedStatus {
  /** The keys. */
  readonly keys: readonly KeyStatus[]
  /** The records. */
  readonly unchecked: readonly UncheckedRecord[]
}

/**
 * Returns every key and distribution, from the records alone. A damaged record hides no other one.
 * @throws KeymgmtError STORE_SEALED, STORE_UNAVAILABLE
 */
export async function readDetailedStatus(engine: Engine): Promise<DetailedStatus> {
  const { keys, distributionsOf, unchecked } = await readAllRecords(engine, { archived: true })
  const now = engine.now()
  return { keys: keys.map((key) => keyStatus(key, distributionsOf(key), now)), unchecked }
}

/** PURE: returns the status of a key from the records. */
export function keyStatus(
  key: KeyRecord,
  distributions: readonly ProviderDistribution[],
  now: Date,
): KeyStatus {
  const { latestVersion, versions, id } = key
  const created = versions[latestVersion]?.creationTime ?? now.toISOString()
  return {
    key,
    age: Math.max(0, Math.floor((now.getTime() - Date.parse(created)) / 1000)),
    nextRotation: nextRotation(key),
    distributions: distributions
      .filter(({ record }) => record.keyId === id)
      .filter(({ record }) => record.state !== 'removed' || !isOver(record, now))
      .map((each) => distributionStatus(key, each)),
  }
}

function distributionStatus(
  key: KeyRecord,
  { providerName, record }: ProviderDistribution,
): DistributionStatus {
  return {
    providerName,
    record,
    behind: versionsBehind(key, record),
    expires: expiringIn(record)[0]?.expires,
    deletionDate: lastDeletion(record),
    monthlyCost: monthlyCost(record),
  }
}
