import { OPERATION_TAG } from '../../kms/kms-key.js'
import { shorten } from '../../redact.js'
import type { KeySetting } from '../records/key-settings.js'
import type { DistributionRecord } from '../records/model.js'

/** A setting of a KMS key that differs from the record. */
export interface SettingDifference {
  /** The setting. */
  readonly setting: KeySetting
  /** The recorded value, for the user. */
  readonly expected: string
  /** The value in AWS, for the user. */
  readonly found: string
}

/** The longest description that a difference shows, in characters. */
const LONGEST_SHOWN = 60

/**
 * PURE: compares the tags of a KMS key with the desired ones. If the user has set tags, every other
 * tag is a difference.
 */
export function compareTags(
  { tags }: Pick<DistributionRecord, 'tags'>,
  wanted: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): SettingDifference[] {
  const wrong = Object.keys(wanted).filter((name) => found[name] !== wanted[name])
  const others = tags === undefined ? [] : unwantedTags(wanted, found)
  const problems = [
    ...(wrong.length > 0 ? [`missing or changed: ${wrong.join(', ')}`] : []),
    ...(others.length > 0 ? [`added: ${others.join(', ')}`] : []),
  ]
  if (problems.length === 0) return []
  const expected = tags === undefined ? "keymgmt's tags" : "keymgmt's tags and yours"
  return [{ setting: 'tags', expected, found: problems.join('; ') }]
}

/** PURE: returns the names of the tags that a KMS key has and should not have. */
export function unwantedTags(
  wanted: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): string[] {
  // The operation that created the KMS key may not be on record: a snapshot can lack it.
  return Object.keys(found).filter((name) => !Object.hasOwn(wanted, name) && name !== OPERATION_TAG)
}

/** PURE: compares the description of a KMS key with the desired one, if there is one. */
export function compareDescription(
  { description }: Pick<DistributionRecord, 'description'>,
  found: string,
): SettingDifference[] {
  if (description === undefined || description === found) return []
  return [{ setting: 'description', expected: shown(description), found: shown(found) }]
}

/**
 * PURE: returns the difference of a key policy; `isSame` is undefined if AWS was not asked or did
 * not reply.
 */
export function comparePolicy(
  { policy }: Pick<DistributionRecord, 'policy'>,
  isSame: boolean | undefined,
): SettingDifference[] {
  if (!policy || isSame !== false) return []
  const expected = policy.document === '' ? "AWS's default key policy" : 'the key policy on record'
  return [{ setting: 'policy', expected, found: 'another key policy' }]
}

function shown(description: string): string {
  return description === '' ? 'empty' : JSON.stringify(shorten(description, LONGEST_SHOWN))
}
