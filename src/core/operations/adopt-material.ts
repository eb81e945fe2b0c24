import { KeymgmtError } from '../../errors.js'
import type { KmsKeyStatus, KmsMaterial } from '../../kms/kms-key.js'
import type { KmsProvider } from '../../kms/provider.js'
import type { Engine } from '../engine.js'
import { isAcceptedAs, showsMaterial } from '../reconcile/observe.js'
import { countRotations } from '../reconcile/new-material.js'
import { materialFingerprint, withMaterial } from '../records/material.js'
import type { CreatedKmsKey, KeyRecord, MaterialEntry } from '../records/model.js'
import type { Adoption } from './adopt.js'

/**
 * Returns one entry for each material of a KMS key, after AWS has proven that the store has all of
 * them. If only AWS had one, keymgmt could not restore the KMS key.
 * @throws KeymgmtError KMS_MATERIAL_DIFFERS; FIELD_INVALID if the KMS key has more materials than
 * the key has versions.
 */
export async function proveMaterials(
  engine: Engine,
  { name: providerName, provider }: { readonly name: string; readonly provider: KmsProvider },
  key: KeyRecord,
  adoption: Adoption,
  status: KmsKeyStatus,
): Promise<Pick<CreatedKmsKey, 'materials' | 'rotations'>> {
  const { version, rotation } = adoption
  // Only symmetric KMS keys can have several materials, and have ids for them.
  const listed =
    status.materialId === undefined ? [] : await provider.materials(provider.region, status.key)
  if (rotation !== 'in_place') {
    if (listed.length > 1) throw severalError(providerName, key, adoption, status, listed)
    await prove(engine, provider, key, version, status)
    return { materials: [entryOf(key, adoption, version, status)] }
  }
  assertVersions(key, adoption, status, listed)
  for (const [index, material] of listed.entries())
    await proveOne(engine, provider, key, version + index, status, material)
  return {
    materials: listed.map(({ id, expires }, index) =>
      entryOf(key, adoption, version + index, { materialId: id, expires }),
    ),
    rotations: countRotations(listed),
  }
}

function severalError(
  providerName: string,
  { name }: KeyRecord,
  { version }: Adoption,
  { key: { id } }: KmsKeyStatus,
  listed: readonly KmsMaterial[],
): KeymgmtError {
  return new KeymgmtError(
    'FIELD_INVALID',
    `KMS key ${id} has ${listed.length} materials: it was rotated in place`,
    {
      hints: [
        `if they are the versions of ${name} from version ${version} up, adopt all of them: keymgmt write keymgmt/kms/${providerName}/key/${name}/adopt key_id=${id} version=${version} rotation=in_place`,
      ],
    },
  )
}

/** Each material must belong to a version, and none may be pending. */
function assertVersions(
  key: KeyRecord,
  { version }: Adoption,
  { key: { id } }: KmsKeyStatus,
  listed: readonly KmsMaterial[],
): void {
  const pending = listed.find(({ state }) => state === 'pending' || state === 'incomplete')
  if (pending)
    throw new KeymgmtError(
      'FIELD_INVALID',
      `KMS key ${id} has material ${pending.id}, which is pending rotation`,
      { hints: ['rotate the KMS key to it, or delete it, and then adopt the KMS key'] },
    )
  const available = key.latestVersion - version + 1
  if (listed.length <= available) return
  throw new KeymgmtError(
    'FIELD_INVALID',
    `KMS key ${id} has ${listed.length} materials, and ${key.name} has ${available} ${available === 1 ? 'version' : 'versions'} from version ${version} up`,
    {
      hints: [
        `import the other materials as versions, oldest first: keymgmt write keymgmt/key/${key.name}/import_version material=@FILE`,
      ],
    },
  )
}

/** Has AWS confirm that the material of a version is the material with this id. */
async function proveOne(
  { store }: Engine,
  provider: KmsProvider,
  key: KeyRecord,
  version: number,
  status: KmsKeyStatus,
  { id, expires }: KmsMaterial,
): Promise<void> {
  const accepted = await withMaterial(store, key, version, (material) =>
    provider.accepts(provider.region, status.key, key.type, material, expires),
  )
  if (!isAcceptedAs(accepted, id)) throw differsError(key, version, status)
}

async function prove(
  { store }: Engine,
  provider: KmsProvider,
  key: KeyRecord,
  version: number,
  status: KmsKeyStatus,
): Promise<void> {
  const question = { region: provider.region, type: key.type, status, challenge: true }
  const proven = await withMaterial(store, key, version, (material) =>
    showsMaterial(provider, question, material),
  )
  if (!proven) throw differsError(key, version, status)
}

function differsError(
  { name }: KeyRecord,
  version: number,
  { key: { id }, state }: KmsKeyStatus,
): KeymgmtError {
  return new KeymgmtError(
    'KMS_MATERIAL_DIFFERS',
    `KMS key ${id} (${state}) does not contain version ${version} of ${name}`,
    {
      hints: [
        `nothing was changed; import the material of the KMS key as another key: keymgmt write keymgmt/key/${name}-2/import material=@FILE`,
      ],
    },
  )
}

/** If the material is to become permanent, the first plan imports it again. */
function entryOf(
  key: KeyRecord,
  { allowPermanent = false }: Adoption,
  version: number,
  { materialId, expires }: Pick<KmsKeyStatus, 'materialId' | 'expires'>,
): MaterialEntry {
  const isMadePermanent = expires !== undefined && allowPermanent
  return {
    version,
    fingerprint: materialFingerprint(key, version),
    ...(materialId && { materialId }),
    ...(expires && !isMadePermanent && { validTo: expires.toISOString() }),
    imported: !isMadePermanent,
  }
}
