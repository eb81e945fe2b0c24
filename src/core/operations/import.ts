import {
  recogniseMaterial,
  withImportCommand,
  type MaterialFormat,
  type RecognisedMaterial,
} from '../../crypto/import/index.js'
import type { KeyTypeName } from '../../crypto/key-types.js'
import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import { isFinal } from '../reconcile/outcomes.js'
import { newestVersion } from '../reconcile/plan.js'
import { reconcileKey } from '../reconcile/reconcile.js'
import { resumableDistributions } from '../reconcile/resume.js'
import { withKeyLock } from '../records/locks.js'
import { fingerprintOf } from '../records/material.js'
import { recordPath, type KeyRecord } from '../records/model.js'
import { openRecord, type RecordHandle } from '../records/record.js'
import { distributionsOf, requireKey, type NamedDistribution } from '../records/repository.js'
import { assertReplicaRegions, createKey } from './keys.js'
import { renewEarlier } from './renew.js'
import { addVersion } from './rotate.js'

/** The user's own material, and what the user says about it. */
export interface OwnMaterial {
  /**
   * The content of the user's file: PEM, DER, JWK, raw bytes, hex or base64. The caller wipes it.
   */
  readonly material: Uint8Array
  /** The key type. Required if the material does not show it. */
  readonly type?: KeyTypeName | undefined
  /** The format. Required if the material is valid in two formats. */
  readonly format?: MaterialFormat | undefined
  /** The passphrase of an encrypted private key, as bytes. */
  readonly passphrase?: Uint8Array | undefined
}

/** The other settings of a key that an import creates. */
export interface ImportSettings {
  /** AWS Regions for replicas. */
  readonly replicaRegions?: readonly string[] | undefined
  /** True if the key may be deleted. The default is false. */
  readonly deletionAllowed?: boolean | undefined
  /** Seconds after which the key is due for a rotation, at least an hour; 0 for never. */
  readonly rotationPeriod?: number | undefined
  /** True to accept a replica Region that this version does not know. */
  readonly allowUnknownRegion?: boolean | undefined
}

/** The type and format in which the material was recognised. */
export interface Imported {
  /** The recognised key type. */
  readonly type: KeyTypeName
  /** The recognised format. */
  readonly format: string
}

/**
 * Creates a key from the user's own material. Importing the same material under the same name again
 * does nothing.
 * @throws KeymgmtError FIELD_INVALID for material that can't be imported, KEY_EXISTS if another key
 * has the name.
 */
export async function importKey(
  engine: Engine,
  name: string,
  own: OwnMaterial,
  settings: ImportSettings = {},
): Promise<Imported> {
  await assertReplicaRegions(engine, settings)
  return withRecognised(`keymgmt/key/${name}/import`, own, (recognised) =>
    withKeyLock(engine.store, name, `write keymgmt/key/${name}/import`, async () => {
      const existing = await openRecord<KeyRecord>(engine.store, recordPath.key(name))
      if (!existing) {
        await createKey(engine, name, {
          ...settings,
          type: recognised.type,
          material: recognised.material,
        })
      } else if ((await versionWith(engine, existing.current, recognised)) !== 1) {
        throw new KeymgmtError('KEY_EXISTS', `key "${name}" already exists, with other material`, {
          hints: [
            `to add the material as its next version: keymgmt write keymgmt/key/${name}/import_version material=@FILE`,
            `to import it as another key: keymgmt write keymgmt/key/${name}-2/import material=@FILE`,
          ],
        })
      }
    }),
  )
}

/**
 * Adds the user's own material to a key as its next version, in every distribution. If it is
 * already the latest version, only finishes interrupted work.
 * @throws KeymgmtError KEY_NOT_FOUND, FIELD_INVALID for material that can't be imported, or that an
 * earlier version has; errors of the KMS.
 */
export async function importVersion(
  engine: Engine,
  name: string,
  own: OwnMaterial,
): Promise<Imported> {
  const { type } = (await requireKey(engine, name)).current
  const typed = { ...own, type: own.type ?? type }
  return withRecognised(`keymgmt/key/${name}/import_version`, typed, (recognised) =>
    withKeyLock(engine.store, name, `write keymgmt/key/${name}/import_version`, async () => {
      const key = await requireKey(engine, name)
      assertType(key.current, recognised)
      const held = await versionWith(engine, key.current, recognised)
      if (held !== undefined && held !== newestVersion(key.current)) throw heldError(name, held)
      const distributions = await resumableDistributions(engine, key.current)
      if (held === undefined) {
        await finishPending(engine, key, distributions)
        await renewEarlier(distributions)
        await addVersion(engine, key, await distributionsOf(engine, name), recognised.material)
      }
      await reconcileKey(engine, key, distributions)
    }),
  )
}

function heldError(name: string, version: number): KeymgmtError {
  return new KeymgmtError(
    'FIELD_INVALID',
    `version ${version} of ${name} has this material already`,
    { hints: ["an earlier version can't become the latest one again: import other material"] },
  )
}

/** @throws KeymgmtError of the KMS if the pending version reached no distribution. */
async function finishPending(
  engine: Engine,
  key: RecordHandle<KeyRecord>,
  distributions: readonly NamedDistribution[],
): Promise<void> {
  const isPending = () => key.current.pendingVersion !== undefined
  if (!isPending()) return
  try {
    await reconcileKey(engine, key, distributions)
  } catch (error) {
    if (isFinal(error) || isPending()) throw error
  }
}

function assertType(key: KeyRecord, { type }: RecognisedMaterial): void {
  if (type === key.type) return
  throw new KeymgmtError(
    'FIELD_INVALID',
    `the material is of type ${type}, and ${key.name} is of type ${key.type}`,
    {
      hints: [
        `import it as another key: keymgmt write keymgmt/key/${key.name}-2/import material=@FILE`,
      ],
    },
  )
}

async function withRecognised(
  path: string,
  { material, ...options }: OwnMaterial,
  use: (recognised: RecognisedMaterial) => Promise<void>,
): Promise<Imported> {
  const recognised = recognise(path, material, options)
  try {
    await use(recognised)
    return { type: recognised.type, format: recognised.format }
  } finally {
    recognised.material.fill(0)
  }
}

/** @throws KeymgmtError FIELD_INVALID, with hints that name the path. */
function recognise(
  path: string,
  material: Uint8Array,
  options: Omit<OwnMaterial, 'material'>,
): RecognisedMaterial {
  try {
    return recogniseMaterial(material, options)
  } catch (error) {
    const type = options.type === undefined ? '' : ` type=${options.type}`
    throw withImportCommand(error, `keymgmt write ${path}${type}`)
  }
}

/** Returns the latest version of the key that has this material. */
async function versionWith(
  { store }: Engine,
  key: KeyRecord,
  recognised: RecognisedMaterial,
): Promise<number | undefined> {
  if (key.type !== recognised.type) return undefined
  const fingerprint = await fingerprintOf(store, recognised.material)
  for (let version = newestVersion(key); version >= 1; version--) {
    const material = key.versions[version]?.material
    if (material?.state === 'stored' && material.fingerprint === fingerprint) return version
  }
  return undefined
}
