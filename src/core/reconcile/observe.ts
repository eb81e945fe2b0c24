import type { KeymgmtError } from '../../errors.js'
import type { ImportedMaterial, KmsKeyStatus, KmsMaterial } from '../../kms/kms-key.js'
import type { KmsProvider } from '../../kms/provider.js'
import { currentVersion, isAssociated, isInPlace, materialIn } from '../records/kms-keys.js'
import { withMaterial } from '../records/material.js'
import type { CreatedKmsKey, DistributionRecord, KeyRecord, KmsKeyEntry } from '../records/model.js'
import { isStoredVersion } from '../records/stored-versions.js'
import { isTrimmed } from '../records/trimmed.js'
import { assertPlaceOf } from './account.js'
import type { SettingDifference } from './compare-settings.js'
import type { ObserveContext } from './context.js'
import { findNewer, tellingAliases, type NewerTarget } from './newer.js'
import { observeSettings, type Inquire } from './observe-settings.js'
import { wantedAliases } from './plan.js'
import { isUnanswered, unlessUnanswered } from './unanswered.js'

/** A check that could not be made, because the request to AWS failed. */
export interface Unchecked {
  /** The property that could not be read. */
  readonly what: 'kms-key' | 'tags' | 'policy' | 'material' | 'alias' | 'distribution' | 'orphans'
  /** AWS Region. */
  readonly region: string
  /** Absent if the question is not about a version. */
  readonly version?: number
  /** The KMS key id, or the name of the distribution, key or provider. */
  readonly subject: string
  /** The error of the request. */
  readonly error: KeymgmtError
}

/** The state of one KMS key in AWS. */
export interface ObservedKmsKey {
  /** The record of the KMS key. */
  readonly entry: KmsKeyEntry
  /** True if its version is trimmed: it awaits its deletion, or is deleted. */
  readonly isTrimmed: boolean
  /** Undefined if AWS has no such KMS key, or if the request failed. */
  readonly status: KmsKeyStatus | undefined
  /** The settings that differ from the record. */
  readonly settings: readonly SettingDifference[]
  /**
   * True if the KMS key is proven to have our material, false if its current material is another;
   * undefined if they were not compared.
   */
  readonly holds: boolean | undefined
  /** The materials in AWS, if it is rotated in place and AWS has listed them. */
  readonly materials?: readonly KmsMaterial[] | undefined
  /** The checks of this KMS key that could not be made. */
  readonly unchecked: readonly Unchecked[]
}

/** A question about the material in a KMS key. */
interface MaterialQuestion {
  readonly region: string
  readonly type: KeyRecord['type']
  readonly status: KmsKeyStatus
  /** True to have symmetric material imported again. */
  readonly challenge: boolean
}

/** The state of a distribution in AWS. */
export interface Observation {
  /** The KMS keys in AWS, in the order of the records. */
  readonly kmsKeys: readonly ObservedKmsKey[]
  /**
   * The id of the KMS key that an alias points to, by Region and alias name. Lacks Regions that
   * could not be read.
   */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** The KMS keys that show that this is an older copy of the store. */
  readonly newer: readonly NewerTarget[]
  /** All checks that could not be made. */
  readonly unchecked: readonly Unchecked[]
}

/**
 * Reads every KMS key and alias of the distribution. A request that fails does not stop the others.
 * With `challenge`, imports the same material into symmetric KMS keys again, which AWS accepts only
 * if it is identical.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS
 */
export async function observe(context: ObserveContext, challenge: boolean): Promise<Observation> {
  const { kmsKeys: entries, regions, state, name } = context.distribution.current
  const unchecked: Unchecked[] = []
  const placeError = await assertPlaceOf(context).then(() => undefined, unlessUnanswered)
  const subject = { what: 'alias', region: regions[0] ?? '', subject: name } as const
  const [kmsKeys, aliases] = await Promise.all([
    Promise.all(
      entries.map(async (entry) =>
        withPlace(await observeKmsKey(context, entry, challenge), placeError),
      ),
    ),
    Promise.all(
      state === 'removed' ? [] : regions.map((region) => observeAliases(context, region)),
    ),
  ])
  const targets = new Map(
    aliases.flatMap(({ region, targets }) => (targets ? [[region, targets] as const] : [])),
  )
  const targetsIn = (region: string) => targets.get(region)
  return {
    kmsKeys,
    aliases: targets,
    newer: (await ask(unchecked, subject, () => findNewer(context, targetsIn))) ?? [],
    unchecked: [...kmsKeys, ...aliases, { unchecked }].flatMap((each) => each.unchecked),
  }
}

/** If the account can't be read, AWS's reply does not prove that a KMS key is gone. */
function withPlace(observed: ObservedKmsKey, error: KeymgmtError | undefined): ObservedKmsKey {
  const { entry, status, unchecked } = observed
  const isClear = status !== undefined || entry.state === 'creating' || unchecked.length > 0
  return error === undefined || isClear
    ? observed
    : { ...observed, unchecked: [{ ...subjectOf(entry), what: 'kms-key', error }] }
}

/** Returns the observation of a distribution that can't be read at all. */
export function observeNothing(
  { name, kmsKeys: entries, regions: [region = ''] }: DistributionRecord,
  error: KeymgmtError,
): Observation {
  const kmsKeys = entries.map((entry): ObservedKmsKey => ({
    entry,
    isTrimmed: false,
    status: undefined,
    settings: [],
    holds: undefined,
    unchecked: [{ ...subjectOf(entry), what: 'kms-key', error }],
  }))
  const unchecked = [
    ...kmsKeys.flatMap((observed) => observed.unchecked),
    { what: 'alias', region, subject: name, error } as const,
  ]
  return { kmsKeys, aliases: new Map(), newer: [], unchecked }
}

