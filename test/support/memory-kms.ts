import { createHash, randomUUID } from 'node:crypto'
import { KEY_TYPES, type KeyTypeName } from '../../src/crypto/key-types.js'
import { KeymgmtError } from '../../src/errors.js'
import { awsKms } from '../../src/kms/aws/index.js'
import {
  OPERATION_TAG,
  regionIn,
  type KmsKey,
  type KmsKeyRequest,
  type KmsKeyState,
  type KmsKind,
  type KmsProvider,
} from '../../src/kms/provider.js'

/** One KMS key in one Region. */
export interface MemoryKey {
  readonly key: KmsKey
  readonly region: string
  readonly request: KmsKeyRequest
  /** The Region of the primary, shared by the related KMS keys. */
  readonly family: { primary: string }
  readonly tags: Map<string, string>
  /** The imported material, in base64. `bound` is the only material that can be imported again. */
  material: string | undefined
  bound: string | undefined
  enabled: boolean
  deletion: Date | 'after its replicas' | undefined
  expires: Date | undefined
}

/**
 * A KMS in this process, with those of AWS's rules that the core depends on. It passes the contract
 * test of every KmsProvider.
 */
export interface MemoryKms {
  readonly kind: KmsKind
  /** Every KMS key, oldest first. */
  readonly keys: MemoryKey[]
  /** KMS key ids by `REGION NAME`. */
  readonly aliases: Map<string, string>
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

/** Creates a KMS without keys. */
export function createMemoryKms(): MemoryKms {
  const keys: MemoryKey[] = []
  const aliases = new Map<string, string>()
  const rules = awsKms({ env: {}, signal: new AbortController().signal })
  return {
    keys,
    aliases,
    kind: { ...rules, open: ({ region }) => Promise.resolve(openProvider(region, keys, aliases)) },
  }
}

function openProvider(home: string, keys: MemoryKey[], aliases: Map<string, string>): KmsProvider {
  const find = (region: string, key: KmsKey | string) =>
    keys.find(
      (candidate) =>
        candidate.region === region &&
        (typeof key === 'string'
          ? [candidate.key.id, candidate.key.arn].includes(key)
          : candidate.key.id === key.id),
    )
  const here = (region: string, key: KmsKey): MemoryKey => {
    const found = find(region, key)
    if (!found) throw new KeymgmtError('KMS_KEY_NOT_FOUND', `no ${key.id} in ${region}`)
    return found
  }
  /** A KMS key that can be changed: not one that is pending deletion. */
  const alive = (region: string, key: KmsKey): MemoryKey => {
    const found = here(region, key)
    if (found.deletion) throw failed(`${key.id} is pending deletion`)
    return found
  }
  const filled = (region: string, key: KmsKey): MemoryKey => {
    const found = alive(region, key)
    if (found.material === undefined) throw failed(`${key.id} is pending import`)
    return found
  }
  const make = (
    region: string,
    id: string,
    request: KmsKeyRequest,
    family = { primary: region },
  ): KmsKey => {
    const key = { id, arn: `arn:memory:kms:${region}::key/${id}` }
    keys.push({
      key,
      region,
      request,
      family,
      tags: new Map(Object.entries(request.tags)),
      material: undefined,
      bound: undefined,
      enabled: true,
      deletion: undefined,
      expires: undefined,
    })
    return key
  }
  const take = (region: string, key: KmsKey, material: string, expires?: Date): boolean => {
    const found = alive(region, key)
    if (found.bound !== undefined && found.bound !== material) return false
    Object.assign(found, {
      enabled: found.enabled || found.material === undefined,
      material,
      bound: material,
      expires,
    })
    return true
  }
  return {
    region: home,
    endpoint: later(() => ({ origin: 'memory', isLoopback: false, isAws: false })),
    account: later(() => undefined),
    identity: later(() => ({ account: '', partition: '', arn: '' })),
    create: later((request) => make(home, randomUUID(), request)),
    findByOperation: later(
      (ids) =>
        new Map(
          keys.flatMap(({ key, region, tags }) => {
            const operation = tags.get(OPERATION_TAG) ?? ''
            return region === home && ids.has(operation) ? [[operation, key] as const] : []
          }),
        ),
    ),
    findTagged: later((region, name, value) => ({
      tagged: keys
        .filter((each) => each.region === region && each.tags.get(name) === value)
        .map(({ key, tags }) => ({ key, tags: Object.fromEntries(tags) })),
      hidden: 0,
    })),
    replicate: later((key, toRegion, request) => {
      const there = find(toRegion, key)
      if (there) return there.key
      const from = regionIn(key.arn) ?? home
      const primary = filled(from, key)
      if (!primary.enabled || !primary.request.multiRegion || primary.family.primary !== from)
        throw failed(`${key.id} can't be replicated`)
      const replica = make(toRegion, key.id, request, primary.family)
      here(toRegion, replica).bound = primary.bound
      return replica
    }),
    awaitReplica: later((region, key) => {
      here(region, key)
    }),
    findReplica: later((key, region) => find(region, key)?.key),
    importMaterial: later((region, key, _type, material, validTo) => {
      if (!take(region, key, text(material), validTo)) throw failed(`${key.id} had other material`)
      return { materialId: materialIdOf(here(region, key)) }
    }),
    holds: later((region, key, type, material) => {
      const { material: held } = filled(region, key)
      return isShown(type) ? held === text(material) : undefined
    }),
    accepts: later((region, key, _type, material, validTo) =>
      take(region, key, text(material), validTo)
        ? { materialId: materialIdOf(here(region, key)) }
        : undefined,
    ),
    deleteMaterial: later((region, key) => {
      alive(region, key).material = undefined
    }),
    inspect: later((region, key) => {
      const found = find(region, key)
      return found && statusOf(found, keys)
    }),
    tagsOf: later((region, key) => Object.fromEntries(here(region, key).tags)),
    tag: later((region, key, tags) => {
      for (const [name, value] of Object.entries(tags)) alive(region, key).tags.set(name, value)
    }),
    aliasTargets: later(
      (region, names) =>
        new Map(
          [...names].flatMap((name) => {
            const target = aliases.get(`${region} ${name}`)
            return target === undefined ? [] : [[name, target] as const]
          }),
        ),
    ),
    pointAlias: later((region, alias, key, owner) => {
      const target = aliases.get(`${region} ${alias}`)
      if (
        target !== undefined &&
        target !== key.id &&
        owner.exists !== true &&
        !owner.keys.has(target)
      )
        throw failed(`${alias} is somebody else's`)
      aliases.set(`${region} ${alias}`, alive(region, key).key.id)
    }),
    removeAlias: later((region, alias) => {
      aliases.delete(`${region} ${alias}`)
    }),
    enable: later((region, key) => {
      filled(region, key).enabled = true
    }),
    disable: later((region, key) => {
      filled(region, key).enabled = false
    }),
    scheduleDeletion: later((region, key, days) => {
      const found = here(region, key)
      if (found.deletion) return undefined
      const replicas = keys.some((other) => other !== found && other.key.id === key.id)
      found.deletion =
        region === found.family.primary && replicas
          ? 'after its replicas'
          : new Date(Date.now() + days * 86_400_000)
      return found.deletion instanceof Date ? found.deletion : undefined
    }),
    cancelDeletion: later((region, key) => {
      const found = here(region, key)
      if (found.deletion) Object.assign(found, { deletion: undefined, enabled: false })
    }),
  }
}

function statusOf(found: MemoryKey, keys: readonly MemoryKey[]) {
  const {
    key,
    family: { primary },
    request: { type, purpose, multiRegion },
  } = found
  const regions = keys.filter((other) => other.key.id === key.id).map(({ region }) => region)
  return {
    key,
    kind: { type, purpose },
    external: true,
    materialId: materialIdOf(found),
    expires: found.expires,
    state: stateOf(found),
    deletionDate: found.deletion instanceof Date ? found.deletion : undefined,
    multiRegion: multiRegion ? { primary, regions } : undefined,
  }
}

/** AWS identifies only the material of symmetric keys, even after it was deleted. */
function materialIdOf({ key, request: { type }, bound }: MemoryKey): string | undefined {
  return isShown(type) || bound === undefined
    ? undefined
    : createHash('sha256').update(`${key.id} ${bound}`).digest('hex')
}

function stateOf({ deletion, material, enabled }: MemoryKey): KmsKeyState {
  if (deletion) return 'pending-deletion'
  if (material === undefined) return 'pending-import'
  return enabled ? 'enabled' : 'disabled'
}

/** True if AWS reveals something of the material to compare: not for symmetric keys. */
function isShown(type: KeyTypeName): boolean {
  const { material } = KEY_TYPES[type]
  return material.kind !== 'bytes' || type.startsWith('hmac')
}

function failed(message: string): KeymgmtError {
  return new KeymgmtError('KMS_FAILED', message)
}

/** Makes a function asynchronous: it returns and throws in a later microtask. */
function later<Args extends unknown[], Answer>(
  call: (...args: Args) => Answer,
): (...args: Args) => Promise<Answer> {
  return async (...args) => {
    await Promise.resolve()
    return call(...args)
  }
}
