import type { KmsKeyState, KmsKeyStatus, KmsMaterial } from '../../kms/kms-key.js'
import { createdKmsKeyAt, isInPlace, materialIn } from '../records/kms-keys.js'
import type { DistributionRecord, KmsKeyEntry, MaterialEntry } from '../records/model.js'
import { dropCommand, isDropped } from '../records/dropped-regions.js'
import { isStoredVersion } from '../records/stored-versions.js'
import { trimWays, waysForward } from '../records/takedown.js'
import { versionsBehind } from './behind.js'
import { compareMaterials } from './compare-materials.js'
import { compareTrimmed } from './compare-trimmed.js'
import {
  expiredAdvice,
  expiredText,
  isSameExpiry,
  notInStoreAdvice,
  repairOf,
  type Compared,
  type Difference,
} from './difference.js'
import { interruptionOf, takedownOf, type Interruption } from './interruption.js'
import type { Observation, ObservedKmsKey } from './observe.js'
import { OUTDATED_NEXT_STEPS } from './newer.js'
import { isEnabledVersion, newestVersion, wantedAliases } from './plan.js'
import { isAcceptable, moveBackAdvice, movedPrimaries } from './primaries.js'
import { replicaNextStep, unrecordedRegions } from './unrecorded-replicas.js'

/** PURE: returns the differences between the records and the KMS. */
export function compare(compared: Compared, observation: Observation): Difference[] {
  const { key, providerName, record } = compared
  const interruption = interruptionOf(key, record)
  const takedown = takedownOf(key, record)
  const differences = [
    ...(interruption ? [unfinishedDifference(compared, interruption)] : []),
    ...observation.kmsKeys.flatMap((observed) => compareKmsKey(compared, observed)),
    ...comparePrimaries(compared, observation),
    ...(record.state === 'active' ? compareAliases(compared, observation) : []),
  ]
  if (!takedown) return differences
  // `repair` neither finishes nor undoes an interrupted removal or revocation.
  const { finish, restore } = waysForward(takedown, providerName, key.name)
  return differences.map((difference) => ({
    ...difference,
    repairable: false,
    nextStep: `${finish}, or ${restore}`,
  }))
}

/**
 * PURE: returns the differences between a finished removal and the KMS. Only `restore` changes its
 * KMS keys.
 */
export function compareArchived(compared: Compared, { kmsKeys }: Observation): Difference[] {
  const { finish, restore } = waysForward('removal', compared.providerName, compared.key.name)
  return kmsKeys
    .flatMap((observed) => compareKmsKey(compared, observed))
    .filter(({ what }) => what === 'state')
    .map((difference) => ({
      ...difference,
      repairable: false,
      nextStep: `${restore}; to remove it again after that: ${finish}`,
    }))
}

function unfinishedDifference(compared: Compared, interruption: Interruption): Difference {
  const { name, regions } = compared.record
  const isTrim = interruption === 'trim'
  return {
    what: 'unfinished',
    region: regions[0] ?? '',
    subject: name,
    expected: 'every command finished',
    found:
      interruption === 'distribution' ? describeLag(compared) : `an unfinished ${interruption}`,
    repairable: !isTrim,
    nextStep: isTrim ? trimWays(compared.key) : repairOf(compared),
  }
}

/** Returns the versions that the distribution lacks, and the reason. */
function describeLag({ key, record }: Compared): string {
  const versions = versionsBehind(key, record)
  if (versions.length === 0) return 'an interrupted command'
  const reason = record.behind?.reason ?? 'an interrupted command'
  return `lacks version ${versions.join(', ')}: ${reason}`
}

function expectedState(
  { key, record }: Compared,
  { version, region, materials }: ExistingEntry,
): KmsKeyState {
  if (record.state === 'removed' || isDropped(record, region)) return 'pending-deletion'
  if (record.state === 'revoked')
    return materials.some((each) => isStoredVersion(key, each.version))
      ? 'pending-import'
      : 'disabled'
  return isInPlace(record) || isEnabledVersion(key, version) ? 'enabled' : 'disabled'
}

