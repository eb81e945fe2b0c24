import type { Engine } from '../engine.js'
import { aliasName, distributionName, keyInName, secondInName } from './alias-names.js'
import { recordPath } from './model.js'
import { readDistribution } from './repository.js'

/**
 * Returns a name for a new distribution of the key. Its timestamp is the next second whose alias no
 * distribution of this store has, active or archived, and is later than the timestamp of `taken`.
 */
export async function freeName(engine: Engine, key: string, taken?: string): Promise<string> {
  const used = new Set((await namesLike(engine, key)).map(aliasName))
  const now = engine.now().getTime()
  const first = taken === undefined ? now : Math.max(now, (secondInName(taken) + 1) * 1000)
  for (let time = first; ; time += 1000) {
    const name = distributionName(key, new Date(time))
    if (!used.has(aliasName(name))) return name
  }
}

/**
 * Returns the names of all distributions whose alias differs from the key's only in the timestamp.
 */
async function namesLike(engine: Engine, key: string): Promise<string[]> {
  const { store } = engine
  const isLike = (other: string) => aliasName(other) === aliasName(key)
  const active = await Promise.all(
    (await store.list(recordPath.distributions)).map(async (providerName) => {
      const keys = (await store.list(recordPath.distributionsOf(providerName))).filter(isLike)
      return Promise.all(keys.map((each) => readDistribution(engine, providerName, each)))
    }),
  )
  const archived = await Promise.all(
    (await store.list(recordPath.archive)).map((name) => store.list(recordPath.archiveOf(name))),
  )
  return [
    ...active.flat().flatMap((record) => record?.name ?? []),
    ...archived.flat().filter((name) => isLike(keyInName(name))),
  ]
}
