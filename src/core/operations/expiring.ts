import { inParallel } from '../../parallel.js'
import type { Engine } from '../engine.js'
import { compareTimes, expiringIn } from '../records/expiry.js'
import { recordPath, type DistributionRecord, type Expiry } from '../records/model.js'
import { listDistributions, readDistribution } from '../records/repository.js'
import { oneByOne, type ItemResult } from './one-by-one.js'
import { renewDistribution } from './renew.js'
import { uncheckedRecord, type UncheckedRecord } from '../records/unchecked-record.js'

/** A KMS key, with its replicas, whose material expires soon or has expired. */
export interface ExpiringKmsKey {
  /** Name of the key. */
  readonly key: string
  /** Name of the provider. */
  readonly providerName: string
  /** The Regions in which its material expires. */
  readonly regions: readonly string[]
  /** The version whose material expires first. */
  readonly version: number
  /** Id of the KMS key. */
  readonly kmsKeyId: string
  /** The time at which its first material expires, in any of the Regions, in RFC 3339. */
  readonly expires: string
  /** The expiry of the distribution; undefined if only adopted material has one. */
  readonly expiry: Expiry | undefined
}

/** The KMS keys whose material expires, the earliest first, and the records that can't be read. */
export interface ExpiringKmsKeys {
  /** The KMS keys. */
  readonly expiring: readonly ExpiringKmsKey[]
  /** The records. */
  readonly unchecked: readonly UncheckedRecord[]
}

/** The last day whose year has four digits, as in all records. */
const LAST_MS = Date.UTC(9999, 11, 31)

/** One distribution to renew. */
export type Renewable = Pick<ExpiringKmsKey, 'key' | 'providerName'>

/**
 * Returns the KMS keys of all providers whose material has expired, or expires within this time,
 * from the records alone. A damaged record hides no other.
 * @throws KeymgmtError STORE_SEALED, STORE_UNAVAILABLE
 */
export async function listExpiring(engine: Engine, withinMs: number): Promise<ExpiringKmsKeys> {
  const until = new Date(Math.min(engine.now().getTime() + withinMs, LAST_MS)).toISOString()
  const unchecked: UncheckedRecord[] = []
  const found = await inParallel(await listDistributions(engine), async ({ providerName, key }) => {
    try {
      const record = await readDistribution(engine, providerName, key)
      return record ? expiringKmsKeys({ key, providerName }, record, until) : []
    } catch (error) {
      unchecked.push(uncheckedRecord(recordPath.distribution(providerName, key), error))
      return []
    }
  })
  return { expiring: found.flat().sort(compareExpiring), unchecked }
}

/** PURE: returns the KMS keys of a distribution whose first material expires by `until`. */
function expiringKmsKeys(
  named: Renewable,
  record: DistributionRecord,
  until: string,
): ExpiringKmsKey[] {
  const materials = expiringIn(record).filter(({ expires }) => compareTimes(expires, until) <= 0)
  return [...new Set(materials.map(({ kmsKeyId }) => kmsKeyId))].map((kmsKeyId) => {
    const own = materials.filter((material) => material.kmsKeyId === kmsKeyId)
    const { version = 0, expires = '' } = own[0] ?? {}
    const regions = record.regions.filter((region) => own.some((each) => each.region === region))
    return { ...named, regions, version, kmsKeyId, expires, expiry: record.expiry }
  })
}

function compareExpiring(one: ExpiringKmsKey, other: ExpiringKmsKey): number {
  const nameOf = ({ key, providerName, version }: ExpiringKmsKey) =>
    `${key} ${providerName} ${String(version).padStart(8, '0')}`
  return compareTimes(one.expires, other.expires) || compareTimes(nameOf(one), nameOf(other))
}

/**
 * Renews each distribution among these KMS keys that has a `ttl`, one after the other. A failure
 * does not stop the others. A `valid_to` and the expiry of adopted material stay.
 */
export function renewExpiring(
  engine: Engine,
  expiring: readonly ExpiringKmsKey[],
): Promise<ItemResult<Renewable>[]> {
  const renewable = new Map(
    expiring
      .filter(({ expiry }) => expiry && 'ttl' in expiry)
      .map(({ key, providerName }) => [`${providerName}/${key}`, { key, providerName }]),
  )
  return oneByOne(engine, [...renewable.values()], (collecting, { key, providerName }) =>
    renewDistribution(collecting, providerName, key, {}),
  )
}