function compareAliases(compared: Compared, { aliases, newer }: Observation): Difference[] {
  const { key, record } = compared
  const unknown = newer.flatMap(({ alias }) =>
    alias === undefined ? [] : [[alias, newestVersion(key) + 1] as const],
  )
  const versions = new Map([...unknown, ...wantedAliases(key, record)])
  return record.regions.flatMap((region) =>
    [...versions].flatMap(([name, version]): Difference[] => {
      const expected = createdKmsKeyAt(record, version, region)?.key.id
      const targets = aliases.get(region)
      const found = targets?.get(name)
      const isNewer = newer.some((target) => target.region === region && target.id === found)
      if (!targets || expected === found || (expected === undefined && !isNewer)) return []
      return [
        {
          what: 'alias',
          region,
          version,
          subject: name,
          expected: `names ${expected ?? 'a KMS key on record'}`,
          found: found === undefined ? 'does not exist' : `names ${found}`,
          ...(isNewer
            ? { repairable: false, nextStep: OUTDATED_NEXT_STEPS.join('; ') }
            : { repairable: true, nextStep: repairOf(compared) }),
        },
      ]
    }),
  )
}

function comparePrimaries(compared: Compared, { kmsKeys }: Observation): Difference[] {
  const { record } = compared
  return movedPrimaries(record, kmsKeys).map((moved): Difference => {
    const { version, id, from, to } = moved
    const repairable = isAcceptable(record, moved)
    return {
      what: 'multi-region',
      region: to,
      version,
      subject: id,
      expected: `primary in ${from}`,
      found: `primary in ${to}`,
      repairable,
      nextStep: repairable ? repairOf(compared) : moveBackAdvice(moved),
    }
  })
}

function compareKmsKey(compared: Compared, observed: ObservedKmsKey): Difference[] {
  const { entry, status, unchecked } = observed
  if (entry.state === 'creating') return []
  if (observed.isTrimmed) return compareTrimmed(compared.key, entry, status)
  if (status) {
    const differences = compareStatus(compared, { ...observed, entry }, status)
    const { materials } = observed
    const isRemoved = isDropped(compared.record, entry.region)
    if (entry.state !== 'created' || !materials || isRemoved) return differences
    // The materials of such a KMS key are compared one by one.
    const ofMaterials = compareMaterials(compared, entry, materials)
    const isGeneral = ({ what }: Difference) =>
      what === 'expiry' || (what === 'material' && ofMaterials.length > 0)
    return [...differences.filter((each) => !isGeneral(each)), ...ofMaterials]
  }
  // A removal needs no other comparison.
  if (compared.record.state === 'removed' || isDropped(compared.record, entry.region)) return []
  if (unchecked.some(({ what }) => what === 'kms-key')) return []
  const { version, region, key } = entry
  const isKnown = entry.state === 'lost'
  const difference = { what: 'kms-key', region, version, subject: key.id } as const
  return [
    {
      ...difference,
      expected: 'exists',
      found: isKnown ? 'lost' : 'deleted',
      repairable: false,
      nextStep: isKnown
        ? lostNextStep(compared.key.name)
        : `nothing brings it back; so that no command waits for it: ${repairOf(compared)}`,
    },
  ]
}

/** The next step for a KMS key that AWS no longer has, once that is on record. */
export function lostNextStep(key: string): string {
  return `nothing brings it back; for a new KMS key: keymgmt write -f keymgmt/key/${key}/rotate`
}

type ExistingEntry = Exclude<KmsKeyEntry, { state: 'creating' }>

