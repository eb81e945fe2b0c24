import type { Engine } from '../core/engine.js'
import { behindIn, type BehindDistribution } from '../core/operations/list-behind.js'
import { distributionsOf, readKey } from '../core/records/repository.js'
import { recordPath, type KeyRecord } from '../core/records/model.js'
import { nextRotation } from '../core/records/rotation-age.js'
import { DEFAULT_KEY_TYPE, KEY_TYPE_NAMES } from '../crypto/key-types.js'
import { boolean, integer, listOf, oneOf } from '../router/fields.js'
import { definePath, type Response } from '../router/path.js'
import type { Versioning } from '../store/store.js'
import type { Json } from '../router/values.js'
import { rotationPeriodField } from './rotation-period.js'
import { allowUnknownRegion, REGIONS } from './region.js'

/** LIST keymgmt/key */
export const keys = definePath<Engine>()({
  pattern: 'keymgmt/key',
  synopsis: 'The keys.',
  description: 'Lists the names of all keys.\n\n    keymgmt list keymgmt/key',
  parameters: {},
  operations: {
    list: {
      summary: 'Lists the names of the keys.',
      run: async ({ store }) => ({ data: { keys: await store.list(recordPath.keys) } }),
    },
  },
})

/** WRITE, READ, DELETE keymgmt/key/:name */
export const key = definePath<Engine>()({
  pattern: 'keymgmt/key/:name',
  synopsis: 'A key: its type, its versions and its settings.',
  description: [
    'The first write creates the key. Later writes change its settings, except type and replica_regions.',
    '    keymgmt write -f keymgmt/key/app type=aes256-gcm96',
    '    keymgmt write keymgmt/key/app min_enabled_version=2',
    '    keymgmt write keymgmt/key/app rotation_period=90d',
    '    keymgmt read keymgmt/key/app',
  ].join('\n\n'),
  parameters: { name: 'Name of the key.' },
  operations: {
    write: {
      summary:
        'Creates the key, or changes its settings here and in every KMS that it is distributed to.',
      fields: {
        type: oneOf(
          KEY_TYPE_NAMES,
          `Type of the key. The default is ${DEFAULT_KEY_TYPE}. Can't be changed.`,
          'key type',
        ),
        replica_regions: listOf(
          "AWS Regions that the key can be replicated to. Can't be changed.",
          REGIONS,
        ),
        allow_unknown_region: allowUnknownRegion,
        deletion_allowed: boolean('True if the key may be deleted.'),
        min_enabled_version: integer(
          'Lower versions are disabled wherever the key is distributed. 0 enables all.',
          { min: 0 },
        ),
        rotation_period: rotationPeriodField,
      },
      run: async (
        engine,
        { name },
        {
          type,
          replica_regions: replicaRegions,
          allow_unknown_region: allowUnknownRegion,
          deletion_allowed: deletionAllowed,
          min_enabled_version: minEnabledVersion,
          rotation_period: rotationPeriod,
        },
      ) => {
        const { saveKey } = await import('../core/operations/keys.js')
        await saveKey(engine, name, {
          type,
          replicaRegions,
          allowUnknownRegion,
          deletionAllowed,
          minEnabledVersion,
          rotationPeriod,
        })
        return undefined
      },
    },
    read: {
      summary: 'Returns the settings and versions of the key, but never its material.',
      run: async (engine, { name }) => {
        const [record, distributions] = await Promise.all([
          readKey(engine, name),
          distributionsOf(engine, name),
        ])
        if (!record) return undefined
        const behind = distributions.flatMap(
          ({ providerName, distribution }) =>
            behindIn(record, providerName, distribution.current) ?? [],
        )
        return keyResponse(record, behind)
      },
    },
    delete: {
      summary:
        'Deletes the key with its material. It must not be distributed, and deletion_allowed must be true.',
      fields: {
        allow_orphans: boolean(
          'True to delete material that KMS keys of a forgotten distribution depend on.',
        ),
      },
      run: async (engine, { name }, { allow_orphans: allowOrphans }) => {
        const { deleteKey } = await import('../core/operations/keys.js')
        await deleteKey(engine, name, { allowOrphans })
        // The key is already deleted, so a failed request must not fail the command.
        const versioning = await engine.versioning().catch(() => 'unknown' as const)
        return versioning && { warnings: KEPT[versioning] }
      },
    },
  },
})

const KEPT_MATERIAL =
  'deleting is not erasing: anyone who can read the earlier versions and open the seal can restore it. To erase it, delete those object versions in S3.'

/** The warnings after a deletion, by the versioning of the bucket. */
const KEPT: Readonly<Record<Versioning, readonly string[]>> = {
  enabled: [
    `The bucket keeps the sealed material of the key as earlier versions of its objects: ${KEPT_MATERIAL}`,
  ],
  suspended: [
    `The bucket may keep sealed material of the key, as object versions from before its versioning was suspended: ${KEPT_MATERIAL}`,
  ],
  off: [],
  unknown: [
    `keymgmt could not find out if the bucket keeps the sealed material of the key as earlier versions of its objects (allow s3:GetBucketVersioning). If it does, ${KEPT_MATERIAL}`,
  ],
}

function keyResponse(key: KeyRecord, behind: readonly BehindDistribution[]): Response {
  const { deletionAllowed, latestVersion, minEnabledVersion, name, type } = key
  const { replicaRegions, forgotten = [], rotationPeriod = 0 } = key
  const next = nextRotation(key)
  return {
    data: {
      deletion_allowed: deletionAllowed,
      latest_version: latestVersion,
      min_enabled_version: minEnabledVersion,
      ...(key.minAvailableVersion && { min_available_version: key.minAvailableVersion }),
      name,
      type,
      versions: versionsData(key),
      ...(next && { rotation_period: rotationPeriod, next_rotation: next.toISOString() }),
      ...(replicaRegions.length > 0 && { replica_regions: replicaRegions }),
      ...(behind.length > 0 && { behind: behind.map(({ providerName }) => providerName) }),
      ...(forgotten.length > 0 && {
        forgotten: [...new Set(forgotten.map(({ provider }) => provider))],
      }),
    },
    warnings: behind.map(
      ({ providerName, versions }) =>
        `${name} in ${providerName} lacks version ${versions.join(', ')}. See the reason: keymgmt read keymgmt/kms/${providerName}/key/${name}; bring it up to date: keymgmt write -f keymgmt/key/${name}/rotate`,
    ),
  }
}

/** A pending version is not shown: no application can use it yet. */
function versionsData({
  latestVersion,
  minEnabledVersion,
  versions,
}: KeyRecord): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(versions)
      .filter(
        ([version]) => Number(version) >= minEnabledVersion && Number(version) <= latestVersion,
      )
      .map(([version, { creationTime, publicKey }]) => [
        version,
        { creation_time: creationTime, ...(publicKey && { public_key: publicKey }) },
      ]),
  )
}