/** Returns the result of the request. If it fails, adds it to `unchecked` and returns undefined. */
export async function ask<T>(
  unchecked: Unchecked[],
  subject: Omit<Unchecked, 'error'>,
  question: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await question()
  } catch (error) {
    if (!isUnanswered(error)) throw error
    unchecked.push({ ...subject, error })
    return undefined
  }
}

async function observeAliases(context: ObserveContext, region: string) {
  const { provider, distribution, key } = context
  const wanted = wantedAliases(key, distribution.current).keys()
  const names = new Set([...wanted, ...tellingAliases(key, distribution.current)])
  const unchecked: Unchecked[] = []
  const subject = { what: 'alias', region, subject: distribution.current.name } as const
  const targets = await ask(unchecked, subject, () => provider.aliasTargets(region, names))
  return { region, targets, unchecked }
}

function subjectOf(entry: KmsKeyEntry): Omit<Unchecked, 'error' | 'what'> {
  const { version, region } = entry
  return { version, region, subject: entry.state === 'creating' ? '' : entry.key.id }
}

async function observeKmsKey(
  context: ObserveContext,
  entry: KmsKeyEntry,
  challenge: boolean,
): Promise<ObservedKmsKey> {
  const { provider } = context
  const unchecked: Unchecked[] = []
  const inquire: Inquire = (what, question) =>
    ask(unchecked, { ...subjectOf(entry), what }, question)
  const status =
    entry.state === 'creating'
      ? undefined
      : await inquire('kms-key', () => provider.inspect(entry.region, entry.key))
  const isEnded = isTrimmed(context.key, context.distribution.current, entry.version)
  const observed = { entry, isTrimmed: isEnded, status, unchecked }
  if (entry.state !== 'created' || !status) return { ...observed, settings: [], holds: undefined }
  const materials = isInPlace(context.distribution.current)
    ? await inquire('material', () => provider.materials(entry.region, entry.key))
    : undefined
  return {
    ...observed,
    settings: await observeSettings(context, entry, status, inquire),
    holds: await inquire('material', () =>
      materials
        ? observeMaterials(context, entry, materials, challenge)
        : observeMaterial(context, entry, status, challenge),
    ),
    materials,
  }
}

/**
 * True if the KMS key is proven to have our material. AWS's id of the material proves only that
 * nobody rotated the KMS key, not that the material is ours.
 */
async function observeMaterial(
  { engine, key, provider }: ObserveContext,
  entry: CreatedKmsKey,
  status: KmsKeyStatus,
  challenge: boolean,
): Promise<boolean | undefined> {
  const { state, materialId } = status
  const { version, region } = entry
  const recorded = materialIn(entry, version)?.materialId
  if (recorded !== undefined && materialId !== undefined && recorded !== materialId) return false
  if (state !== 'enabled' && state !== 'disabled') return undefined
  if (!isStoredVersion(key, version)) return undefined
  return withMaterial(engine.store, key, version, (material) =>
    showsMaterial(provider, { region, type: key.type, status, challenge }, material),
  )
}

/**
 * True if a KMS key that is rotated in place accepts every material that it has, which only
 * `challenge` tries. False if its current material does not belong to its latest version.
 */
async function observeMaterials(
  { engine, key, provider }: ObserveContext,
  entry: CreatedKmsKey,
  listed: readonly KmsMaterial[],
  challenge: boolean,
): Promise<boolean | undefined> {
  const current = listed.find(({ state }) => state === 'current')
  const expected = materialIn(entry, currentVersion(entry) ?? 0)?.materialId
  if (current && expected !== undefined && current.id !== expected) return false
  if (!challenge) return undefined
  const present = entry.materials.filter(isAssociated).flatMap(({ version, materialId }) => {
    const found = listed.find(({ id, imported }) => id === materialId && imported)
    const isStored = key.versions[version]?.material.state === 'stored'
    return found && isStored ? [{ version, found }] : []
  })
  if (present.length === 0) return undefined
  for (const { version, found } of present) {
    const accepted = await withMaterial(engine.store, key, version, (material) =>
      provider.accepts(entry.region, entry.key, key.type, material, found.expires),
    )
    if (!isAcceptedAs(accepted, found.id)) return false
  }
  return true
}

/**
 * True if the KMS key proves that its current material is this one, or, with `challenge`, accepts
 * it again with the same expiry; undefined if there is no proof.
 */
export async function showsMaterial(
  provider: KmsProvider,
  { region, type, status, challenge }: MaterialQuestion,
  material: Uint8Array,
): Promise<boolean | undefined> {
  const { key, expires, materialId: current } = status
  const seen = await provider.holds(region, key, type, material)
  if (seen !== undefined || !challenge) return seen
  const accepted = await provider.accepts(region, key, type, material, expires)
  return isAcceptedAs(accepted, current)
}

/**
 * PURE: true if the KMS key has accepted the material as that with this id. AWS accepts every
 * material of the KMS key, and only the id says which one it was. A dry run has no id.
 */
export function isAcceptedAs(
  accepted: ImportedMaterial | undefined,
  id: string | undefined,
): boolean {
  const { materialId } = accepted ?? {}
  return accepted !== undefined && (!materialId || !id || materialId === id)
}
