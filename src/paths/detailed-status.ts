import type {
  DetailedStatus,
  DistributionStatus,
  KeyStatus,
} from '../core/operations/detailed-status.js'
import {
  createdKmsKeys,
  primaryRegion,
  recordedState,
  versionsIn,
} from '../core/records/kms-keys.js'
import { aliasName } from '../core/records/alias-names.js'
import { chosenPrimary } from '../core/records/primary-regions.js'
import type { DistributionRecord } from '../core/records/model.js'
import type { Json } from '../router/values.js'
import { recordedKmsKeys } from './recorded-kms-keys.js'

/** Returns all keys as data. */
export function detailedStatusData({ keys, unchecked }: DetailedStatus): Record<string, Json> {
  return {
    keys: keys.map(keyData),
    monthly_cost_usd: costOf(keys),
    unchecked: unchecked.map((each) => ({ ...each })),
  }
}

/** Returns AWS's monthly charge for the KMS keys of these keys, in US dollars. */
export function costOf(keys: readonly KeyStatus[]): number {
  return keys
    .flatMap(({ distributions }) => distributions)
    .reduce((sum, { monthlyCost }) => sum + monthlyCost, 0)
}

function keyData(status: KeyStatus): Record<string, Json> {
  const { key, age, nextRotation, distributions } = status
  return {
    name: key.name,
    type: key.type,
    latest_version: key.latestVersion,
    min_enabled_version: key.minEnabledVersion,
    ...(key.minAvailableVersion && { min_available_version: key.minAvailableVersion }),
    versions: Object.keys(key.versions).map(Number),
    age,
    ...(nextRotation && { next_rotation: nextRotation.toISOString() }),
    monthly_cost_usd: costOf([status]),
    distributions: distributions.map(distributionData),
  }
}

function distributionData(status: DistributionStatus): Record<string, Json> {
  const { providerName, record, behind, expires, deletionDate, monthlyCost } = status
  return {
    provider: providerName,
    ...recordedKmsKeys(record),
    ...primaryData(record),
    versions: versionsOf(record),
    ...(behind.length > 0 && { behind }),
    ...(expires !== undefined && { expires }),
    ...(deletionDate !== undefined && { deletion_date: deletionDate }),
    monthly_cost_usd: monthlyCost,
  }
}

/** Returns the Regions of the primaries, unless they are in the provider's Region. */
function primaryData(record: DistributionRecord): Record<string, Json> {
  const { primaryRegions, regions } = record
  const chosen = chosenPrimary(record)
  return {
    ...(chosen !== regions[0] && { primary_region: chosen }),
    ...(primaryRegions && { primary_regions: primaryRegions }),
  }
}

/** The versions that have a KMS key in any Region, ascending. */
function versionsOf(record: DistributionRecord): number[] {
  const versions = createdKmsKeys(record).flatMap((entry) => versionsIn(entry, record.rotation))
  return [...new Set(versions)].sort((one, other) => one - other)
}

const COLUMNS = [
  'Key',
  'Versions',
  'Age',
  'Next rotation',
  'Provider',
  'Regions',
  'State',
  'Expires',
  'Deletion',
  'Monthly',
  'Alias',
] as const
type Row = Readonly<Partial<Record<(typeof COLUMNS)[number], string>>>

/**
 * Returns a row for each distribution, and for each key that has none. Columns that would be empty
 * are left out.
 */
export function detailedStatusRows(keys: readonly KeyStatus[]): Record<string, string>[] {
  const rows = keys.flatMap(keyRows)
  const used = COLUMNS.filter((column) => rows.some((row) => row[column]))
  return rows.map((row) => Object.fromEntries(used.map((column) => [column, row[column] ?? ''])))
}

const SECONDS_PER_DAY = 86_400

function keyRows({ key, age, nextRotation, distributions }: KeyStatus): Row[] {
  const common: Row = {
    Key: key.name,
    Age: `${Math.floor(age / SECONDS_PER_DAY)}d`,
    ...(nextRotation && { 'Next rotation': dayOf(nextRotation.toISOString()) }),
  }
  if (distributions.length === 0)
    return [{ ...common, Versions: ranges(Object.keys(key.versions).map(Number)) }]
  return distributions.map(({ providerName, record, behind, expires, deletionDate, ...rest }) => ({
    ...common,
    Versions: ranges(versionsOf(record)),
    Provider: providerName,
    Regions: record.regions.map((region) => regionText(record, region)).join(', '),
    State: stateText(record, behind),
    ...(expires !== undefined && { Expires: dayOf(expires) }),
    ...(deletionDate !== undefined && { Deletion: dayOf(deletionDate) }),
    Monthly: `$${rest.monthlyCost}`,
    Alias: aliasName(record.name),
  }))
}

/** Returns the Region, with the versions whose primary is there if that is not the provider's. */
function regionText(record: DistributionRecord, region: string): string {
  const primaries = createdKmsKeys(record).filter(
    (entry) => entry.region === primaryRegion(record, entry.version),
  )
  const here = primaries.filter((entry) => entry.region === region)
  if (region === record.regions[0] || here.length === 0) return region
  if (here.length === primaries.length) return `${region} (primary)`
  return `${region} (primary of ${ranges(here.map(({ version }) => version))})`
}

const dayOf = (time: string) => time.slice(0, 'YYYY-MM-DD'.length)

/** The states of KMS keys that follow from the state of their distribution. */
const EXPECTED = { active: 'enabled', revoked: 'pending-import', removed: 'pending-deletion' }

/** The state of a distribution, and of its KMS keys whose state differs. */
function stateText(record: DistributionRecord, behind: readonly number[]): string {
  const counts = new Map<string, number>()
  for (const state of record.kmsKeys.map(recordedState))
    if (state !== EXPECTED[record.state]) counts.set(state, (counts.get(state) ?? 0) + 1)
  return [
    record.state,
    ...(behind.length > 0 ? [`lacks ${ranges(behind)}`] : []),
    ...[...counts].map(([state, count]) => `${count} ${state}`),
  ].join(', ')
}

/** Ascending numbers as text, such as `1-3, 5`. */
function ranges(numbers: readonly number[]): string {
  const runs: [first: number, last: number][] = []
  for (const number of numbers) {
    const run = runs.at(-1)
    if (run?.[1] === number - 1) run[1] = number
    else runs.push([number, number])
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ')
}
