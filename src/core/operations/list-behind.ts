import type { Engine } from '../engine.js'
import { versionsBehind } from '../reconcile/behind.js'
import type { DistributionRecord, KeyRecord } from '../records/model.js'
import { distributionsOf } from '../records/repository.js'

/** A distribution that lacks versions. */
export interface BehindDistribution {
  /** Name of the provider. */
  readonly providerName: string
  /** The versions that it lacks, ascending. */
  readonly versions: readonly number[]
  /**
   * The reason why it lacks them, and since when (RFC 3339); undefined if no command has failed
   * there.
   */
  readonly behind: { readonly since: string; readonly reason: string } | undefined
}

/**
 * Returns the distributions of the key that are behind, according to the records. Sends nothing to
 * AWS.
 */
export async function listBehind(engine: Engine, key: KeyRecord): Promise<BehindDistribution[]> {
  return (await distributionsOf(engine, key.name)).flatMap(
    ({ providerName, distribution }) => behindIn(key, providerName, distribution.current) ?? [],
  )
}

/** PURE: returns the distribution if it is behind. */
export function behindIn(
  key: KeyRecord,
  providerName: string,
  record: DistributionRecord,
): BehindDistribution | undefined {
  const versions = versionsBehind(key, record)
  return versions.length > 0 ? { providerName, versions, behind: record.behind } : undefined
}
