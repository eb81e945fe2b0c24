import { isDeepStrictEqual } from 'node:util'
import type { KmsKeySettings } from '../../kms/kms-key.js'
import type { CreatedKmsKey, DistributionRecord, KmsKeyEntry, LostKmsKey } from './model.js'

/**
 * The settings of a distribution that every one of its KMS keys gets, in the order in which they
 * are changed.
 */
export const KEY_SETTINGS = [
  'tags',
  'description',
  'policy',
] as const satisfies readonly (keyof KmsKeySettings)[]
/** A setting that every KMS key of a distribution gets. */
export type KeySetting = (typeof KEY_SETTINGS)[number]

/** Returns the settings that the user has set. */
export function managedSettings(record: KmsKeySettings): KeySetting[] {
  return KEY_SETTINGS.filter((setting) => record[setting] !== undefined)
}

/** True if the value in the KMS key may differ from the distribution's. */
export function isStale({ staleSettings = [] }: CreatedKmsKey, setting: KeySetting): boolean {
  return staleSettings.includes(setting)
}

/**
 * Returns the KMS key with a mark on each of these settings: their values may differ from the
 * distribution's.
 */
export function withStale<Entry extends CreatedKmsKey | LostKmsKey>(
  entry: Entry,
  settings: readonly KeySetting[],
): Entry {
  if (settings.length === 0) return entry
  const { staleSettings = [] } = entry
  const isMarked = (setting: KeySetting) =>
    settings.includes(setting) || staleSettings.includes(setting)
  return { ...entry, staleSettings: KEY_SETTINGS.filter(isMarked) }
}

/** Returns the KMS key without the mark on a setting that it now has. */
export function withoutStale(entry: CreatedKmsKey, setting: KeySetting): CreatedKmsKey {
  const { staleSettings = [], ...rest } = entry
  const others = staleSettings.filter((other) => other !== setting)
  return others.length > 0 ? { ...rest, staleSettings: others } : rest
}

/**
 * PURE: returns the record with these desired settings, and with a mark on every KMS key for each
 * one that changes. Returns the same record if no setting changes.
 */
export function withSettings(
  record: DistributionRecord,
  wanted: KmsKeySettings,
): DistributionRecord {
  const changed = managedSettings(wanted).filter(
    (setting) => !isDeepStrictEqual(wanted[setting], record[setting]),
  )
  if (changed.length === 0) return record
  const mark = (entry: KmsKeyEntry) =>
    // An entry without a reply is marked when its KMS key is found.
    entry.state === 'creating' ? entry : withStale(entry, changed)
  return { ...record, ...wanted, kmsKeys: record.kmsKeys.map(mark) }
}
