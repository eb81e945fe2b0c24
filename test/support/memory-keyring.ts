import { KeymgmtError } from '../../src/errors.js'
import type { KmsKey, KmsKeyRequest } from '../../src/kms/provider.js'

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
    if (found.material === undefined) throw failed(`${key.id} is pending import`)
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
      material: undefined,
      bound: undefined,
      enabled: true,
      deletion: undefined,
      expires: undefined,
    })
    return key
  }

  take(region: string, key: KmsKey, material: string, expires?: Date): boolean {
    const found = this.alive(region, key)
    if (found.bound !== undefined && found.bound !== material) return false
    Object.assign(found, {
      enabled: found.enabled || found.material === undefined,
      material,
      bound: material,
      expires,
    })
    return true
  }
}

/** The refusal of a request. */
export function failed(message: string): KeymgmtError {
  return new KeymgmtError('KMS_FAILED', message)
}
