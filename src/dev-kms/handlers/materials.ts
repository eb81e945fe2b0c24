import { createHash } from 'node:crypto'
import type { Key, Material, MaterialState } from '../state.js'

/**
 * AWS computes it from the id of the key and the material, by a function that it does not publish;
 * so does this.
 */
export function materialId({ id }: Key, bytes: Buffer): string {
  return createHash('sha256').update(id).update(bytes).digest('hex')
}

/** Ties new material to a key. */
export function addMaterial(key: Key, bytes: Buffer, state: MaterialState): Material {
  const material: Material = {
    id: materialId(key, bytes),
    bytes,
    validTo: undefined,
    description: undefined,
    state,
    rotatedAt: undefined,
  }
  key.materials.push(material)
  return material
}

/** What a replica knows of its primary's material: that it exists, but not its bytes. */
export function recordOf({ id, description, state, rotatedAt }: Material): Material {
  return { id, bytes: undefined, validTo: undefined, description, state, rotatedAt }
}
