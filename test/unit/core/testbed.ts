import { createEngine, type Engine } from '../../../src/core/engine.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { readDistribution, requireKey } from '../../../src/core/records/repository.js'
import { skippedReplicas } from '../../../src/core/reconcile/skipped.js'
import { isDropped } from '../../../src/core/records/dropped-regions.js'
import { withMaterial } from '../../../src/core/records/material.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import { revokeDistribution } from '../../../src/core/operations/remove.js'
import { archivedOf } from '../../../src/core/records/archive.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { KEY_TYPES } from '../../../src/crypto/key-types.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { KmsKey, KmsKeyRequest, KmsKeyStatus } from '../../../src/kms/kms-key.js'
import type { KmsKind, KmsProvider } from '../../../src/kms/provider.js'
import { createMemoryStore, type Store } from '../../../src/store/index.js'
import { createMemoryKms, type MemoryKms } from '../../support/memory-kms.js'

export const HOME = 'us-west-1'
export const SIGN = { purpose: ['sign', 'verify'], protection: 'hsm' } as const
export const AES = { purpose: ['encrypt', 'decrypt'], protection: 'hsm' } as const
export const GLOBAL = { replicaRegions: ['eu-west-1', 'us-east-1'] } as const
export const DAY_MS = 86_400_000

/** An operation on the key `app`. */
export type Step = (engine: Engine) => Promise<unknown>
export const ROTATE: Step = (engine) => rotateKey(engine, 'app')
export const REPLICATE: Step = (engine) => replicate(engine, 'k', 'app')
export const REVOKE: Step = (engine) => revokeDistribution(engine, 'k', 'app')
export const NAME_VERSIONS: Step = (engine) =>
  distribute(engine, 'k', 'app', { ...AES, versionAliases: true })

/** Methods of a store or a KMS that change nothing there. */
export const READ_ONLY_METHODS = [
  'get',
  'list',
  'id',
  'lock',
  'inspect',
  'lastUse',
  'materials',
  'tagsOf',
  'aliasTargets',
  'assertPolicy',
  'hasPolicy',
  'holds',
  'findByOperation',
  'findTagged',
  'findReplica',
  'awaitReplica',
]

/** The core over a store and a KMS in memory. */
export interface Testbed {
  readonly engine: Engine
  readonly store: Store
  readonly kms: MemoryKms
  readonly notices: string[]
}

/** A testbed with a provider `k`, over the store and KMS of another testbed if one is passed. */
export async function createTestbed(
  { store, kms }: Pick<Testbed, 'store' | 'kms'> = {
    store: createMemoryStore(),
    kms: createMemoryKms(),
  },
): Promise<Testbed> {
  const testbed = testbedOver(store, kms, kms.kind)
  await saveProvider(testbed.engine, 'k', { provider: 'awskms', keyCollection: HOME })
  return testbed
}

/** A testbed over this store and KMS. */
export function testbedOver(store: Store, kms: MemoryKms, kind: KmsKind): Testbed {
  const notices: string[] = []
  return {
    store,
    kms,
    notices,
    engine: createEngine({
      store,
      kinds: { awskms: kind },
      notice: (message) => notices.push(message),
    }),
  }
}

/** A testbed with a distributed key `app`. */
export async function createDistributed(
  change: Parameters<typeof saveKey>[2] = {},
): Promise<Testbed> {
  const testbed = await createTestbed()
  await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96', ...change })
  await distribute(testbed.engine, 'k', 'app', AES)
  return testbed
}

/** A testbed that records what is done through it. */
export interface RecordedTestbed extends Testbed {
  /**
   * Calls to the KMS that change something: the method, the Region, the version; for an alias, its
   * owner and target too.
   */
  readonly calls: string[]
  /** Paths of the records that were written. */
  readonly written: string[]
  /** Locks that were taken, with their purpose. */
  readonly locks: string[]
  /** Progress messages. */
  readonly progress: string[]
}

/**
 * Another testbed over the same store and KMS, which records what is done. `instead` replaces
 * methods of the KMS.
 */
export function recorded(
  { store, kms }: Pick<Testbed, 'store' | 'kms'>,
  instead: (provider: KmsProvider) => Partial<KmsProvider> = () => ({}),
): RecordedTestbed {
  const calls: string[] = []
  const written: string[] = []
  const locks: string[] = []
  const progress: string[] = []
  const watchedStore = watched(store, (name, args) => {
    if (name === 'lock') locks.push(args.join(': '))
    else if (!READ_ONLY_METHODS.includes(name)) written.push(String(args[0]))
  })
  const open: KmsKind['open'] = async (settings) => {
    const provider = await kms.kind.open(settings)
    return watched({ ...provider, ...instead(provider) }, (name, args) => {
      if (!READ_ONLY_METHODS.includes(name))
        calls.push([name, ...args.flatMap((arg) => summarise(kms, arg))].join(' '))
    })
  }
  const testbed = testbedOver(watchedStore, kms, { ...kms.kind, open })
  return {
    ...testbed,
    engine: { ...testbed.engine, progress: (message) => progress.push(message) },
    calls,
    written,
    locks,
    progress,
  }
}

/** Another testbed, whose KMS reports `change` in the status of every KMS key. */
export function withStatus(
  testbed: Testbed,
  change: (status: KmsKeyStatus) => Partial<KmsKeyStatus>,
): RecordedTestbed {
  return recorded(testbed, (provider) => ({
    inspect: async (region, key) => {
      const status = await provider.inspect(region, key)
      return status && { ...status, ...change(status) }
    },
  }))
}

