import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  createEngine,
  openSealedLocalStore,
  verifyDistribution,
  awsKms,
  type Engine,
  type Store,
} from '../../src/index.js'
import { readDistribution, requireKey } from '../../src/core/records/repository.js'
import { isEnabledVersion, wantedAliases } from '../../src/core/reconcile/plan.js'
import { skippedReplicas } from '../../src/core/reconcile/skipped.js'
import { createdKmsKeyAt, createdKmsKeys, isInPlace } from '../../src/core/records/kms-keys.js'
import { isTrimmed } from '../../src/core/records/trimmed.js'
import { withMaterial } from '../../src/core/records/material.js'
import type { DistributionRecord, KeyRecord } from '../../src/core/records/model.js'
import { archivedOf } from '../../src/core/records/archive.js'
import type { DevKms } from '../../src/dev-kms/index.js'
import { currentMaterial, type Key } from '../../src/dev-kms/state.js'

/** The library over a store: it checks the binary's work independently. */
function openEngine(kms: DevKms, store: Store): Engine {
  const env = { AWS_ENDPOINT_URL_KMS: kms.endpoint }
  return createEngine({
    store,
    kinds: { awskms: awsKms({ env, signal: new AbortController().signal }) },
  })
}

/**
 * Lists the problems of the key `app` in the provider `k`. An empty list means: one KMS key for
 * each version and Region and no other, with the store's material and in the right state; the right
 * aliases; no lock; and nothing unfinished. The store is the local one in `home`, by default.
 */
export async function findProblems(
  home: string,
  kms: DevKms,
  store = openSealedLocalStore({ storeDir: home, keyfile: join(home, 'keyfile') }).store,
): Promise<string[]> {
  const engine = openEngine(kms, store)
  const key = (await requireKey(engine, 'app')).current
  const active = await readDistribution(engine, 'k', 'app')
  const record = active ?? (await archivedOf(engine, key, 'k'))[0]?.record
  if (!record) return ['the store has no record of the distribution']
  return [
    ...(key.pendingVersion === undefined ? [] : ['a rotation is not finished']),
    ...(record.state === 'removed' && active ? ['a removal is not finished'] : []),
    ...(await kmsKeyProblems(engine, kms, key, record)),
    ...aliasProblems(kms, key, record),
    ...leftoverLocks(home),
    ...(active
      ? (await verifyDistribution(engine, 'k', 'app', false)).differences.map((each) =>
          JSON.stringify(each),
        )
      : []),
  ]
}

async function kmsKeyProblems(
  engine: Engine,
  kms: DevKms,
  key: KeyRecord,
  record: DistributionRecord,
): Promise<string[]> {
  const found: string[] = []
  const expected = new Set<string>()
  const skipped = skippedReplicas(key, record)
  for (const { region, key: replica, deletion } of createdKmsKeys(record)) {
    if (record.regions.includes(region)) continue
    expected.add(`${region} ${replica.id}`)
    if (!deletion || !kms.account.region(region).keys.get(replica.id)?.deletion)
      found.push(`${replica.id} in ${region}, which was dropped: no deletion`)
  }
  for (let version = 1; version <= key.latestVersion; version++) {
    const material = await withMaterial(engine.store, key, version, (bytes) =>
      Promise.resolve(Buffer.from(bytes)),
    )
    for (const region of record.regions) {
      if (skipped.some((place) => place.version === version && place.region === region)) continue
      const id = createdKmsKeyAt(record, version, region)?.key.id ?? ''
      const there = kms.account.region(region).keys.get(id)
      expected.add(`${region} ${id}`)
      if (!there) found.push(`version ${version} has no KMS key in ${region}`)
      else if (isInPlace(record))
        found.push(...inPlaceProblems(there, version, material, key, record))
      else if (record.state !== 'revoked' && !currentMaterial(there)?.bytes?.equals(material))
        found.push(`${id} in ${region} has other material`)
      else if (record.state === 'revoked' && currentMaterial(there)?.bytes)
        found.push(`${id} in ${region} has material`)
      const isEnded = record.state === 'removed' || isTrimmed(key, record, version)
      if (there && Boolean(there.deletion) !== isEnded) found.push(`${id} in ${region}: deletion`)
      const enabled = isInPlace(record) || isEnabledVersion(key, version)
      if (there && record.state === 'active' && there.enabled !== enabled)
        found.push(`${id} in ${region}: enabled ${there.enabled}`)
    }
  }
  for (const [name, region] of kms.account.regions) {
    for (const id of region.keys.keys())
      if (!expected.has(`${name} ${id}`)) found.push(`orphan ${id} in ${name}`)
  }
  return found
}

/** The problems of one version in a KMS key that is rotated in place. */
function inPlaceProblems(
  { id, region, materials }: Key,
  version: number,
  material: Buffer,
  { latestVersion }: KeyRecord,
  { state, kmsKeys }: DistributionRecord,
): string[] {
  const [first] = kmsKeys
  const at = version - (first?.version ?? 1)
  const found = materials[at]
  const place = `version ${version} in ${id} in ${region}`
  if (at < 0) return []
  if (!found || materials.length !== latestVersion - version + at + 1)
    return [`${place}: it has ${materials.length} materials`]
  const wanted = version === latestVersion ? 'CURRENT' : 'NON_CURRENT'
  const hasBytes = state === 'revoked' ? !found.bytes : found.bytes?.equals(material) === true
  return [
    ...(hasBytes ? [] : [`${place}: other bytes`]),
    ...(found.state === wanted ? [] : [`${place} is ${found.state}`]),
  ]
}

function aliasProblems(kms: DevKms, key: KeyRecord, record: DistributionRecord): string[] {
  return [...kms.account.regions].flatMap(([name, region]) => {
    const wanted =
      record.state !== 'removed' && record.regions.includes(name)
        ? [...wantedAliases(key, record)].map(
            ([alias, version]) =>
              `${alias} ${createdKmsKeyAt(record, version, name)?.key.id ?? ''}`,
          )
        : []
    const found = [...region.aliases].map(([alias, { target }]) => `${alias} ${target}`)
    return found.sort().join() === wanted.sort().join()
      ? []
      : [`aliases in ${name}: ${found.join()} and not ${wanted.join()}`]
  })
}

function leftoverLocks(home: string): string[] {
  const locks = existsSync(join(home, 'locks'))
    ? readdirSync(join(home, 'locks'), { recursive: true, withFileTypes: true })
    : []
  return locks.filter((entry) => entry.isFile()).map(({ name }) => `a lock is left: ${name}`)
}
