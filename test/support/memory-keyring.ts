import { createHash } from 'node:crypto'
import { KeymgmtError } from '../../src/errors.js'
import type { ImportKind, KeyPolicy, KmsKey, KmsKeyRequest } from '../../src/kms/kms-key.js'

/** One material of a KMS key. */
export interface MemoryMaterial {
  /** The bytes, in base64; undefined while they are missing. */
  bytes: string | undefined
  /** The bytes that can be imported again. */
  bound: string
  state: 'current' | 'former' | 'pending'
  expires: Date | undefined
  readonly description: string | undefined
  rotatedAt: Date | undefined
}

/** One KMS key in one Region. */
export interface MemoryKey {
  readonly key: KmsKey
  readonly region: string
  readonly request: KmsKeyRequest
  /** The Region of the primary, shared by the related KMS keys. */
  readonly family: { primary: string }
  readonly tags: Map<string, string>
  description: string
  policy: KeyPolicy
  /** All materials, oldest first. */
  materials: MemoryMaterial[]
  /** The bytes of the current material, in base64. */
  material: string | undefined
  /**
   * The bytes of the current material that can be imported again. Another value replaces all
   * material.
   */
  bound: string | undefined
  /** The expiry of the current material. */
  expires: Date | undefined
  enabled: boolean
  deletion: Date | 'after its replicas' | undefined
  readonly created: Date
  lastUse: { readonly at: Date; readonly operation: string } | undefined
}

/** The KMS keys of all Regions, and the rules that AWS applies to each. */
export class Keyring {
  readonly keys: MemoryKey[]

  constructor(keys: MemoryKey[]) {
    this.keys = keys
  }

  find(region: string, key: KmsKey | string): MemoryKey | undefined {
    return this.keys.find(
      (candidate) =>
        candidate.region === region &&
        (typeof key === 'string'
          ? [candidate.key.id, candidate.key.arn].includes(key)
          : candidate.key.id === key.id),
    )
  }

  here(region: string, key: KmsKey): MemoryKey {
    const found = this.find(region, key)
    if (!found) throw new KeymgmtError('KMS_KEY_NOT_FOUND', `no ${key.id} in ${region}`)
    return found
  }

  /** A KMS key that can be changed: not one that is pending deletion. */
  alive(region: string, key: KmsKey): MemoryKey {
    const found = this.here(region, key)
    if (found.deletion) throw failed(`${key.id} is pending deletion`)
    return found
  }

  filled(region: string, key: KmsKey): MemoryKey {
    const found = this.alive(region, key)
    if (lacksMaterial(found)) throw failed(`${key.id} is pending import`)
    return found
  }

  make(region: string, id: string, request: KmsKeyRequest, family = { primary: region }): KmsKey {
    const key = { id, arn: `arn:memory:kms:${region}::key/${id}` }
    this.keys.push({
      key,
      region,
      request,
      family,
      tags: new Map(Object.entries(request.tags)),
      description: request.description,
      policy: request.policy ?? { document: '' },
      materials: [],
      created: new Date(),
      lastUse: undefined,
      get material() {
        return currentOf(this)?.bytes
      },
      set material(bytes) {
        const current = currentOf(this)
        if (current) current.bytes = bytes
      },
      get bound() {
        return currentOf(this)?.bound
      },
      set bound(bytes) {
        if (bytes !== undefined) this.materials = [materialOf(bytes)]
      },
      get expires() {
        return currentOf(this)?.expires
      },
      set expires(time) {
        const current = currentOf(this)
        if (current) current.expires = time
      },
      enabled: true,
      deletion: undefined,
    })
    return key
  }

  /** The KMS key, and its replicas or primary, which have the same id. */
  related({ key }: Pick<MemoryKey, 'key'>): MemoryKey[] {
    return this.keys.filter((other) => other.key.id === key.id)
  }

  /** Returns the id of the imported material; undefined if the KMS key expects other material. */
  take(
    region: string,
    key: KmsKey,
    bytes: string,
    expires?: Date,
    as?: ImportKind,
  ): string | undefined {
    const found = this.alive(region, key)
    const known = found.materials.find(({ bound }) => bound === bytes)
    const isNew = as ? as.kind === 'new' : found.materials.length === 0
    const id = idOf(found, bytes)
    if (isNew === (known !== undefined)) return undefined
    if (as?.kind === 'existing' && (as.materialId ?? id) !== id) return undefined
    const wasEmpty = lacksMaterial(found)
    if (known) Object.assign(known, { bytes, expires })
    else this.add(found, bytes, expires, as)
    if (wasEmpty) found.enabled = true
    return id
  }

  private add(found: MemoryKey, bytes: string, expires?: Date, as?: ImportKind): void {
    if (found.materials.some(({ state }) => state === 'pending'))
      throw failed(`${found.key.id} has material that is pending rotation`)
    const material = {
      ...materialOf(bytes),
      state: found.materials.length === 0 ? ('current' as const) : ('pending' as const),
      expires,
      description: as?.kind === 'new' ? as.description : undefined,
    }
    for (const each of this.related(found))
      each.materials.push(each === found ? material : { ...material, bytes: undefined })
  }

  /** Makes the pending material current in every Region. */
  rotate(region: string, key: KmsKey): void {
    const found = this.filled(region, key)
    const related = this.related(found)
    const isReady = related.every(({ materials }) =>
      materials.some(({ state, bytes }) => state === 'pending' && bytes !== undefined),
    )
    if (!isReady) return
    for (const material of related.flatMap(({ materials }) => materials)) {
      if (material.state === 'current') material.state = 'former'
      if (material.state === 'pending')
        Object.assign(material, { state: 'current', rotatedAt: new Date() })
    }
  }

  /** Deletes the material with this id, or the current material. Forgets pending material. */
  drop(region: string, key: KmsKey, id?: string): void {
    const found = this.alive(region, key)
    const material = found.materials.find((each) =>
      id === undefined ? each.state === 'current' : idOf(found, each.bound) === id,
    )
    if (!material) {
      if (id === undefined) return
      throw new KeymgmtError('KMS_KEY_NOT_FOUND', `no material ${id} in ${key.id}`)
    }
    material.bytes = undefined
    if (material.state !== 'pending') return
    for (const each of this.related(found))
      each.materials = each.materials.filter(({ bound }) => bound !== material.bound)
  }
}

function materialOf(bytes: string): MemoryMaterial {
  return {
    bytes,
    bound: bytes,
    state: 'current',
    expires: undefined,
    description: undefined,
    rotatedAt: undefined,
  }
}

const currentOf = ({ materials }: MemoryKey) => materials.find(({ state }) => state === 'current')

/** The id of material, which is the same in every Region of a KMS key. */
export function idOf({ key }: Pick<MemoryKey, 'key'>, bound: string): string {
  return createHash('sha256').update(`${key.id} ${bound}`).digest('hex')
}

/** True if material is missing that was ever current in the KMS key. */
export function lacksMaterial({ materials }: MemoryKey): boolean {
  const permanent = materials.filter(({ state }) => state !== 'pending')
  return permanent.length === 0 || permanent.some(({ bytes }) => bytes === undefined)
}

/** The refusal of a request. */
export function failed(message: string): KeymgmtError {
  return new KeymgmtError('KMS_FAILED', message)
}
