import { isDropped } from '../../src/core/records/dropped-regions.js'
import { isTrimmed } from '../../src/core/records/trimmed.js'
import { currentMaterial } from '../../src/dev-kms/state.js'
import { ACCOUNTS, type AccessKeyId } from './aws.js'
import { lostOriginals } from './checks.js'
import type { Course } from './history.js'
import { LINES, type Change, type KeyName } from './steps.js'
import { readStores, type FoundDistribution } from './stores.js'
import type { Ran } from './world.js'

/** A difference as `verify` prints it. */
interface Difference {
  readonly what: string
  readonly region: string
  readonly subject: string
  readonly found: string
  readonly next_step: string | null
}

/**
 * Ends every interruption by the commands that keymgmt names for it, and repairs every difference.
 * Returns what is left and can't be explained by the change of somebody else.
 */
export async function settle(course: Course): Promise<string[]> {
  course.world.machine.aheadMs = 0
  const { unfinishedRestore } = course.model
  if (unfinishedRestore !== undefined) await course.run(unfinishedRestore)
  const problems: string[] = []
  for (const found of await activeDistributions(course))
    problems.push(...(await passLost(course, found)))
  for (const found of await activeDistributions(course))
    problems.push(...(await mend(course, found)))
  for (const found of await activeDistributions(course))
    problems.push(...(await movePrimaries(course, found)))
  for (const found of await newestOfEachKey(course)) problems.push(...(await trim(course, found)))
  for (const found of await newestOfEachKey(course)) problems.push(...(await rotate(course, found)))
  for (const found of await activeDistributions(course))
    problems.push(...(await verify(course, found)))
  for (const key of await removedKeys(course)) problems.push(...(await tryToDelete(course, key)))
  return problems
}

/** The keys that are no longer distributed, and whose KMS keys wait for their deletion. */
async function removedKeys({ world }: Course): Promise<readonly string[]> {
  const [main] = await readStores(world)
  const all = main?.distributions ?? []
  const active = new Set(all.filter(({ isArchived }) => !isArchived).map(({ key }) => key))
  return [...new Set(all.map(({ key }) => key))].filter((key) => !active.has(key))
}

/** As long as AWS has a KMS key, a user can't delete the original that `restore` needs. */
async function tryToDelete({ world, model }: Course, key: string): Promise<string[]> {
  return world.pretend(async () => {
    for (const line of [LINES.allowDeletion(key as KeyName), LINES.deleteKey(key)])
      await world.run({ line })
    return lostOriginals(world, model, await readStores(world))
  })
}

async function activeDistributions({ world }: Course): Promise<FoundDistribution[]> {
  const [main] = await readStores(world)
  return (main?.distributions ?? []).filter(({ isArchived }) => !isArchived)
}

/** One distribution of each key, if possible with the credentials of the environment. */
async function newestOfEachKey(course: Course): Promise<FoundDistribution[]> {
  const found = (await activeDistributions(course)).sort((one) =>
    one.provider === 'west' ? 1 : -1,
  )
  return [...new Map(found.map((each) => [each.key, each])).values()]
}

/** The credentials of the account that has the KMS keys. */
function accountOf({ record }: FoundDistribution): AccessKeyId {
  const isSecond = record.pinned?.account === ACCOUNTS.AKIAEXAMPLE000000002
  return isSecond ? 'AKIAEXAMPLE000000002' : 'AKIAEXAMPLE000000001'
}

/** A KMS key that AWS no longer has blocks no command, also before a repair. */
async function passLost(course: Course, found: FoundDistribution): Promise<string[]> {
  const { key, record } = found
  if (!course.model.lost.has(key)) return []
  const latest = Math.max(...record.kmsKeys.map(({ version }) => version))
  const problems: string[] = []
  for (const minimum of [latest, 0]) {
    const line = LINES.minimum(key as KeyName, minimum)
    const { error } = await course.run(line, accountOf(found))
    if (error?.code === 'KMS_KEY_NOT_FOUND') problems.push(`${line}: ${error.message}`)
  }
  return problems
}

/** Takes back what was begun, and repairs. */
async function mend(course: Course, found: FoundDistribution): Promise<string[]> {
  const { provider, key, record } = found
  const run = (line: string) => course.run(line, accountOf(found))
  const isHalfDropped = record.kmsKeys.some(
    (entry) =>
      entry.state === 'created' && !entry.deletion && !record.regions.includes(entry.region),
  )
  if (record.state !== 'active' || isHalfDropped) {
    const first = await run(LINES.restore(provider, key))
    // Somebody else's change can be in the way: `repair` says so to the records.
    if (first.status !== 0) await run(LINES.repair(provider, key))
    const { status, error } = await run(LINES.restore(provider, key))
    if (status !== 0)
      return isExplained(course, key) || isOutdated(course, key, error)
        ? []
        : [`restore of ${key} in ${provider}: ${error?.message ?? ''}`]
  }
  const { status, error } = await run(LINES.repair(provider, key))
  if (status === 0 || status === 3) return []
  return isExplained(course, key) || isOutdated(course, key, error)
    ? []
    : [`repair of ${key} in ${provider}: ${error?.message ?? ''}`]
}

