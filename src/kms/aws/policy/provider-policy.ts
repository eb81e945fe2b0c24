import { IMPORT, IMPORTED, REPLICA } from './recorder.js'
import {
  MULTI_REGION_SERVICE,
  type Facts,
  type KeyScope,
  type Need,
  type Operation,
} from './permissions.js'

/** What is known of a provider, and of what it is used for. */
export interface ProviderUse {
  readonly region: string
  readonly replicaRegions: readonly string[]
  readonly storeId: string
  readonly aliases: string
}

/** What every command needs; the keys are narrowed to those with imported material. */
const EVERYWHERE: readonly Operation[] = [
  'GetParametersForImport',
  'ImportKeyMaterial',
  'GetPublicKey',
  'GenerateMac',
  'DescribeKey',
  'EnableKey',
  'DisableKey',
  'CancelKeyDeletion',
]

/**
 * Nothing is destroyed but what carries our tag: these are never needed just after a KMS key was
 * made, when AWS may not see its tags yet.
 */
const OURS: readonly Operation[] = ['ScheduleKeyDeletion', 'DeleteImportedKeyMaterial']

/** PURE: what all commands with a provider need, also to finish what was interrupted. */
export function needsOfProvider({ region, replicaRegions, storeId, aliases }: ProviderUse): Need[] {
  const regions = [region, ...replicaRegions]
  const tags: Facts = { 'aws:RequestTag/keymgmt:store': [storeId] }
  const imported: KeyScope = { name: 'key/*', facts: IMPORTED }
  const ours: KeyScope = {
    name: 'key/*',
    facts: { ...IMPORTED, 'aws:ResourceTag/keymgmt:store': [storeId] },
  }
  const every: KeyScope = { name: 'key/*', facts: {} }
  const singleRegion: Facts = replicaRegions.length === 0 ? { 'kms:MultiRegion': ['false'] } : {}
  return [
    { operation: 'CreateKey', regions: [region], facts: { ...tags, ...IMPORTED, ...singleRegion } },
    { operation: 'TagNewKey', regions, keys: [every], facts: tags },
    ...EVERYWHERE.map((operation): Need => ({
      operation,
      regions,
      keys: [imported],
      facts: IMPORT,
    })),
    ...OURS.map((operation): Need => ({ operation, regions, keys: [ours] })),
    ...(['CreateAlias', 'UpdateAlias', 'DeleteAlias'] as const).map((operation): Need => ({
      operation,
      regions,
      alias: aliases,
      keys: [imported],
    })),
    { operation: 'ListAliases', regions },
    { operation: 'ListKeys', regions: [region] },
    { operation: 'ListResourceTags', regions, keys: [every] },
    ...(replicaRegions.length === 0 ? [] : needsOfReplication(region, replicaRegions, tags)),
  ]
}

function needsOfReplication(
  region: string,
  replicaRegions: readonly string[],
  tags: Facts,
): Need[] {
  const primary: KeyScope = { name: 'key/mrk-*', facts: IMPORTED }
  return [
    { operation: 'CreateServiceLinkedRole', regions: [region], facts: MULTI_REGION_SERVICE },
    {
      operation: 'ReplicateKey',
      regions: [region],
      keys: [primary],
      facts: { 'kms:ReplicaRegion': replicaRegions },
    },
    {
      operation: 'CreateReplica',
      regions: [region, ...replicaRegions],
      facts: { ...tags, ...REPLICA },
    },
  ]
}
