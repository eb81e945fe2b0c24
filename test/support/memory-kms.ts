import { randomUUID } from 'node:crypto'
import { KEY_TYPES, type KeyTypeName } from '../../src/crypto/key-types.js'
import { awsKms } from '../../src/kms/aws/index.js'
import { OPERATION_TAG, regionIn, type KmsKey, type KmsKeyState } from '../../src/kms/kms-key.js'
import type { KmsKind, KmsProvider } from '../../src/kms/provider.js'
import { failed, idOf, Keyring, lacksMaterial, type MemoryKey } from './memory-keyring.js'

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
  const keyring = new Keyring(keys)
  return {
    region: home,
    endpoint: later(() => ({ origin: 'memory', isLoopback: false, isAws: false })),
    account: later(() => undefined),
    identity: later(() => ({ account: '', partition: '', arn: '' })),
    ...creationMethods(home, keyring),
    ...materialMethods(keyring),
    ...readingMethods(home, keyring),
    ...aliasMethods(aliases, keyring),
    ...stateMethods(keyring),
  }
}

function creationMethods(
  home: string,
  keyring: Keyring,
): Pick<KmsProvider, 'create' | 'replicate' | 'awaitReplica' | 'movePrimary'> {
  return {
    create: later((request) => keyring.make(home, randomUUID(), request)),
    replicate: later((key, toRegion, request) => {
      const there = keyring.find(toRegion, key)
      if (there) return { key: there.key, isNew: false }
      const from = regionIn(key.arn) ?? home
      const primary = keyring.filled(from, key)
      if (!primary.enabled || !primary.request.multiRegion || primary.family.primary !== from)
        throw failed(`${key.id} can't be replicated`)
      const replica = keyring.make(toRegion, key.id, request, primary.family)
      keyring.here(toRegion, replica).materials = primary.materials.map((each) => ({
        ...each,
        bytes: undefined,
      }))
      return { key: replica, isNew: true }
    }),
    awaitReplica: later((region, key) => statusOf(keyring.here(region, key), keyring.keys)),
    movePrimary: later((region, key, to) => {
      const { family } = keyring.here(region, key)
      if (family.primary === to) return
      if (family.primary !== region) throw failed(`the primary of ${key.id} is not in ${region}`)
      const isReady = [region, to].every((each) => keyring.filled(each, key).enabled)
      if (!isReady) throw failed(`${key.id} is disabled`)
      family.primary = to
    }),
  }
}

function materialMethods(
  keyring: Keyring,
): Pick<
  KmsProvider,
  'importMaterial' | 'holds' | 'accepts' | 'deleteMaterial' | 'materials' | 'rotate'
> {
  const materials = (region: string, key: KmsKey) => {
    const found = keyring.here(region, key)
    const isComplete = keyring
      .related(found)
      .every((each) => each.materials.at(-1)?.bytes !== undefined)
    return found.materials.map(({ bytes, bound, state, ...rest }) => ({
      ...rest,
      id: idOf(found, bound),
      imported: bytes !== undefined,
      state: state === 'pending' && !isComplete ? ('incomplete' as const) : state,
    }))
  }

  return {
    importMaterial: later((region, key, type, material, validTo, as) => {
      const id = keyring.take(region, key, text(material), validTo, as)
      if (id === undefined) throw failed(`${key.id} had other material`)
      return { materialId: isShown(type) ? undefined : id }
    }),
    materials: later(materials),
    rotate: later((region, key) => {
      keyring.rotate(region, key)
      return materials(region, key)
    }),
    holds: later((region, key, type, material) => {
      const { material: held } = keyring.filled(region, key)
      return isShown(type) ? held === text(material) : undefined
    }),
    accepts: later((region, key, type, material, validTo) => {
      const id = keyring.take(region, key, text(material), validTo)
      return id === undefined ? undefined : { materialId: isShown(type) ? undefined : id }
    }),
    deleteMaterial: later((region, key, materialId) => {
      keyring.drop(region, key, materialId)
    }),
  }
}

function readingMethods(
  home: string,
  keyring: Keyring,
): Pick<
  KmsProvider,
  'findByOperation' | 'findTagged' | 'findReplica' | 'inspect' | 'lastUse' | 'tagsOf'
