import type { KmsKeyStatus } from '../../kms/kms-key.js'
import { compareTimes, expiredNextStep, expiryAt } from '../records/expiry.js'
import type { KeySetting } from '../records/key-settings.js'
import type { DistributionRecord, KeyRecord, MaterialEntry } from '../records/model.js'
import { isStoredVersion } from '../records/stored-versions.js'
import { repairCommand } from '../records/takedown.js'

/** A difference between the records and AWS. */
export interface Difference {
  /** The property that differs. */
  readonly what:
    | 'kms-key'
    | 'state'
    | 'material'
    | 'expiry'
    | KeySetting
    | 'multi-region'
    | 'alias'
    | 'unfinished'
  /** AWS Region. */
  readonly region: string
  /** Absent if the difference does not concern a version. */
  readonly version?: number
  /** The KMS key id, or the name of the alias. */
  readonly subject: string
  /** The recorded value. */
  readonly expected: string
  /** The value in AWS. */
  readonly found: string
  /** True if `repair` ends the difference. */
  readonly repairable: boolean
  /** The next step: a command, or advice. */
  readonly nextStep: string
}

/** A distribution whose observation is compared with its record. */
export interface Compared {
  readonly key: KeyRecord
  readonly providerName: string
  readonly record: DistributionRecord
  readonly now: Date
}

/** The command that repairs the distribution. */
export const repairOf = ({ key, providerName }: Compared) => repairCommand(providerName, key.name)

/**
 * True if AWS would refuse the material: its expiry has passed, and only the user can change it.
 */
export function isExpired({ now, record }: Compared, material: MaterialEntry | undefined): boolean {
  const validTo = expiryAt(record, material, now)
  return record.state === 'active' && validTo !== undefined && validTo <= now
}

/** The next step if AWS would refuse the material; undefined otherwise. */
export function expiredAdvice(
  compared: Compared,
  materials: readonly (MaterialEntry | undefined)[],
): string | undefined {
  return materials.some((material) => isExpired(compared, material))
    ? expiredNextStep(compared.providerName, compared.key.name)
    : undefined
}

/**
 * The next step if the material of one of the versions is not in this store, so that no command can
 * import it; undefined otherwise.
 */
export function notInStoreAdvice(
  { key }: Compared,
  versions: readonly number[],
): string | undefined {
  const version = versions.find((each) => !isStoredVersion(key, each))
  return version === undefined
    ? undefined
    : `the material of version ${version} is not in this store: use the newest copy of the store, or restore a snapshot that has it: keymgmt operator snapshot restore FILE; for a new version: keymgmt write -f keymgmt/key/${key.name}/rotate`
}

/** Returns `expired at TIME` for material whose time has passed; undefined for any other. */
export function expiredText(
  { now }: Compared,
  materials: readonly MaterialEntry[],
): string | undefined {
  const times = materials.flatMap(({ validTo }) => validTo ?? []).sort(compareTimes)
  const [first] = times.filter((validTo) => new Date(validTo) <= now)
  return first === undefined ? undefined : `expired at ${first}`
}

/** AWS shows no expiry of material that it does not have. It may round the time to seconds. */
export function isSameExpiry(
  { state, expires }: Pick<KmsKeyStatus, 'state' | 'expires'>,
  validTo: string | undefined,
): boolean {
  if (!expires) return validTo === undefined || state.startsWith('pending')
  if (validTo === undefined) return false
  return Math.abs(expires.getTime() - Date.parse(validTo)) < 1000
}
