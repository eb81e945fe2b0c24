import { KeymgmtError } from '../../errors.js'
import { kindOf, type Engine } from '../engine.js'
import { newestVersion } from '../reconcile/plan.js'
import { createdKmsKeys, isInPlace } from '../records/kms-keys.js'
import {
  MAX_ROTATIONS,
  type DistributionRecord,
  type KeyRecord,
  type KmsRecord,
} from '../records/model.js'
import type { NamedDistribution } from '../records/repository.js'
import type { DistributionRequest } from './distribute.js'

/**
 * Refuses settings that rotation in place does not allow.
 * @throws KeymgmtError UNSUPPORTED_BY_KMS, FIELD_INVALID, KMS_LIMIT
 */
export async function assertRotation(
  engine: Engine,
  provider: KmsRecord,
  key: KeyRecord,
  { purpose, rotation, versionAliases }: DistributionRequest & Pick<DistributionRecord, 'purpose'>,
  existing: DistributionRecord | undefined,
): Promise<void> {
  if ((rotation ?? existing?.rotation ?? 'alias') === 'alias') return
  await kindOf(engine, provider).assertRotatable(key.type)
  if (versionAliases)
    throw new KeymgmtError(
      'FIELD_INVALID',
      "version_aliases can't be used with rotation=in_place: one KMS key has all versions",
      { hints: ['leave version_aliases out, or use rotation=alias'] },
    )
  const oldest = Math.max(1, key.minEnabledVersion)
  const rotations = newestVersion(key) - oldest
  if (existing || rotations <= MAX_ROTATIONS) return
  throw new KeymgmtError(
    'KMS_LIMIT',
    `${key.name} has ${rotations + 1} enabled versions, and AWS allows ${MAX_ROTATIONS} rotations in place in the life of a KMS key: it can have ${MAX_ROTATIONS + 1} of them`,
    {
      hints: [
        `leave the oldest ones out: keymgmt write keymgmt/key/${key.name} min_enabled_version=${newestVersion(key) - MAX_ROTATIONS}`,
        `or give each version its own KMS key: keymgmt write keymgmt/kms/${provider.name}/key/${key.name} purpose=${purpose.join(',')} rotation=alias`,
      ],
    },
  )
}

/**
 * Refuses a change of `min_enabled_version` that would have no effect in AWS.
 * @throws KeymgmtError FIELD_INVALID if every distribution of the key is rotated in place.
 */
export function assertDisabling(
  key: KeyRecord,
  minimum: number,
  distributions: readonly NamedDistribution[],
): void {
  const records = distributions.map(({ distribution }) => distribution.current)
  if (minimum === key.minEnabledVersion || records.length === 0) return
  if (!records.every(isInPlace)) return
  throw new KeymgmtError(
    'FIELD_INVALID',
    `min_enabled_version has no effect on ${key.name}: every distribution of it is rotated in place, and AWS disables a KMS key only with all of its versions`,
    {
      hints: [
        `to make all versions unusable, until they are restored: keymgmt write -f keymgmt/kms/${distributions[0]?.providerName ?? ''}/key/${key.name}/revoke`,
      ],
    },
  )
}

/** Reports the versions that stay enabled because their KMS key is rotated in place. */
export function reportNotApplicable(
  engine: Engine,
  { minEnabledVersion }: KeyRecord,
  distributions: readonly NamedDistribution[],
): void {
  for (const { providerName, distribution } of distributions.filter((named) =>
    isInPlace(named.distribution.current),
  ))
    for (const { region, materials } of createdKmsKeys(distribution.current))
      for (const { version } of materials.filter((each) => each.version < minEnabledVersion))
        engine.outcome({
          provider: providerName,
          region,
          version,
          action: 'disable',
          state: 'not-applicable',
          reason: 'it is rotated in place: AWS disables a KMS key only with all of its versions',
          nextStep: 'nothing to do: applications encrypt with the latest version',
        })
}
