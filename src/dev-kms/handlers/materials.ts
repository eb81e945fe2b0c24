import { createHash } from 'node:crypto'
import type { Key, Material, MaterialState } from '../state.js'

/**
 * The KeyMaterialId: 64 hex digits that depend on the key id and the material. AWS does not publish
 * its own function.
 */
export function materialId({ id }: Key, bytes: Buffer): string {
  return createHash('sha256').update(id).update(bytes).digest('hex')
}

/** Associates new material with a key. */
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

/** A replica's record of its primary's material, without the bytes. */
export function recordOf({ id, description, state, rotatedAt }: Material): Material {
  return { id, bytes: undefined, validTo: undefined, description, state, rotatedAt }
}