/** The primaries can always be moved to the Region that the user chose, also those of somebody. */
async function movePrimaries(course: Course, found: FoundDistribution): Promise<string[]> {
  const { provider, key, record } = found
  if (record.primaryRegion === undefined) return []
  const line = LINES.primary(provider, key, record.primaryRegion)
  const { status, error } = await course.run(line, accountOf(found))
  if (status === 0 || isExplained(course, key) || isOutdated(course, key, error)) return []
  return [`move of the primaries of ${key}: ${error?.message ?? ''}`]
}

/** Finishes the trim of a key, which no other command does. */
async function trim(course: Course, found: FoundDistribution): Promise<string[]> {
  const { key } = found
  const [main] = await readStores(course.world)
  const minimum = main?.keys.find(({ name }) => name === key)?.minAvailableVersion ?? 0
  if (minimum === 0) return []
  const { status, error } = await course.run(LINES.trim(key, minimum), accountOf(found))
  if (status === 0 || isExplained(course, key) || isOutdated(course, key, error)) return []
  return [`trim of ${key}: ${error?.message ?? ''}`]
}

/** A key can always get another version. The first rotation may finish an earlier one. */
async function rotate(course: Course, found: FoundDistribution): Promise<string[]> {
  const { key } = found
  const { status, error } = await course.run(LINES.rotate(key), accountOf(found))
  if (status === 0 || isExplained(course, key) || isOutdated(course, key, error)) return []
  if (error?.code === 'KMS_FAILED' && isAliasExplained(course, key)) return []
  return [`rotate of ${key}: ${error?.message ?? ''}`]
}

/** `verify` is clean, or somebody else's change explains each difference. */
async function verify(course: Course, found: FoundDistribution): Promise<string[]> {
  const { provider, key } = found
  const line = LINES.verify(provider, key)
  const { status, stdout, error } = await course.run(line, accountOf(found))
  if (status === 0) return otherMaterial(course, found)
  if (isOutdated(course, key, error)) return []
  if (status !== 3) return [`verify of ${key} in ${provider}: ${error?.message ?? ''}`]
  const isLost = course.model.lost.has(key)
  const { data } = JSON.parse(stdout) as { data: { differences: Difference[] } }
  const isOlder = data.differences.some(({ next_step }) => next_step?.includes('newest copy'))
  if (isOlder && isNewerElsewhere(course, key)) return []
  return data.differences
    .filter(
      ({ what, found }) =>
        !isExplained(course, key) &&
        !(isLost && /lost|deleted/.test(found)) &&
        !(/^(alias|unfinished)$/.test(what) && isAliasExplained(course, key)) &&
        // Replicas that are lost, or that only another copy of the store, or a later state, knows.
        !(what === 'multi-region' && (isLost || isNewerElsewhere(course, key))),
    )
    .map((difference) => `verify of ${key} in ${provider} finds ${JSON.stringify(difference)}`)
}

/** `verify` is not clean if AWS's current material is not the store's. */
async function otherMaterial(
  course: Course,
  { provider, key }: FoundDistribution,
): Promise<string[]> {
  const [main] = await readStores(course.world)
  const found = main?.distributions.find(
    (one) => one.provider === provider && one.key === key && !one.isArchived,
  )
  const kmsKeys = new Map([...course.model.kmsKeys()].map((each) => [each.key.arn, each.key]))
  const owner = main?.keys.find(({ name }) => name === key)
  return (found?.record.kmsKeys ?? []).flatMap((entry) => {
    // These KMS keys await deletion, with or without material.
    const isEnded =
      owner &&
      found &&
      (isTrimmed(owner, found.record, entry.version) || isDropped(found.record, entry.region))
    if (entry.state !== 'created' || isEnded) return []
    const newest = Math.max(...entry.materials.map(({ version }) => version))
    const expected = main?.materials.get(`${found?.record.keyId ?? ''} ${newest}`)
    const kmsKey = kmsKeys.get(entry.key.arn)
    const actual = kmsKey && currentMaterial(kmsKey)?.bytes?.toString('hex')
    // A version that a restored snapshot lacks has no material in the store.
    return expected === undefined || actual === expected
      ? []
      : [`verify of ${key} in ${provider} is clean, but ${entry.key.id} has other material`]
  })
}

/** True if AWS can be newer than this store: another copy changed the key. */
function isNewerElsewhere({ model }: Course, key: string): boolean {
  return model.changedInCopy.has(key)
}

/**
 * True if somebody moved an alias of a key whose newest version the store lacks: `verify` does not
 * see that before the next rotation, which then needs `repair`.
 */
function isAliasExplained(course: Course, key: string): boolean {
  return course.model.movedAliases.has(key) && isNewerElsewhere(course, key)
}

/** True if the command rightly refused to work with an older copy of the store. */
function isOutdated(course: Course, key: string, error: Ran['error']): boolean {
  return error?.code === 'STORE_OUTDATED' && isNewerElsewhere(course, key)
}

/** The change of somebody else that keymgmt can neither undo nor accept. */
const IRREPARABLE: Change = 'rotate to other material'

/** True if somebody else changed a KMS key of this key for good. */
function isExplained({ model }: Course, key: string): boolean {
  return [...model.uses.values()].some((use) => use.key === key && use.touched.has(IRREPARABLE))
}
