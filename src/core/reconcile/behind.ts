import { aliasName } from '../records/alias-names.js'
import { createdKmsKeyAt, currentVersion, isInPlace } from '../records/kms-keys.js'
import type { DistributionRecord, KeyRecord } from '../records/model.js'
import { newestVersion, plan, type Step } from './plan.js'

/** The actions that add a version to a distribution. */
const VERSION_ACTIONS: ReadonlySet<Step['action']> = new Set([
  'create',
  'replicate',
  'import',
  'rotate',
  'point-alias',
])

/** PURE: returns the version that a step adds to a distribution; undefined for any other step. */
export function versionAddedBy(step: Step): number | undefined {
  return VERSION_ACTIONS.has(step.action) && 'version' in step ? step.version : undefined
}

/**
 * PURE: returns the versions that an active distribution lacks in a Region, or that its alias does
 * not point to yet, ascending. A removed or revoked distribution lacks none, and lost KMS keys do
 * not count.
 */
export function versionsBehind(key: KeyRecord, distribution: DistributionRecord): number[] {
  if (distribution.state !== 'active') return []
  const lacking = plan(key, distribution)
    .flat(2)
    .flatMap((step) => versionAddedBy(step) ?? [])
  return [...new Set(lacking)].sort((one, other) => one - other)
}

/** PURE: true if the distribution lacks a version. */
export function isBehind(key: KeyRecord, distribution: DistributionRecord): boolean {
  return versionsBehind(key, distribution).length > 0
}

/**
 * PURE: true if the alias points to the newest version in any Region, so that applications may use
 * that version.
 */
export function servesNewest(key: KeyRecord, distribution: DistributionRecord): boolean {
  return distribution.aliases.some((alias) => {
    if (alias.name !== aliasName(distribution.name) || alias.state !== 'set') return false
    const entry = createdKmsKeyAt(distribution, alias.version, alias.region)
    const served = isInPlace(distribution) ? entry && currentVersion(entry) : alias.version
    return served === newestVersion(key)
  })
}
