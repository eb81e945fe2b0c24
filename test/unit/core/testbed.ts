import { createEngine, type Engine } from '../../../src/core/engine.js'
import { distribute } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { readDistribution, requireKey } from '../../../src/core/records/repository.js'
import { withMaterial } from '../../../src/core/records/material.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import { archivedOf } from '../../../src/core/records/archive.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { KEY_TYPES } from '../../../src/crypto/key-types.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { KmsKind, KmsProvider } from '../../../src/kms/provider.js'
import { createMemoryStore, type Store } from '../../../src/store/index.js'
import { createMemoryKms, type MemoryKms } from '../../support/memory-kms.js'

export const HOME = 'us-west-1'
export const AES = { purpose: ['encrypt', 'decrypt'], protection: 'hsm' } as const
export const GLOBAL = { replicaRegions: ['eu-west-1', 'us-east-1'] } as const
export const DAY_MS = 86_400_000

/** What is asked of a store or a KMS without changing anything there. */
export const HARMLESS = [
  'get',
  'list',
  'id',
  'lock',
  'inspect',
  'tagsOf',
  'aliasTargets',
  'holds',
  'findByOperation',
  'findReplica',
]

/** Core over a store and a KMS in memory, with what it said. */
export interface Testbed {
  readonly engine: Engine
  readonly store: Store
  readonly kms: MemoryKms
  readonly notices: string[]
}

/** A testbed with a provider `k`; or one over what another has, as the next command finds it. */
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

/** A testbed whose store and KMS are reached through these. */
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

/** A testbed that writes down what is done through it. */
export interface RecordedTestbed extends Testbed {
  /**
   * What the KMS was asked to change: the call, its Region and version; of an alias, whose it was
   * said to be and what it was said to name.
   */
  readonly calls: string[]
  /** The records that were written, by path. */
  readonly written: string[]
  /** The locks that were taken, and what for. */
  readonly locks: string[]
  /** What whoever watches was told. */
  readonly progress: string[]
}

/**
 * Another testbed over the same store and KMS, which writes down what is done; `instead` replaces
 * methods of the KMS.
 */
export function recorded(
  { store, kms }: Pick<Testbed, 'store' | 'kms'>,
  instead: (provider: KmsProvider) => Partial<KmsProvider> = () => ({}),
): RecordedTestbed {
  const [calls, written, locks, progress]: [string[], string[], string[], string[]] = [
    [],
    [],
    [],
    [],
  ]
  const watchedStore = watched(store, (name, args) => {
    if (name === 'lock') locks.push(args.join(': '))
    else if (!HARMLESS.includes(name)) written.push(String(args[0]))
  })
  const open: KmsKind['open'] = async (settings) => {
    const provider = await kms.kind.open(settings)
    return watched({ ...provider, ...instead(provider) }, (name, args) => {
      if (!HARMLESS.includes(name))
        calls.push([name, ...args.flatMap((arg) => inShort(kms, arg))].join(' '))
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

/** The same, and `tell` is told of every call before it is made. */
export function watched<T extends object>(
  of: T,
  tell: (name: string, args: readonly unknown[]) => void,
): T {
  return new Proxy(of, {
    get: (target, name, receiver) => {
      const method: unknown = Reflect.get(target, name, receiver)
      if (typeof method !== 'function') return method
      return (...args: unknown[]): unknown => {
        tell(String(name), args)
        return Reflect.apply(method, target, args)
      }
    },
  })
}

/**
 * An argument of a call to a KMS as a test can name it: a KMS key by its version, an alias without
 * what they all begin with.
 */
function inShort(kms: MemoryKms, arg: unknown): string[] {
  if (typeof arg === 'number') return [String(arg)]
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

/** What an attempt is refused with: code, message and hints. */
export async function refusal(attempt: Promise<unknown>): Promise<readonly string[]> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof KeymgmtError))
    throw error instanceof Error ? error : new Error('it was not refused')
  return [error.code, error.message, ...error.hints]
}

/** The KMS keys in short: version, Region, state; and the aliases. */
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
 * What is wrong with the key `app` in `k`; empty when nothing is: one KMS key for each version and
 * Region and no other, with our bytes, and nothing unfinished.
 */
export async function complaints({ engine, store, kms }: Testbed): Promise<string[]> {
  const key = (await requireKey(engine, 'app')).current
  const active = await readDistribution(engine, 'k', 'app')
  const record = active ?? (await archivedOf(engine, key, 'k'))[0]?.record
  if (!record) return ['there is no record of the distribution']
  const expected = key.latest_version * record.regions.length
  const held = await Promise.all(
    record.kms_keys.map(async (entry) => {
      const { version, region } = entry
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
    ...(key.pending_version === undefined ? [] : ['a rotation is not finished']),
    ...(record.state === 'removed' && active ? ['a removal is not finished'] : []),
    ...(kms.keys.length === expected && record.kms_keys.length === expected
      ? []
      : [`${kms.keys.length} KMS keys, ${record.kms_keys.length} on record, ${expected} wanted`]),
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
