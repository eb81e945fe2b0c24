import type { Engine } from '../core/engine.js'
import { behindIn, type BehindDistribution } from '../core/operations/list-behind.js'
import { listRemoved } from '../core/records/removed.js'
import type { ScheduledDeletion } from '../core/operations/remove.js'
import type { readInterruption } from '../core/operations/distribute.js'
import { archivedOf } from '../core/records/archive.js'
import { readDistribution, readKey } from '../core/records/repository.js'
import {
  createdKmsKeys,
  lastDeletion,
  primaryRegion,
  versionsIn,
} from '../core/records/kms-keys.js'
import {
  MAX_ROTATIONS,
  recordPath,
  ROTATIONS,
  type DistributionRecord,
  type KeyRecord,
} from '../core/records/model.js'
import { chosenPrimary } from '../core/records/primary-regions.js'
import { trimWays, waysForward } from '../core/records/takedown.js'
import { isTrimmed, withoutTrimmed } from '../core/records/trimmed.js'
import { PROTECTIONS, PURPOSES } from '../kms/kms-key.js'
import { boolean, listOf, oneOf, text } from '../router/fields.js'
import { definePath, type Response } from '../router/path.js'
import type { Json } from '../router/values.js'
import { settingFields, settingsData } from './key-settings.js'
import { readCreated } from './created.js'
import { expiryData, expiryFields } from './expiry.js'
import { describeLastUse } from './last-use.js'
import { recordedKmsKeys } from './recorded-kms-keys.js'
import { DELETION_WINDOW_FIELD } from './deletion-window.js'
import { explainRemoved } from './removed.js'

const NO_WRAPPING =
  'AWS KMS has neither wrap nor unwrap: to wrap the keys of your applications, use purpose=encrypt,decrypt'

/** LIST keymgmt/kms/:name/key */
export const kmsKeys = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key',
  synopsis: 'The keys that are distributed to a KMS provider.',
  description:
    'Lists the names of the keys. A warning names each removed distribution that can still be restored.\n\n    keymgmt list keymgmt/kms/example-kms/key',
  parameters: { name: 'Name of the provider.' },
  operations: {
    list: {
      summary: 'Lists the keys that are distributed to the provider.',
      run: async (engine, { name }) => ({
        data: { keys: await engine.store.list(recordPath.distributionsOf(name)) },
        warnings: (await listRemoved(engine, { providerName: name })).map(explainRemoved),
      }),
    },
  },
})

/** WRITE, READ, DELETE keymgmt/kms/:name/key/:key */
export const kmsKey = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key',
  synopsis: 'A distribution: one KMS key for each version of the key, and an alias for the latest.',
  description: [
    "Distributing a key imports each of its versions, and creates the alias alias/hashicorp/KEY-TIMESTAMP. Purpose and protection can't be changed.",
    '    keymgmt write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt protection=hsm',
    'Removing it deletes the alias and schedules the KMS keys for deletion. AWS cannot bring back a deleted symmetric KMS key, not even from its material. Until the deletion date, restore brings them back, and so does distributing the key again for the same purpose.',
    '    keymgmt delete keymgmt/kms/example-kms/key/app',
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/restore',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Distributes the key to the provider.',
      fields: {
        purpose: listOf("Uses of the key. A new distribution needs them. Can't be changed.", {
          choices: PURPOSES,
          example: 'encrypt,decrypt',
          unsupported: { wrap: NO_WRAPPING, unwrap: NO_WRAPPING },
        }),
        protection: oneOf(
          PROTECTIONS,
          "Protection of the key. AWS KMS has only hsm. Can't be changed.",
        ),
        version_aliases: boolean(
          'True to give each version its own alias too, which ends in /v1, /v2 and so on.',
        ),
        custom_alias: text(
          'Name of an additional alias of the latest version, such as alias/payments/app. Empty removes it.',
          { clearable: true },
        ),
        rotation: oneOf(
          ROTATIONS,
          "Kind of rotation. With alias, each version has its own KMS key, and the alias moves to the latest. With in_place, for symmetric keys, one KMS key gets all enabled versions, and its ARN stays the same. The default is alias. Can't be changed.",
        ),
        ...settingFields,
        ...expiryFields,
      },
      run: async (
        engine,
        { name, key },
        {
          purpose,
          protection = 'hsm',
          version_aliases: versionAliases,
          custom_alias: customAlias,
          rotation,
          ttl,
          valid_to: validTo,
          description,
          tags,
          policy,
          deletion_window: deletionWindow,
          allow_lockout: allowLockout,
        },
      ) => {
        const { distribute } = await import('../core/operations/distribute.js')
        await distribute(engine, name, key, {
          purpose,
          protection,
          versionAliases,
          customAlias,
          rotation,
          ttl,
          validTo,
          description,
          tags,
          policy,
          deletionWindow,
          allowLockout,
        })
        return { created: await readCreated(engine, key, name) }
      },
    },
    read: {
      summary: 'Returns the KMS keys and the alias, as they are on record.',
      run: async (engine, { name, key }) => {
        const { readInterruption } = await import('../core/operations/distribute.js')
        const [known, record, interruption] = await Promise.all([
          readKey(engine, key),
          readDistribution(engine, name, key),
          readInterruption(engine, name, key),
        ])
        if (!record) return describeRemoved(engine, name, known)
        const behind = known && behindIn(known, name, record)
        return {
          data: {
            ...distributionData(known ? withoutTrimmed(known, record) : record),
            ...recordedKmsKeys(record),
            ...(known && primaryData(known, record)),
            ...(known && trimmedData(known, record)),
            ...(behind && behindData(behind)),
          },
          warnings: interruption
            ? [explainInterruption(interruption, name, known ?? { name: key }, behind)]
            : [],
        }
      },
    },
    delete: {
      summary: 'Removes the alias and schedules the KMS keys for deletion.',
      fields: {
        deletion_window: DELETION_WINDOW_FIELD,
      },
      run: async (engine, { name, key }, { deletion_window }) => {
        const { removeDistribution } = await import('../core/operations/remove.js')
        const scheduled = await removeDistribution(engine, name, key, deletion_window)
        return scheduled.length > 0
          ? {
              observed: describeLastUse(scheduled),
              warnings: explainRemoval(scheduled, `keymgmt/kms/${name}/key/${key}`),
            }
          : undefined
      },
    },
  },
})