/** Creates an empty KMS key that no record mentions. */
export async function createForeignKmsKey(
  { kms }: Testbed,
  change: Partial<KmsKeyRequest> = {},
): Promise<{ readonly provider: KmsProvider; readonly made: KmsKey }> {
  const provider = await kms.kind.open({ region: HOME, credentials: {} })
  const made = await provider.create({
    type: 'aes256-gcm96',
    purpose: ['decrypt', 'encrypt'],
    multiRegion: false,
    description: 'keymgmt foreign',
    tags: {},
    ...change,
  })
  return { provider, made }
}

/** Calls `onCall` before every call of a method of `of`. */
export function watched<T extends object>(
  of: T,
  onCall: (name: string, args: readonly unknown[]) => void,
): T {
  return new Proxy(of, {
    get: (target, name, receiver) => {
      const method: unknown = Reflect.get(target, name, receiver)
      if (typeof method !== 'function') return method
      return (...args: unknown[]): unknown => {
        onCall(String(name), args)
        return Reflect.apply(method, target, args)
      }
    },
  })
}

/**
 * An argument of a call to a KMS, in a form that tests can compare: a KMS key by its version, an
 * alias without its prefix and time.
 */
function summarise(kms: MemoryKms, arg: unknown): string[] {
  if (typeof arg === 'number') return [String(arg)]
  if (typeof arg === 'string' && /^[0-9a-f]{64}$/.test(arg)) return []
  if (typeof arg === 'string')
    return arg in KEY_TYPES ? [] : [arg.replace('alias/hashicorp/', '').replace(/\d{10}/, 'TIME')]
  if (typeof arg !== 'object' || arg === null) return []
  const version = (id: unknown) =>
    kms.keys
      .find(({ key }) => key.id === id)
      ?.request.description.replace('keymgmt app version ', '') ?? 'nothing'
  if ('description' in arg && 'multiRegion' in arg)
    return [String(arg.description).replace('keymgmt app version ', '')]
  if ('exists' in arg)
    return [`(${arg.exists === true ? 'ours' : arg.exists === 'unknown' ? 'begun' : 'new'})`]
  return 'id' in arg ? [version(arg.id)] : []
}

/** The engine, with a store that can't be read. */
export function withFailingStore(engine: Engine): Engine {
  const get = () => Promise.reject(new KeymgmtError('STORE_UNAVAILABLE', 'no store'))
  return { ...engine, store: { ...engine.store, get } }
}

/** Fails a call to the KMS or the store. */
export const fail = () => Promise.reject(new KeymgmtError('KMS_FAILED', 'failed'))

/** The code, message and hints that an attempt is refused with. */
export async function refusal(attempt: Promise<unknown>): Promise<readonly string[]> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof KeymgmtError))
    throw error instanceof Error ? error : new Error('the attempt was not refused')
  return [error.code, error.message, ...error.hints]
}

/** The KMS keys (version, Region, state) and the aliases, sorted. */
export function shown({ kms }: Testbed): string[] {
  const keys = kms.keys.map(
    ({ request, region, deletion, material, enabled }) =>
      `${request.description.replace('keymgmt ', '')} ${region} ${deletion ? 'pending-deletion' : material === undefined ? 'empty' : enabled ? 'enabled' : 'disabled'}`,
  )
  const described = (id: string) =>
    kms.keys.find(({ key }) => key.id === id)?.request.description.replace('keymgmt ', '') ?? id
  return [
    ...keys,
    ...[...kms.aliases].map(
      ([name, id]) => `${name.replace(/\d{10}/, 'TIME')} is ${described(id)}`,
    ),
  ].sort()
}

/**
 * Lists the problems of the key `app` in `k`. An empty list means: one KMS key for each version and
 * Region and no other, with the store's material, and nothing unfinished.
 */
export async function findProblems({ engine, store, kms }: Testbed): Promise<string[]> {
  const key = (await requireKey(engine, 'app')).current
  const active = await readDistribution(engine, 'k', 'app')
  const record = active ?? (await archivedOf(engine, key, 'k'))[0]?.record
  if (!record) return ['the store has no record of the distribution']
  const dropped = record.kmsKeys.filter(({ region }) => isDropped(record, region))
  const expected =
    key.latestVersion * record.regions.length - skippedReplicas(key, record).length + dropped.length
  const held = await Promise.all(
    record.kmsKeys.map(async (entry) => {
      const { version, region } = entry
      if (isDropped(record, region)) return []
      const stored = await withMaterial(store, key, version, (material) =>
        Promise.resolve(Buffer.from(material).toString('base64')),
      )
      const found = kms.keys.find(
        (candidate) =>
          candidate.region === region &&
          entry.state === 'created' &&
          candidate.key.id === entry.key.id,
      )
      if (!found) return [`no KMS key of version ${version} in ${region}`]
      const wanted = record.state === 'revoked' ? undefined : stored
      return found.material === wanted ? [] : [`other material of version ${version} in ${region}`]
    }),
  )
  return [
    ...(key.pendingVersion === undefined ? [] : ['a rotation is not finished']),
    ...(record.state === 'removed' && active ? ['a removal is not finished'] : []),
    ...(kms.keys.length === expected && record.kmsKeys.length === expected
      ? []
      : [`${kms.keys.length} KMS keys, ${record.kmsKeys.length} on record, ${expected} wanted`]),
    ...held.flat(),
    ...(record.state === 'removed' && kms.keys.some(({ deletion }) => !deletion)
      ? ['a KMS key is left']
      : []),
    ...(record.state === 'removed' && kms.aliases.size > 0 ? ['an alias is left'] : []),
    ...(active
      ? (await verifyDistribution(engine, 'k', 'app', record.state === 'active')).differences.map(
          (each) => JSON.stringify(each),
        )
      : []),
  ]
}
