import type { KmsProvider, KmsSettings } from '../provider.js'
import { aliasTargets, pointAlias, removeAlias } from './aliases.js'
import { createCaller, type CallerOptions } from './retry.js'
import { createClient } from './client.js'
import {
  awaitReplica,
  cancelDeletion,
  createKey,
  findByOperation,
  findReplica,
  inspectKey,
  replicateKey,
  scheduleDeletion,
  switchKey,
  tagKey,
  tagsOf,
} from './keys.js'
import { accepts, deleteMaterial, holds, importMaterial } from './material.js'
import { createPacer, type Pacer } from './rate-limiter.js'
import type { Reach } from './session.js'

/** What the AWS provider needs from whoever opens it. */
export interface AwsOptions extends CallerOptions {
  /** Where `AWS_KMS_ENDPOINT` and the like are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What AWS's eventual consistency may take to show a KMS key that was made, in milliseconds. */
const SETTLING_MS = 30_000

/** Pacers by endpoint and Region: providers that share an account's quotas share them here, too. */
export type Pacers = Map<string, Pacer>

/** AWS KMS as a {@link KmsProvider}. No request is sent before the first method call. */
export function openAwsProvider(
  settings: KmsSettings,
  options: AwsOptions,
  pacers: Pacers,
): KmsProvider {
  const reaches = new Map<string, Promise<Reach>>()
  const reach = (region: string) => {
    const known = reaches.get(region) ?? openReach(settings, region, options, pacers)
    reaches.set(region, known)
    return known
  }
  const { region: home } = settings
  return {
    region: home,
    create: async (request) => createKey(await reach(home), request),
    findByOperation: async (ids, since) => findByOperation(await reach(home), ids, since),
    replicate: async (key, toRegion, request) => {
      await replicateKey(await reach(home), key, toRegion, request)
      return awaitReplica(await reach(toRegion), key)
    },
    findReplica: async (key, region, since) => findReplica(await reach(region), key, since),
    importMaterial: async (region, key, type, material) =>
      importMaterial(await reach(region), key, type, material),
    holds: async (region, key, type, material) => holds(await reach(region), key, type, material),
    accepts: async (region, key, type, material) =>
      accepts(await reach(region), key, type, material),
    deleteMaterial: async (region, key) => deleteMaterial(await reach(region), key),
    inspect: async (region, key) => inspectKey(await reach(region), key),
    tagsOf: async (region, key) => tagsOf(await reach(region), key.id),
    tag: async (region, key, tags) => tagKey(await reach(region), key, tags),
    aliasTargets: async (region, names) => aliasTargets(await reach(region), names),
    pointAlias: async (region, alias, key, owner) =>
      pointAlias(await reach(region), alias, key, owner),
    removeAlias: async (region, alias) => removeAlias(await reach(region), alias),
    enable: async (region, key) => switchKey(await reach(region), key, 'EnableKey'),
    disable: async (region, key) => switchKey(await reach(region), key, 'DisableKey'),
    scheduleDeletion: async (region, key, days) => scheduleDeletion(await reach(region), key, days),
    cancelDeletion: async (region, key) => cancelDeletion(await reach(region), key),
  }
}

async function openReach(
  settings: KmsSettings,
  region: string,
  options: AwsOptions,
  pacers: Pacers,
): Promise<Reach> {
  const { client, endpoint, isAws } = await createClient(settings, region, options.env)
  const place = `${endpoint} ${region}`
  const pacer = pacers.get(place) ?? createPacer(isAws)
  pacers.set(place, pacer)
  return { region, client, call: createCaller(pacer, options), settlingMs: isAws ? SETTLING_MS : 0 }
}
