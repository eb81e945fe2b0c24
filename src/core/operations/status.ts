import type { Json } from '../../router/values.js'
import type { Engine } from '../engine.js'
import { readProvider } from '../records/repository.js'
import { recordPath } from '../records/model.js'

/**
 * How many keys, providers and distributions the store holds, and where each provider's AWS
 * credentials come from.
 */
export async function distributionCounts(engine: Engine): Promise<Record<string, Json>> {
  const [keys, providers, placed] = await Promise.all([
    engine.store.list(recordPath.keys),
    engine.store.list(recordPath.providers),
    engine.store.list(recordPath.distributions),
  ])
  const distributions = await Promise.all(
    placed.map((kms) => engine.store.list(recordPath.distributionsOf(kms))),
  )
  const credentials = await Promise.all(
    providers.map(
      async (name) =>
        [name, describeCredentials((await readProvider(engine, name))?.credentials ?? {})] as const,
    ),
  )
  return {
    credentials: Object.fromEntries(credentials),
    distributions: distributions.flat().length,
    keys: keys.length,
    providers: providers.length,
  }
}

/** Where a provider's AWS credentials come from, for a person to read. */
function describeCredentials(credentials: Readonly<Record<string, string>>): string {
  const source = credentials.access_key
    ? 'stored access key'
    : credentials.profile
      ? `profile ${credentials.profile}`
      : 'environment, shared files or role of the machine'
  return credentials.role_arn ? `role ${credentials.role_arn}, assumed with ${source}` : source
}
