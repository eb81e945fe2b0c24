import type { Engine } from '../engine.js'
import { recordPath } from '../records/model.js'
import { inParallel } from '../../parallel.js'
import {
  listDistributions,
  readDistribution,
  readKey,
  readProvider,
} from '../records/repository.js'
import { isBehind } from '../reconcile/behind.js'
import { listRemoved, type RemovedDistribution } from '../records/removed.js'

/** The source of AWS credentials that assume no role. */
export type BaseCredentials =
  | { readonly source: 'access-key' }
  | { readonly source: 'profile'; readonly profile: string }
  /** Environment, shared files or the role of the machine. */
  | { readonly source: 'chain' }

/** The source of a provider's AWS credentials. */
export type CredentialsSource =
  | BaseCredentials
  | { readonly source: 'role'; readonly roleArn: string; readonly assumedWith: BaseCredentials }

/** The content of the store. */
export interface StoreStatus {
  /** Number of keys. */
  readonly keys: number
  /** Number of providers. */
  readonly providers: number
  /** Number of active and revoked distributions. */
  readonly distributions: number
  /** Number of distributions that lack a version. */
  readonly behind: number
  /** The removed distributions that can still be restored, according to the records. */
  readonly removed: readonly RemovedDistribution[]
  /** The source of credentials, by provider. */
  readonly credentials: Readonly<Record<string, CredentialsSource>>
}

/**
 * Counts keys, providers, distributions and those that are behind, lists the removed ones, and
 * returns the source of each provider's credentials. Sends nothing to AWS.
 * @throws KeymgmtError STORE_SEALED, STORE_CORRUPT, STORE_UNAVAILABLE
 */
export async function readStatus(engine: Engine): Promise<StoreStatus> {
  const [keys, providers, distributions] = await Promise.all([
    engine.store.list(recordPath.keys),
    engine.store.list(recordPath.providers),
    listDistributions(engine),
  ])
  const credentials = await inParallel(providers, async (name) => {
    const provider = await readProvider(engine, name)
    return [name, credentialsSource(provider?.credentials ?? {})] as const
  })
  return {
    keys: keys.length,
    providers: providers.length,
    distributions: distributions.length,
    behind: await countBehind(engine, distributions),
    removed: await listRemoved(engine),
    credentials: Object.fromEntries(credentials),
  }
}

/** Reads the record of each key and of each distribution once. */
async function countBehind(
  engine: Engine,
  distributions: readonly { readonly providerName: string; readonly key: string }[],
): Promise<number> {
  const names = new Set(distributions.map(({ key }) => key))
  const keys = new Map(
    await inParallel(names, async (name) => [name, await readKey(engine, name)] as const),
  )
  const behind = await inParallel(distributions, async ({ providerName, key: name }) => {
    const key = keys.get(name)
    if (!key) return false
    const distribution = await readDistribution(engine, providerName, name)
    return distribution !== undefined && isBehind(key, distribution)
  })
  return behind.filter(Boolean).length
}

/** PURE: returns the source that a provider's stored credentials name. */
export function credentialsSource(
  credentials: Readonly<Record<string, string>>,
): CredentialsSource {
  const base = baseCredentials(credentials)
  return credentials.role_arn
    ? { source: 'role', roleArn: credentials.role_arn, assumedWith: base }
    : base
}

function baseCredentials({
  access_key,
  profile,
}: Readonly<Record<string, string>>): BaseCredentials {
  if (access_key) return { source: 'access-key' }
  return profile ? { source: 'profile', profile } : { source: 'chain' }
}
