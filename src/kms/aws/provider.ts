import { openConnection, type Connection } from '../../aws/connection.js'
import type { ClientOptions } from '../../aws/endpoint.js'
import { regionIn, type KmsKey } from '../kms-key.js'
import type { KmsProvider, KmsSettings } from '../provider.js'
import { readAccount, readIdentity } from './account.js'
import { aliasTargets, pointAlias, removeAlias } from './aliases.js'
import { addMiddleware, createClients } from './client.js'
import {
  awaitReplica,
  cancelDeletion,
  createKey,
  setDescription,
  disableKey,
  enableKey,
  findReplica,
  hasReplica,
  inspectKey,
  lastUse,
  replicateKey,
  scheduleDeletion,
} from './keys.js'
import { assertNoLockout } from './key-policy.js'
import { accepts, deleteMaterial, holds } from './material.js'
import { movePrimary } from './primary.js'
import { hasPolicy, putPolicy } from './policies.js'
import { importWhenKnown, listMaterials, rotateKey } from './rotation.js'
import type { ProcessLookups } from '../../aws/credentials.js'
import type { AwsMiddleware } from './middleware.js'
import { createRateLimiter, type RateLimiter } from './rate-limiter.js'
import { retryWithin, type RetryOptions } from './retry.js'
import { keyIdIn, type Session } from './session.js'
import { findByOperation, findTagged, tagKey, tagsOf, untagKey } from './tags.js'

/** The options of all providers of AWS KMS. */
export interface AwsOptions extends RetryOptions, ClientOptions {
  /**
   * Returns the middleware that the requests of a provider pass before they are sent, the first one
   * first.
   */
  readonly middleware?: ((settings: KmsSettings) => readonly AwsMiddleware[]) | undefined
}

/** Longest time until AWS shows a new KMS key, in milliseconds. */
const SETTLING_MS = 30_000

/** The parts that all providers of one engine share. */
export interface SharedState {
  /**
   * Rate limiters by endpoint and Region: providers that share an account's quotas also share a
   * limiter.
   */
  readonly limiters: Map<string, RateLimiter>
  /** Connections by Region and credentials, so that credentials are looked up once. */
  readonly connections: Map<string, Promise<Connection>>
  readonly processes: ProcessLookups
}

/** AWS KMS as a {@link KmsProvider}. No request is sent before the first method call. */
export function openAwsProvider(
  settings: KmsSettings,
  options: AwsOptions,
  shared: SharedState,
): KmsProvider {
  const sessions = new Map<string, Promise<Session>>()
  const inRegion = (region: string) => {
    const known = sessions.get(region) ?? openSession(settings, region, options, shared)
    sessions.set(region, known)
    return known
  }
  const at =
    <Args extends unknown[], Result>(call: (session: Session, ...args: Args) => Promise<Result>) =>
    async (region: string, ...args: Args) =>
      call(await inRegion(region), ...args)
  const { region: home } = settings
  const regionOf = ({ arn }: KmsKey) => regionIn(arn) ?? home
  let account: ReturnType<KmsProvider['account']> | undefined
  const accountOnce = () => (account ??= at(readAccount)(home))
  return {
    region: home,
    endpoint: async () => (await inRegion(home)).endpoint,
    account: accountOnce,
    identity: () => at(readIdentity)(home),
    create: (request) => at(createKey)(home, request),
    findByOperation: (ids, since) => at(findByOperation)(home, ids, since),
    findTagged: at(findTagged),
    replicate: (key, ...args) => at(replicateKey)(regionOf(key), key, ...args),
    awaitReplica: at(awaitReplica),
    findReplica: async (key, region, since) => {
      try {
        return await at(findReplica)(region, key, since)
      } catch (error) {
        if (options.signal.aborted) throw error
        const isListed = await at(hasReplica)(regionOf(key), key, region, since).catch(
          () => undefined,
        )
        if (isListed === false) return undefined
        throw error
      }
    },
    movePrimary: async (region, key, to) =>
      movePrimary(await inRegion(region), await inRegion(to), key),
    importMaterial: at((session, key, type, material, validTo, as) =>
      importWhenKnown(session, key, { type, material, validTo, as }),
    ),
    materials: at(listMaterials),
    rotate: at(rotateKey),
    holds: at(holds),
    accepts: at(accepts),
    deleteMaterial: at(deleteMaterial),
    inspect: at(inspectKey),
    lastUse: at(lastUse),
    tagsOf: at((session, key) => tagsOf(session, keyIdIn(session, key))),
    tag: at(tagKey),
    untag: at(untagKey),
    assertPolicy: async (policy, known) => {
      if (policy.document === '' || policy.allowLockout) return
      const found = known ?? (await accountOnce())
      // A dry run does not read the account.
      if (found || !options.middleware) assertNoLockout(policy, found)
    },
    hasPolicy: at(hasPolicy),
    putPolicy: at(putPolicy),
    setDescription: at(setDescription),
    aliasTargets: at(aliasTargets),
    pointAlias: at(pointAlias),
    removeAlias: at(removeAlias),
    enable: at(enableKey),
    disable: at(disableKey),
    scheduleDeletion: at(scheduleDeletion),
    cancelDeletion: at(cancelDeletion),
  }
}

/** The host of an endpoint, with its port; undefined if the SDK finds no endpoint. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

async function openSession(
  settings: KmsSettings,
  region: string,
  options: AwsOptions,
  shared: SharedState,
): Promise<Session> {
  const { limiters } = shared
  const connection = await connect(settings, options, shared)
  const { kms, endpoint, sts } = await createClients(region, connection, options)
  const limiterName = `${endpoint.origin} ${region}`
  const limiter = limiters.get(limiterName) ?? createRateLimiter(!endpoint.isLoopback)
  limiters.set(limiterName, limiter)
  const middlewareFor = (host?: string) => [
    ...(options.middleware?.(settings) ?? []),
    retryWithin(limiter, options, { provider: settings.name, host }),
  ]
  addMiddleware(kms, region, middlewareFor(hostOf(endpoint.origin)))
  return {
    region,
    client: kms,
    sts: async () => {
      const client = await sts()
      addMiddleware(client, region, middlewareFor())
      return client
    },
    endpoint,
    signal: options.signal,
    settlingMs: endpoint.isLoopback ? 0 : SETTLING_MS,
  }
}

/** Opens a connection once. After a failure, the next call tries again. */
async function connect(
  settings: KmsSettings,
  options: AwsOptions,
  { connections, processes }: SharedState,
): Promise<Connection> {
  const name = JSON.stringify([settings.region, settings.credentials])
  const connection = connections.get(name) ?? openConnection(settings, options, processes)
  connections.set(name, connection)
  try {
    return await connection
  } catch (error) {
    connections.delete(name)
    throw error
  }
}
