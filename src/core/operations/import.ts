import { timingSafeEqual } from 'node:crypto'
import {
  recogniseMaterial,
  type MaterialFormat,
  type RecognisedMaterial,
} from '../../crypto/import/index.js'
import type { KeyTypeName } from '../../crypto/key-types.js'
import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { addVersion, createKey, withKeyLock } from './keys.js'
import { openRecord, type RecordHandle } from '../records/record.js'
import { requireKey } from '../records/repository.js'
import { recordPath, type KeyRecord } from '../records/model.js'
import { resumeUnfinished } from '../reconcile/reconcile.js'
import { readMaterial } from '../reconcile/context.js'

/** The user's own material, and what the user says about it. */
export interface OwnMaterial {
  /** As it is in the file: PEM, DER, JWK, raw bytes, hex or base64. The caller wipes it. */
  readonly material: Uint8Array
  readonly type?: KeyTypeName | undefined
  readonly format?: MaterialFormat | undefined
  readonly passphrase?: Uint8Array | undefined
}

/** What a key that is made by an import is to be besides. */
export interface ImportSettings {
  readonly replica_regions?: readonly string[] | undefined
  readonly deletion_allowed?: boolean | undefined
}

/** What was recognised, to show. */
export interface Imported {
  readonly type: KeyTypeName
  readonly format: string
}

/**
 * Makes a key of the user's own material. Importing the same into the key that it made does
 * nothing.
 * @throws KeymgmtError FIELD_INVALID for material that can't be taken, KEY_EXISTS for a name that
 * is another key's.
 */
export async function importKey(
  engine: Engine,
  name: string,
  own: OwnMaterial,
  settings: ImportSettings,
): Promise<Imported> {
  return withRecognised(own, (recognised) =>
    withKeyLock(engine.store, name, `write keymgmt/key/${name}/import`, async () => {
      const existing = await openRecord<KeyRecord>(engine.store, recordPath.key(name))
      if (!existing) {
        await createKey(engine, name, {
          ...settings,
          type: recognised.type,
          material: recognised.material,
        })
      } else if ((await versionWith(engine, existing, recognised)) !== 1) {
        throw new KeymgmtError('KEY_EXISTS', `there is a key ${name} already`, {
          hints: [
            `add the material as its next version: keymgmt write keymgmt/key/${name}/import_version material=@FILE`,
            'or give the key another name',
          ],
        })
      }
    }),
  )
}

/**
 * Adds the user's own material to a key as its next version, in every distribution. If it is the
 * latest version already, this does nothing but finish what was interrupted.
 * @throws KeymgmtError KEY_NOT_FOUND, FIELD_INVALID for material that can't be taken or is an
 * earlier version; errors of the KMS.
 */
export async function importVersion(
  engine: Engine,
  name: string,
  own: OwnMaterial,
): Promise<Imported> {
  const { type } = (await requireKey(engine, name)).current
  return withRecognised({ ...own, type: own.type ?? type }, (recognised) =>
    withKeyLock(engine.store, name, `write keymgmt/key/${name}/import_version`, async () => {
      const handle = await requireKey(engine, name)
      if (recognised.type !== handle.current.type) {
        throw new KeymgmtError(
          'FIELD_INVALID',
          `the material is of type ${recognised.type}, and ${name} is of type ${handle.current.type}`,
          {
            hints: [
              'import it as another key: keymgmt write keymgmt/key/NAME/import material=@FILE',
            ],
          },
        )
      }
      const placed = await resumeUnfinished(engine, handle)
      const held = await versionWith(engine, handle, recognised)
      if (held === handle.current.latest_version) return
      if (held !== undefined) {
        throw new KeymgmtError(
          'FIELD_INVALID',
          `version ${held} of ${name} has this material already`,
          { hints: ['a version can not be made the latest again'] },
        )
      }
      await addVersion(engine, handle, placed, recognised.material)
    }),
  )
}

async function withRecognised(
  { material, ...options }: OwnMaterial,
  use: (recognised: RecognisedMaterial) => Promise<void>,
): Promise<Imported> {
  const recognised = recogniseMaterial(material, options)
  try {
    await use(recognised)
    return { type: recognised.type, format: recognised.format }
  } finally {
    recognised.material.fill(0)
  }
}

/** The version of the key that has this material. */
async function versionWith(
  engine: Engine,
  handle: RecordHandle<KeyRecord>,
  { type, material }: RecognisedMaterial,
): Promise<number | undefined> {
  if (handle.current.type !== type) return undefined
  for (let version = handle.current.latest_version; version >= 1; version--) {
    const known = await readMaterial({ engine, key: handle.current }, version)
    const same = known.length === material.length && timingSafeEqual(known, material)
    known.fill(0)
    if (same) return version
  }
  return undefined
}
