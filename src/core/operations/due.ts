import type { Engine } from '../engine.js'
import { readAllRecords, type ProviderDistribution } from '../records/all-records.js'
import type { KeyRecord } from '../records/model.js'
import { readKey } from '../records/repository.js'
import { isOverAge, nextRotation } from '../records/rotation-age.js'
import { behindIn, type BehindDistribution } from './list-behind.js'
import { oneByOne, type ItemResult } from './one-by-one.js'
import { rotate } from './rotate.js'
import type { UncheckedRecord } from '../records/unchecked-record.js'

/** A key that is due for a rotation. */
export interface DueKey {
  /** Name of the key. */
  readonly name: string
  /** The latest version in use. */
  readonly latestVersion: number
  /** The version that no distribution has yet. */
  readonly pendingVersion: number | undefined
  /** The distributions that lack a version. */
  readonly behind: readonly BehindDistribution[]
  /**
   * Age in seconds at which its newest version is due for a rotation; 0 if the key has no period.
   */
  readonly rotationPeriod: number
  /** The time at which its newest version reaches that age. */
  readonly nextRotation: Date | undefined
  /** True if that time has passed. */
  readonly overAge: boolean
}

/** The keys that are due, by name, and the records that could not be read. */
export interface DueKeys {
  /** The keys. */
  readonly due: readonly DueKey[]
  /** The records. */
  readonly unchecked: readonly UncheckedRecord[]
}

/** The result of one rotation. Its error is the reason why the key is still due. */
export interface RotatedKey extends Omit<ItemResult<DueKey>, 'item'> {
  /** The key as it was before. */
  readonly due: DueKey
  /** The latest version afterwards. */
  readonly latestVersion: number
}

/**
 * PURE: returns the key if it is due: if its newest version is as old as its rotation period, is
 * pending, or is missing in a distribution.
 */
export function dueKey(
  key: KeyRecord,
  distributions: readonly ProviderDistribution[],
  now: Date,
): DueKey | undefined {
  const { name, latestVersion, pendingVersion, rotationPeriod = 0 } = key
  const behind = distributions.flatMap(
    ({ providerName, record }) => behindIn(key, providerName, record) ?? [],
  )
  const overAge = isOverAge(key, now)
  if (!overAge && pendingVersion === undefined && behind.length === 0) return undefined
  return {
    name,
    latestVersion,
    pendingVersion,
    behind,
    rotationPeriod,
    nextRotation: nextRotation(key),
    overAge,
  }
}

/**
 * Returns the keys that are due, from the records alone. Reads each record once. A damaged record
 * hides no other key.
 * @throws KeymgmtError STORE_SEALED, STORE_UNAVAILABLE
 */
export async function listDue(engine: Engine): Promise<DueKeys> {
  const { keys, distributionsOf, unchecked } = await readAllRecords(engine)
  const now = engine.now()
  return { due: keys.flatMap((key) => dueKey(key, distributionsOf(key), now) ?? []), unchecked }
}

/**
 * Rotates the keys, one after the other. A key whose distribution is behind is brought up to date;
 * if it is also over age, it is rotated after that. A failure does not stop the others. Leaves out
 * a key that another command has rotated meanwhile.
 * @returns one result for each key. After an interruption, a timeout or a failure of the store, the
 * remaining keys have the same error.
 */
export async function rotateDue(
  engine: Engine,
  due: readonly DueKey[],
): Promise<readonly RotatedKey[]> {
  const latest = new Map<string, number>()
  const results = await oneByOne(engine, due, async (collecting, { name }) => {
    latest.set(name, await rotateOne(collecting, name))
  })
  return Promise.all(
    results.map(async ({ item, ...result }) => {
      // A rotation that failed in one provider may have created a version for another.
      const known = () => readKey(engine, item.name).catch(() => undefined)
      const latestVersion = latest.get(item.name) ?? (await known())?.latestVersion
      return { ...result, due: item, latestVersion: latestVersion ?? item.latestVersion }
    }),
  )
}

/** Returns the latest version afterwards. */
async function rotateOne(engine: Engine, name: string): Promise<number> {
  const { key } = await rotate(engine, name, {
    onlyIf: (current, all) => {
      const records = all.map(({ providerName, distribution }) => ({
        providerName,
        record: distribution.current,
      }))
      return dueKey(current, records, engine.now()) !== undefined
    },
  })
  const isStillDue = (current: KeyRecord) => isOverAge(current, engine.now())
  if (!isStillDue(key)) return key.latestVersion
  return (await rotate(engine, name, { onlyIf: isStillDue })).key.latestVersion
}
