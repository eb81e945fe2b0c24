import type { KmsEndpoint, KmsIdentity } from '../../kms/provider.js'
import { openProvider, type Engine } from '../engine.js'
import { recordPath, type KmsRecord, type PinnedPlace } from '../records/model.js'
import { inParallel } from '../../parallel.js'
import { readDistribution, readProvider, requireProvider } from '../records/repository.js'
import { credentialsSource, type CredentialsSource } from './status.js'

/** A provider, and the recorded places of its KMS keys. */
export interface ProviderDescription {
  readonly record: KmsRecord
  readonly credentials: CredentialsSource
  /** The distinct places that its distributions have pinned. Empty before the first KMS key. */
  readonly pinned: readonly PinnedPlace[]
}

/** Describes a provider from the records; undefined if it does not exist. */
export async function describeProvider(
  engine: Engine,
  name: string,
): Promise<ProviderDescription | undefined> {
  const record = await readProvider(engine, name)
  return (
    record && {
      record,
      credentials: credentialsSource(record.credentials),
      pinned: await pinnedPlaces(engine, name),
    }
  )
}

/** The caller, and the accounts that the caller's requests must go to. */
export interface CallerDescription {
  readonly identity: KmsIdentity
  /** The endpoint of the provider, in its own Region. */
  readonly endpoint: KmsEndpoint
  readonly pinned: readonly PinnedPlace[]
}

/**
 * Asks AWS who a provider's credentials belong to.
 * @throws KeymgmtError KMS_NOT_FOUND; errors of the KMS.
 */
export async function identifyCaller(engine: Engine, name: string): Promise<CallerDescription> {
  const provider = await openProvider(engine, await requireProvider(engine, name))
  return {
    endpoint: await provider.endpoint(),
    identity: await provider.identity(),
    pinned: await pinnedPlaces(engine, name),
  }
}

async function pinnedPlaces(engine: Engine, providerName: string): Promise<PinnedPlace[]> {
  const keys = await engine.store.list(recordPath.distributionsOf(providerName))
  const records = await inParallel(keys, (key) => readDistribution(engine, providerName, key))
  const places = records.flatMap((record) => record?.pinned ?? [])
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()]
}