function compareStatus(
  compared: Compared,
  { entry, settings, holds, materials: listed }: ObservedKmsKey & { readonly entry: ExistingEntry },
  status: KmsKeyStatus,
): Difference[] {
  const { record } = compared
  const { version, region, key, materials } = entry
  const expected = expectedState(compared, entry)
  const material = materialIn({ materials }, version)
  const validTo = material?.validTo
  const isEmpty = status.state === 'pending-import'
  const consent = expiredAdvice(compared, materials)
  const refill = notInStoreAdvice(compared, isEmpty ? missingVersions(entry, listed) : [])
  const differs = (
    what: Difference['what'],
    wanted: string,
    found: string,
    /** The default is `repair`. */
    advice?: string,
  ): Difference => ({
    what,
    region,
    version,
    subject: key.id,
    expected: wanted,
    found,
    repairable: advice === undefined,
    nextStep: advice ?? repairOf(compared),
  })
  if (isDropped(record, region)) {
    const { restore } = waysForward('removal', compared.providerName, compared.key.name)
    const finish = dropCommand(compared.providerName, compared.key.name, region)
    const advice = `${finish}, or ${restore}`
    return status.state === expected ? [] : [differs('state', expected, status.state, advice)]
  }
  if (entry.state === 'lost') return [differs('kms-key', 'lost', status.state)]
  const look = `see why: aws kms describe-key --region ${region} --key-id ${key.id}`
  const otherMaterial = `somebody rotated it in place; ${look}; for a new KMS key: keymgmt write -f keymgmt/key/${compared.key.name}/rotate`
  const actualRegions = status.multiRegion?.regions ?? [region]
  const recordedRegions = otherRegions(record, version, actualRegions)
  const isStuck = status.state === 'unavailable' || !status.external
  const isRevoked = record.state === 'revoked' && isEmpty
  const differences: (Difference | false)[] = [
    status.state !== expected &&
      !isRevoked &&
      differs(
        'state',
        expected,
        expiredText(compared, isEmpty ? materials : []) ?? status.state,
        isStuck ? look : (refill ?? consent),
      ),
    holds === false &&
      differs('material', 'the material in the store', 'other material', otherMaterial),
    // Material that waits for its renewal may have the new expiry already.
    !material?.stale &&
      !isSameExpiry(status, validTo) &&
      differs('expiry', validTo ?? 'never', status.expires?.toISOString() ?? 'never', consent),
    ...settings.map(({ setting, expected: wanted, found }) => differs(setting, wanted, found)),
    recordedRegions !== undefined &&
      differs(
        'multi-region',
        recordedRegions,
        actualRegions.join(', '),
        regionsAdvice(compared, entry, actualRegions) ?? look,
      ),
  ]
  return differences.filter((difference) => difference !== false)
}

/** The versions whose material a KMS key in state `pending-import` lacks. */
function missingVersions(
  { version, materials }: ExistingEntry,
  listed: readonly KmsMaterial[] | undefined,
): readonly number[] {
  if (!listed) return [version]
  const isListed = (known: MaterialEntry) =>
    listed.some(({ id, imported }) => id === known.materialId && imported)
  return materials.filter((known) => !isListed(known)).map((known) => known.version)
}

/** PURE: the next step for replicas that are not on record; undefined if there are none. */
function regionsAdvice(
  { key, providerName, record }: Compared,
  { version, key: { id } }: ExistingEntry,
  found: readonly string[],
): string | undefined {
  const [region] = unrecordedRegions(record, version, found)
  return region && replicaNextStep(key, providerName, region, id)
}

/**
 * PURE: the Regions on record if AWS has the version in others. A Region without an entry is
 * unfinished work; one that was dropped, or whose entry is lost or being created, may be in AWS or
 * not.
 */
function otherRegions(
  record: DistributionRecord,
  version: number,
  found: readonly string[],
): string | undefined {
  const entries = record.kmsKeys.filter((entry) => entry.version === version)
  const created = entries
    .filter(({ state, region }) => state === 'created' && !isDropped(record, region))
    .map(({ region }) => region)
  const isSame =
    created.every((region) => found.includes(region)) &&
    unrecordedRegions(record, version, found).length === 0
  return isSame ? undefined : created.join(', ')
}