> {
  return {
    findByOperation: later(
      (ids) =>
        new Map(
          keyring.keys.flatMap(({ key, region, tags }) => {
            const operation = tags.get(OPERATION_TAG) ?? ''
            return region === home && ids.has(operation) ? [[operation, key] as const] : []
          }),
        ),
    ),
    findTagged: later((region, name, value) => ({
      tagged: keyring.keys
        .filter((each) => each.region === region && each.tags.get(name) === value)
        .map(({ key, tags }) => ({ key, tags: Object.fromEntries(tags) })),
      hidden: 0,
    })),
    findReplica: later((key, region) => keyring.find(region, key)?.key),
    inspect: later((region, key) => {
      const found = keyring.find(region, key)
      return found && statusOf(found, keyring.keys)
    }),
    lastUse: later((region, key) => {
      const { lastUse: last, created } = keyring.here(region, key)
      return { last, trackedSince: created, created }
    }),
    tagsOf: later((region, key) => Object.fromEntries(keyring.here(region, key).tags)),
  }
}

function aliasMethods(
  aliases: Map<string, string>,
  keyring: Keyring,
): Pick<KmsProvider, 'aliasTargets' | 'pointAlias' | 'removeAlias'> {
  return {
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
      aliases.set(`${region} ${alias}`, keyring.alive(region, key).key.id)
    }),
    removeAlias: later((region, alias) => {
      aliases.delete(`${region} ${alias}`)
    }),
  }
}

function stateMethods(
  keyring: Keyring,
): Pick<
  KmsProvider,
  | 'tag'
  | 'untag'
  | 'assertPolicy'
  | 'hasPolicy'
  | 'putPolicy'
  | 'setDescription'
  | 'enable'
  | 'disable'
  | 'scheduleDeletion'
  | 'cancelDeletion'
> {
  return {
    tag: later((region, key, tags) => {
      for (const [name, value] of Object.entries(tags))
        keyring.alive(region, key).tags.set(name, value)
    }),
    untag: later((region, key, names) => {
      for (const name of names) keyring.alive(region, key).tags.delete(name)
    }),
    assertPolicy: later(() => undefined),
    hasPolicy: later(
      (region, key, { document }) => keyring.here(region, key).policy.document === document,
    ),
    putPolicy: later((region, key, policy) => {
      keyring.here(region, key).policy = policy
    }),
    setDescription: later((region, key, description) => {
      keyring.alive(region, key).description = description
    }),
    enable: later((region, key) => {
      keyring.filled(region, key).enabled = true
    }),
    disable: later((region, key) => {
      keyring.filled(region, key).enabled = false
    }),
    scheduleDeletion: later((region, key, days) => {
      const found = keyring.here(region, key)
      if (found.deletion) return undefined
      const replicas = keyring.keys.some((other) => other !== found && other.key.id === key.id)
      found.deletion =
        region === found.family.primary && replicas
          ? 'after its replicas'
          : new Date(Date.now() + days * 86_400_000)
      return found.deletion instanceof Date ? found.deletion : undefined
    }),
    cancelDeletion: later((region, key) => {
      const found = keyring.here(region, key)
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
    description: found.description,
    external: true,
    materialId: materialIdOf(found),
    expires: earliest(found),
    state: stateOf(found),
    deletionDate: found.deletion instanceof Date ? found.deletion : undefined,
    multiRegion: multiRegion ? { primary, regions } : undefined,
  }
}

/** AWS identifies only the material of symmetric keys, even after it was deleted. */
function materialIdOf(found: MemoryKey): string | undefined {
  const { request, bound } = found
  return isShown(request.type) || bound === undefined ? undefined : idOf(found, bound)
}

/** The first expiry of any material. */
function earliest({ materials }: MemoryKey): Date | undefined {
  const times = materials.flatMap(({ expires }) => expires ?? [])
  return times.sort((one, other) => one.getTime() - other.getTime())[0]
}

function stateOf(found: MemoryKey): KmsKeyState {
  if (found.deletion) return 'pending-deletion'
  if (lacksMaterial(found)) return 'pending-import'
  return found.enabled ? 'enabled' : 'disabled'
}

/** True if AWS reveals something of the material to compare: not for symmetric keys. */
function isShown(type: KeyTypeName): boolean {
  const { material } = KEY_TYPES[type]
  return material.kind !== 'bytes' || type.startsWith('hmac')
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