/** Returns the latest removed distribution that can still be restored. */
async function describeRemoved(
  engine: Engine,
  name: string,
  key: KeyRecord | undefined,
): Promise<Response | undefined> {
  const archived = key ? await archivedOf(engine, key, name) : []
  const removed = archived.find(({ gone }) => !gone)
  if (!key || !removed) return undefined
  const date = lastDeletion(removed.record)
  return {
    data: {
      ...distributionData(removed.record),
      ...recordedKmsKeys(removed.record),
      ...primaryData(key, removed.record),
      ...(date !== undefined && { deletion_date: date }),
    },
    warnings: [explainRemoved({ providerName: name, key: key.name, date })],
  }
}

function distributionData(record: DistributionRecord): Record<string, Json> {
  const { name, distributionTime, purpose, protection, rotation } = record
  const { versionAliases, droppedRegions } = record
  const entries = createdKmsKeys(record).filter(
    ({ version, region }) => region === primaryRegion(record, version),
  )
  const ids = entries.flatMap((entry) =>
    versionsIn(entry, rotation).map((version) => [String(version), entry.key.id] as const),
  )
  const [used] = entries.flatMap(({ rotations }) => rotations ?? [])
  return {
    distribution_time: distributionTime,
    name,
    protection,
    purpose: purpose.join(','),
    versions: Object.fromEntries(ids),
    ...(versionAliases && { version_aliases: versionAliases }),
    ...(rotation && {
      rotation,
      rotations_used: used ?? 0,
      rotations_left: Math.max(0, MAX_ROTATIONS - (used ?? 0)),
    }),
    ...(droppedRegions && { dropped_regions: droppedRegions }),
    ...settingsData(record),
    ...expiryData(record),
  }
}

/** Returns the Region for the primaries of a multi-Region key, and those that are elsewhere. */
function primaryData(key: KeyRecord, record: DistributionRecord): Record<string, Json> {
  if (key.replicaRegions.length === 0) return {}
  const { primaryRegions } = record
  return {
    primary_region: chosenPrimary(record),
    ...(primaryRegions && { primary_regions: primaryRegions }),
  }
}

/** Returns the KMS keys of the trimmed versions, by version. */
function trimmedData(key: KeyRecord, record: DistributionRecord): Record<string, Json> {
  const [primary] = record.regions
  const trimmed = createdKmsKeys(record).filter(
    ({ version, region }) => region === primary && isTrimmed(key, record, version),
  )
  if (trimmed.length === 0) return {}
  const ids = trimmed.map((entry) => [String(entry.version), entry.key.id] as const)
  return { trimmed: Object.fromEntries(ids) }
}

function behindData({ versions, behind }: BehindDistribution): Record<string, Json> {
  return {
    behind: versions,
    ...(behind && { behind_since: behind.since, behind_reason: behind.reason }),
  }
}

function explainInterruption(
  interruption: NonNullable<Awaited<ReturnType<typeof readInterruption>>>,
  name: string,
  key: Pick<KeyRecord, 'name' | 'minAvailableVersion'>,
  behind: BehindDistribution | undefined,
): string {
  if (interruption === 'trim')
    return `Its trim was started and did not finish; no other command finishes it; ${trimWays(key)}`
  if (interruption !== 'distribution') {
    const { finish, restore } = waysForward(interruption, name, key.name)
    return `Its ${interruption} was started and did not finish; no other command finishes it. To finish it: ${finish}; to reverse it: ${restore}`
  }
  const problem = behind
    ? `It lacks version ${behind.versions.join(', ')}`
    : 'An earlier command did not finish'
  return `${problem}. The next write to the key corrects that, and so does: keymgmt write -f keymgmt/kms/${name}/key/${key.name}/repair`
}

function explainRemoval(scheduled: readonly ScheduledDeletion[], path: string): string[] {
  const ids = [...new Set(scheduled.map(({ kmsKeyId }) => kmsKeyId))].map((id) => {
    const regions = scheduled.filter(({ kmsKeyId }) => kmsKeyId === id).map(({ region }) => region)
    return `${id} in ${regions.join(', ')}`
  })
  const [first] = scheduled.flatMap(({ date }) => date ?? []).sort()
  const when = first === undefined ? '' : `, the first on ${first}`
  const isLater = scheduled.some(({ date }) => date === undefined)
  return [
    `AWS will delete these KMS keys${when}: ${ids.join('; ')}.${isLater ? ' It deletes a primary KMS key after its replicas.' : ''}`,
    'After that, ciphertext of symmetric KMS keys can never be decrypted, not even with the same material.',
    `Until then, restore them with: keymgmt write -f ${path}/restore`,
  ]
}
