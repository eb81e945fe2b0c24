import type { KmsMaterial } from '../../kms/kms-key.js'
import { currentVersion } from '../records/kms-keys.js'
import { without, type CreatedKmsKey, type MaterialEntry } from '../records/model.js'
import { isStoredVersion } from '../records/stored-versions.js'
import {
  expiredAdvice,
  expiredText,
  isExpired,
  isSameExpiry,
  notInStoreAdvice,
  repairOf,
  type Compared,
  type Difference,
} from './difference.js'
import { newerMaterials } from './newer-material.js'
import { OUTDATED_NEXT_STEPS } from './newer.js'

/** Creates the difference of one material. The default of `advice` is `repair`. */
type Differs = (
  what: 'material' | 'expiry',
  version: number | undefined,
  expected: string,
  found: string,
  advice?: string,
) => Difference

function differsIn(compared: Compared, { region, key }: CreatedKmsKey): Differs {
  return (what, version, expected, found, advice) => ({
    what,
    region,
    ...(version !== undefined && { version }),
    subject: key.id,
    expected,
    found,
    repairable: advice === undefined,
    nextStep: advice ?? repairOf(compared),
  })
}

/**
 * PURE: compares the materials of a KMS key that is rotated in place: those on record with those in
 * AWS. Returns the differences.
 */
export function compareMaterials(
  compared: Compared,
  entry: CreatedKmsKey,
  listed: readonly KmsMaterial[],
): Difference[] {
  const { state } = compared.record
  const differs = differsIn(compared, entry)
  if (state === 'removed') return []
  const ofVersions = entry.materials.flatMap((known): Difference[] => {
    const found = listed.find(({ id }) => id === known.materialId)
    if (state === 'revoked')
      return found?.imported && isStoredVersion(compared.key, known.version)
        ? [differs('material', known.version, 'deleted', 'imported')]
        : []
    return compareMaterial(compared, entry, known, found, differs)
  })
  return state === 'revoked'
    ? ofVersions
    : [...ofVersions, ...compareUnknown(compared, entry, listed, differs)]
}

function compareMaterial(
  compared: Compared,
  entry: CreatedKmsKey,
  known: MaterialEntry,
  found: KmsMaterial | undefined,
  differs: Differs,
): Difference[] {
  const { version, validTo, pending, stale, materialId } = known
  if (materialId === undefined) return []
  if (!found)
    return [
      pending
        ? differs('material', version, 'pending rotation', 'deleted')
        : differs('material', version, 'imported', 'unknown to AWS', NO_SUCH_MATERIAL),
    ]
  const advice = notInStoreAdvice(compared, [version]) ?? expiredAdvice(compared, [known])
  const isCurrent = version === currentVersion(entry)
  const again = `somebody rotated it in place; to rotate it to a new version: keymgmt write -f keymgmt/key/${compared.key.name}/rotate`
  const state = found.imported ? 'enabled' : 'pending-import'
  const differences: (Difference | false)[] = [
    !found.imported &&
      differs('material', version, 'imported', expiredText(compared, [known]) ?? 'missing', advice),
    isCurrent &&
      found.state !== 'current' &&
      differs('material', version, 'current', found.state, again),
    pending === true &&
      !isPending(found) &&
      differs('material', version, 'pending rotation', found.state),
    // Material that waits for its renewal may have the new expiry already.
    !stale &&
      !isSameExpiry({ state, expires: found.expires }, validTo) &&
      differs(
        'expiry',
        version,
        validTo ?? 'never',
        found.expires?.toISOString() ?? 'never',
        advice,
      ),
  ]
  return differences.filter((difference) => difference !== false)
}

const NO_SUCH_MATERIAL =
  'AWS never forgets material that was current: check the account and the endpoint of the provider'

/** Material that is not on record: somebody else or a newer copy of the store imported it. */
function compareUnknown(
  { key }: Compared,
  entry: CreatedKmsKey,
  listed: readonly KmsMaterial[],
  differs: Differs,
): Difference[] {
  const newer = newerMaterials(key, entry, listed)
  const command = (name: string) =>
    `aws kms ${name} --region ${entry.region} --key-id ${entry.key.id}`
  return listed
    .filter((each) => !entry.materials.some((known) => isRecordOf(known, each)))
    .map((each) => {
      const isNewer = newer.some(({ material }) => material === each)
      const nextStep = isNewer
        ? OUTDATED_NEXT_STEPS.join('; ')
        : isPending(each)
          ? `to delete it: ${command('delete-imported-key-material')} --key-material-id ${each.id}`
          : `only its owner can import it again; see the rotations: ${command('list-key-rotations')} --include-key-material ALL_KEY_MATERIAL`
      return differs(
        'material',
        undefined,
        'on record',
        `${each.state} material ${each.id}`,
        nextStep,
      )
    })
}

function isRecordOf(known: MaterialEntry, { id, description }: KmsMaterial): boolean {
  const { materialId, operationId } = known
  return (
    materialId === id ||
    (operationId !== undefined && description?.endsWith(`/${operationId}`) === true)
  )
}

function isPending({ state }: KmsMaterial): boolean {
  return state === 'pending' || state === 'incomplete'
}

/**
 * PURE: returns the materials on record corrected to those in AWS, so that the plan contains every
 * repair. Material with another expiry is imported again, unless its expiry has passed.
 */
export function amendMaterials(
  compared: Compared,
  { materials }: CreatedKmsKey,
  listed: readonly KmsMaterial[],
): readonly MaterialEntry[] {
  return materials.flatMap((known): MaterialEntry[] => {
    if (known.materialId === undefined) return [known]
    const found = listed.find((each) => isRecordOf(known, each))
    if (!found) return known.pending ? [] : [known]
    const { imported, expires } = found
    const isKept =
      compared.record.state === 'revoked' ||
      known.stale === true ||
      isSameExpiry({ state: 'enabled', expires }, known.validTo)
    return [
      {
        ...without(known, 'pending'),
        imported: isExpired(compared, known) ? known.imported : imported && isKept,
        ...(isPending(found) && { pending: true }),
      },
    ]
  })
}
