import type { Engine } from '../core/engine.js'
import { aliasName, versionAliasName } from '../core/records/alias-names.js'
import { keptPart } from '../core/records/dropped-regions.js'
import { createdKmsKeys, isInPlace, versionsIn } from '../core/records/kms-keys.js'
import type { CreatedKmsKey, DistributionRecord, KeyRecord } from '../core/records/model.js'
import { distributionsOf, requireKey, type NamedDistribution } from '../core/records/repository.js'
import { isTrimmed } from '../core/records/trimmed.js'
import type { Created } from '../router/path.js'

/** One KMS key, with the aliases that point to it. */
interface KmsKeyRow {
  readonly provider: string
  readonly region: string
  readonly version: number
  readonly kms_key: string
  readonly arn: string
  readonly alias?: string
  readonly alias_arn?: string
  readonly version_alias?: string
}

/**
 * Returns the latest version of a key and its KMS keys: all versions' KMS keys in one provider, or
 * the latest version's in all providers.
 */
export async function readCreated(
  engine: Engine,
  key: string,
  providerName?: string,
): Promise<Created> {
  const [handle, distributions] = await Promise.all([
    requireKey(engine, key),
    distributionsOf(engine, key),
  ])
  return createdOf(handle.current, distributions, providerName)
}

/** PURE: returns the result of {@link readCreated} from records. */
export function createdOf(
  key: KeyRecord,
  distributions: readonly NamedDistribution[],
  providerName?: string,
): Created {
  const { latestVersion } = key
  const rows = distributions
    .filter((named) => providerName === undefined || named.providerName === providerName)
    .flatMap((named) =>
      rowsOf(named).filter(({ version }) => !isTrimmed(key, named.distribution.current, version)),
    )
    .filter(({ version }) => providerName !== undefined || version === latestVersion)
  return {
    data: { version: latestVersion, kms_keys: rows.map((row) => ({ ...row })) },
    lines: rows.length === 0 ? [`version ${latestVersion}, in no provider`] : rows.map(lineOf),
  }
}

/**
 * PURE: returns the providers in which the KMS key of the alias has only the latest version,
 * because it is not rotated in place.
 */
export function providersOfLatest(
  { latestVersion }: KeyRecord,
  distributions: readonly NamedDistribution[],
): string[] {
  return distributions
    .filter(
      (named) =>
        !isInPlace(named.distribution.current) &&
        rowsOf(named).some(({ version, alias }) => version === latestVersion && alias),
    )
    .map(({ providerName }) => providerName)
}

function rowsOf({ providerName, distribution }: NamedDistribution): readonly KmsKeyRow[] {
  const record = distribution.current
  return createdKmsKeys(keptPart(record)).flatMap((entry) => {
    const names = aliasesTo(record, entry)
    const main = aliasName(record.name)
    const own = versionAliasName(record.name, entry.version)
    const { id, arn } = entry.key
    // A KMS key that is rotated in place has several versions, and encrypts with the latest.
    const version = versionsIn(entry, record.rotation).at(-1)
    if (version === undefined) return []
    return {
      provider: providerName,
      region: entry.region,
      version,
      kms_key: id,
      arn,
      ...(names.includes(main) && { alias: main, alias_arn: arn.replace(/key\/[^/]*$/, main) }),
      ...(names.includes(own) && { version_alias: own }),
    }
  })
}

function aliasesTo(
  { aliases }: DistributionRecord,
  { region, version }: CreatedKmsKey,
): readonly string[] {
  return aliases
    .filter((entry) => entry.region === region && 'version' in entry && entry.version === version)
    .map(({ name }) => name)
}

function lineOf({ provider, version, arn, alias, version_alias }: KmsKeyRow): string {
  return [`version ${version} in ${provider}: ${arn}`, alias, version_alias]
    .filter((part) => part !== undefined)
    .join(', ')
}
