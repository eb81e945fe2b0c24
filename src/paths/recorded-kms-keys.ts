import { aliasName } from '../core/records/alias-names.js'
import {
  createdKmsKeyAt,
  createdKmsKeys,
  primaryRegion,
  recordedState,
  versionsIn,
} from '../core/records/kms-keys.js'
import type { DistributionRecord, KmsKeyEntry } from '../core/records/model.js'
import type { Json } from '../router/values.js'

/**
 * PURE: returns the last recorded state of a distribution in AWS, for other tools: the ARN that
 * applications use, the alias, the Regions and every KMS key.
 */
export function recordedKmsKeys(record: DistributionRecord): Record<string, Json> {
  const arn = arnInUse(record)
  return {
    ...(arn !== undefined && { arn }),
    alias: aliasName(record.name),
    ...(record.customAlias !== undefined && { custom_alias: record.customAlias }),
    regions: record.regions,
    state: record.state,
    kms_keys: record.kmsKeys.map((entry) => kmsKeyData(entry, record)),
    ...(record.observedAt !== undefined && { as_of: record.observedAt }),
  }
}

/**
 * Returns the ARN of the primary KMS key that the alias points to; without an alias, the ARN of the
 * latest version; undefined without a KMS key.
 */
function arnInUse(record: DistributionRecord): string | undefined {
  const [home = ''] = record.regions
  const versions = [
    ...record.aliases.flatMap((alias) =>
      alias.state === 'set' && alias.region === home && alias.name === aliasName(record.name)
        ? [alias.version]
        : [],
    ),
    ...createdKmsKeys(record)
      .map(({ version }) => version)
      .reverse(),
  ]
  return versions
    .map((version) => createdKmsKeyAt(record, version, primaryRegion(record, version))?.key.arn)
    .find((arn) => arn !== undefined)
}

function kmsKeyData(entry: KmsKeyEntry, { rotation }: DistributionRecord): Record<string, Json> {
  const { version, region } = entry
  const { id, arn } = entry.state === 'creating' ? { id: null, arn: null } : entry.key
  const date = entry.state === 'created' ? entry.deletion?.date : undefined
  return {
    version,
    ...(rotation && entry.state !== 'creating' && { versions: versionsIn(entry, rotation) }),
    region,
    kms_key: id,
    arn,
    state: recordedState(entry),
    ...(date !== undefined && { deletion_date: date }),
  }
}
