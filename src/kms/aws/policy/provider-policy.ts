import type { KmsKeySettings } from '../../kms-key.js'
import { IMPORTED, REPLICA, WRAPPING } from './recorder.js'
import {
  MULTI_REGION_SERVICE,
  type ConditionValues,
  type KeyResource,
  type PermissionName,
  type RequiredPermission,
} from './permissions.js'

/** A provider, and its use by the keys in the store. */
export interface ProviderUse {
  readonly region: string
  readonly primaryRegions: readonly string[]
  readonly replicaRegions: readonly string[]
  readonly storeId: string
  readonly aliases: readonly string[]
  /** The settings of KMS keys that are set in any distribution. */
  readonly settings: readonly (keyof KmsKeySettings)[]
}

/** Permissions that every command needs, restricted to KMS keys with imported material. */
const EVERYWHERE: readonly PermissionName[] = [
  'GetParametersForImport',
  'ImportKeyMaterial',
  'RotateKeyOnDemand',
  'ListKeyRotations',
  'GetKeyRotationStatus',
  'GetKeyLastUsage',
  'GetPublicKey',
  'GenerateMac',
  'DescribeKey',
  'EnableKey',
  'DisableKey',
  'CancelKeyDeletion',
]

/** Permissions that only distributions with a setting need. */
const OF_SETTING: Readonly<Record<keyof KmsKeySettings, readonly PermissionName[]>> = {
  tags: ['UntagResource'],
  description: ['UpdateKeyDescription'],
  policy: ['GetKeyPolicy', 'PutKeyPolicy'],
}

/**
 * Permissions that destroy something, restricted to KMS keys with our tag. They are never needed
 * immediately after a creation, when AWS may not see the tags yet.
 */
const OURS: readonly PermissionName[] = ['ScheduleKeyDeletion', 'DeleteImportedKeyMaterial']

/**
 * PURE: returns the permissions that all commands with a provider need, including those that finish
 * interrupted work.
 */
export function permissionsOfProvider({
  region,
  primaryRegions,
  replicaRegions,
  storeId,
  aliases,
  settings,
}: ProviderUse): RequiredPermission[] {
  const regions = [region, ...replicaRegions]
  const tags: ConditionValues = { 'aws:RequestTag/keymgmt:store': [storeId] }
  const imported: KeyResource = { name: 'key/*', values: IMPORTED }
  const ours: KeyResource = {
    name: 'key/*',
    values: { ...IMPORTED, 'aws:ResourceTag/keymgmt:store': [storeId] },
  }
  const every: KeyResource = { name: 'key/*', values: {} }
  const singleRegion: ConditionValues =
    replicaRegions.length === 0 ? { 'kms:MultiRegion': ['false'] } : {}
  return [
    {
      operation: 'CreateKey',
      regions: [region],
      values: { ...tags, ...IMPORTED, ...singleRegion },
    },
    { operation: 'TagNewKey', regions, keys: [every], values: tags },
    ...[...EVERYWHERE, ...settings.flatMap((setting) => OF_SETTING[setting])].map(
      (operation): RequiredPermission => ({
        operation,
        regions,
        keys: [imported],
        values: WRAPPING,
      }),
    ),
    ...OURS.map((operation): RequiredPermission => ({ operation, regions, keys: [ours] })),
    ...(['CreateAlias', 'UpdateAlias', 'DeleteAlias'] as const).flatMap((operation) =>
      aliases.map((alias): RequiredPermission => ({ operation, regions, alias, keys: [imported] })),
    ),
    { operation: 'ListAliases', regions },
    { operation: 'ListKeys', regions: [region] },
    { operation: 'ListResourceTags', regions, keys: [every] },
    ...(replicaRegions.length === 0
      ? []
      : permissionsOfReplication(regions, primaryRegions, replicaRegions, tags)),
  ]
}

function permissionsOfReplication(
  regions: readonly string[],
  primaryRegions: readonly string[],
  replicaRegions: readonly string[],
  tags: ConditionValues,
): RequiredPermission[] {
  const primary: KeyResource = { name: 'key/mrk-*', values: IMPORTED }
  return [
    { operation: 'CreateServiceLinkedRole', regions: primaryRegions, values: MULTI_REGION_SERVICE },
    {
      operation: 'ReplicateKey',
      regions: primaryRegions,
      keys: [primary],
      values: { 'kms:ReplicaRegion': replicaRegions },
    },
    {
      operation: 'UpdatePrimaryRegion',
      regions,
      keys: [primary],
      values: { 'kms:PrimaryRegion': regions },
    },
    {
      operation: 'CreateReplica',
      regions: [...new Set([...primaryRegions, ...replicaRegions])],
      values: { ...tags, ...REPLICA },
    },
  ]
}
