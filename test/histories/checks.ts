import type { Key } from '../../src/dev-kms/state.js'
import type { Model } from './model.js'
import { readOriginals, readStores, type StoreContent } from './stores.js'
import type { World } from './world.js'

/**
 * Returns what is wrong while no command is running: what is lost, unknown, replaced, or in the
 * wrong account. Every message names what it is about.
 */
export async function check(world: World, model: Model): Promise<string[]> {
  await world.machine.quiesce()
  const stores = await readStores(world)
  await model.observe(stores)
  const problems = [...model.unasked.splice(0), ...(await model.broken())]
  const error = stores.find(({ name }) => name === 'main')?.error
  if (error?.includes('is being restored') && model.unfinishedRestore !== undefined) return problems
  return [
    ...problems,
    ...(error === undefined ? [] : [`the store can't be read: ${error}`]),
    ...replacedMaterial(model, stores),
    ...unknownKmsKeys(model, stores),
    ...doubleKmsKeys(model),
    ...sharedKmsKeys(stores),
    ...foreignAccounts(stores),
    ...(await lostOriginals(world, model, stores)),
  ]
}

/** Material is written once: a version never has other material than before. */
function replacedMaterial(model: Model, stores: readonly StoreContent[]): string[] {
  return stores.flatMap(({ name, materials }) =>
    [...materials].flatMap(([at, hex]) => {
      const [keyId = '', version] = at.split(' ')
      return model.learn(keyId, Number(version), name, hex) ?? []
    }),
  )
}

/** A record, or something that was printed, names every KMS key that has our tags. */
function unknownKmsKeys(model: Model, stores: readonly StoreContent[]): string[] {
  const entries = stores.flatMap(({ distributions, forgotten }) =>
    [...distributions.map(({ record }) => record), ...forgotten].flatMap((each) => each.kmsKeys),
  )
  const named = new Set(
    entries.flatMap((entry) =>
      entry.state === 'creating' ? [] : `${entry.region} ${entry.key.id}`,
    ),
  )
  const ids = new Set(entries.flatMap((entry) => (entry.state === 'creating' ? [] : entry.key.id)))
  const creating = entries.filter((entry) => entry.state === 'creating')
  const isCreating = (region: string, key: Key) =>
    creating.some(
      (entry) =>
        entry.region === region &&
        (entry.operationId === key.tags.get('keymgmt:operation') || ids.has(key.id)),
    )
  return [...model.kmsKeys()]
    .filter(
      ({ region, key }) =>
        !named.has(`${region} ${key.id}`) &&
        !isCreating(region, key) &&
        !model.reported.includes(key.id),
    )
    .map(({ region, key }) => `nothing names KMS key ${key.id} in ${region} (${tagsOf(key)})`)
}

/** One attempt to create a KMS key creates at most one. */
function doubleKmsKeys(model: Model): string[] {
  const seen = new Set<string>()
  return [...model.kmsKeys()].flatMap(({ region, key }) => {
    const operation = key.tags.get('keymgmt:operation')
    if (operation === undefined) return []
    const at = `${operation} in ${region}`
    if (seen.has(at)) return [`two KMS keys of operation ${at}`]
    seen.add(at)
    return []
  })
}

/** A KMS key belongs to one distribution, although its record can be in two places for a moment. */
function sharedKmsKeys(stores: readonly StoreContent[]): string[] {
  return stores.flatMap(({ name: store, distributions }) => {
    const owners = new Map<string, string>()
    return distributions.flatMap(({ provider, record }) =>
      record.kmsKeys.flatMap((entry) => {
        if (entry.state === 'creating') return []
        const at = `${entry.region} ${entry.key.id}`
        const owner = `${record.name} in ${provider}`
        const other = owners.get(at) ?? owner
        owners.set(at, owner)
        return other === owner
          ? []
          : [`${store}: KMS key ${at} belongs to ${owner} and to ${other}`]
      }),
    )
  })
}

/** The KMS keys of a distribution are in one account. */
function foreignAccounts(stores: readonly StoreContent[]): string[] {
  return stores.flatMap(({ distributions }) =>
    distributions.flatMap(({ provider, key, record }) => {
      const accounts = new Set(
        record.kmsKeys.flatMap((entry) =>
          entry.state === 'creating' ? [] : entry.key.arn.split(':')[4],
        ),
      )
      return accounts.size > 1
        ? [`${key} in ${provider} has KMS keys in accounts ${[...accounts].join(' and ')}`]
        : []
    }),
  )
}

/** A store has the original of every material that AWS has, also of a removed distribution. */
export async function lostOriginals(
  world: World,
  model: Model,
  stores: readonly StoreContent[],
): Promise<string[]> {
  const inUse = new Set(stores.flatMap(({ materials }) => [...materials.values()]))
  const others = [...model.kmsKeys()].flatMap(({ region, key }) => {
    if (key.usage === 'SIGN_VERIFY' || model.touchedAt(region, key.id).size > 0) return []
    return key.materials
      .flatMap(({ bytes }) => bytes?.toString('hex') ?? [])
      .filter((hex) => !inUse.has(hex))
      .map((hex) => ({ region, key, hex }))
  })
  if (others.length === 0 || stores.some(({ error }) => error !== undefined)) return []
  const originals = await readOriginals(world)
  return others
    .filter(({ hex }) => !originals.has(hex))
    .map(
      ({ region, key }) =>
        `no store has the material of KMS key ${key.id} in ${region} (${tagsOf(key)})`,
    )
}

function tagsOf({ tags }: Key): string {
  return `${tags.get('keymgmt:key') ?? '?'} version ${tags.get('keymgmt:version') ?? '?'}`
}
