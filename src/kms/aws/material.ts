import {
  DeleteImportedKeyMaterialCommand,
  GenerateMacCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  type MacAlgorithmSpec,
} from '@aws-sdk/client-kms'
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { publicKeyDer, type KeyTypeName } from '../../crypto/key-types.js'
import { wrapForImport } from '../../crypto/wrap.js'
import { KeymgmtError } from '../../errors.js'
import type { ImportedMaterial, ImportKind, KmsKey } from '../kms-key.js'
import { catchAwsError } from './errors.js'
import { macFor, wrappingFor } from './key-specs.js'
import { keyIdIn, type Session } from './session.js'

/** Material to import, and how. */
export interface MaterialToImport {
  /** The key type of the material. */
  readonly type: KeyTypeName
  /** The raw material. */
  readonly material: Uint8Array
  /** The time at which AWS deletes it; undefined for never. */
  readonly validTo?: Date | undefined
  /** New or earlier material of a KMS key that can be rotated in place; undefined for any other. */
  readonly as?: ImportKind | undefined
}

export async function importMaterial(
  session: Session,
  key: KmsKey,
  { type, material, validTo, as }: MaterialToImport,
): Promise<ImportedMaterial> {
  const KeyId = keyIdIn(session, key)
  const WrappingAlgorithm = wrappingFor(type, session.region)
  const { PublicKey, ImportToken, ParametersValidTo } = await session.client.send(
    new GetParametersForImportCommand({ KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_4096' }),
  )
  // The SDK stores how far AWS's clock is ahead of this machine's.
  const now = Date.now() + session.client.config.systemClockOffset
  if (!PublicKey || (ParametersValidTo && ParametersValidTo.getTime() <= now)) {
    throw new KeymgmtError(
      'KMS_FAILED',
      `GetParametersForImport in ${session.region} for KMS key ${key.id}: the wrapping key and the import token have expired`,
      { hints: ["check this machine's clock, and the endpoint"] },
    )
  }
  const reply = await session.client.send(
    new ImportKeyMaterialCommand({
      KeyId,
      ImportToken,
      EncryptedKeyMaterial: wrapForImport(WrappingAlgorithm, PublicKey, material),
      ...(validTo
        ? { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: validTo }
        : { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }),
      ...(as && importType(as)),
    }),
  )
  return { materialId: reply.KeyMaterialId }
}

/** AWS refuses these fields for asymmetric and HMAC KMS keys. */
function importType(as: ImportKind) {
  return as.kind === 'new'
    ? { ImportType: 'NEW_KEY_MATERIAL' as const, KeyMaterialDescription: as.description }
    : { ImportType: 'EXISTING_KEY_MATERIAL' as const, KeyMaterialId: as.materialId }
}

/**
 * Imports the material again. AWS refuses any that the KMS key has not had before; the result is
 * then undefined.
 */
export async function accepts(
  session: Session,
  key: KmsKey,
  type: KeyTypeName,
  material: Uint8Array,
  validTo?: Date,
): Promise<ImportedMaterial | undefined> {
  const imported = importMaterial(session, key, { type, material, validTo })
  return catchAwsError(imported, 'IncorrectKeyMaterialException')
}

/**
 * Compares the public key of an asymmetric KMS key, or a MAC of an HMAC key. A symmetric or
 * disabled KMS key returns nothing to compare, and a check must not enable it.
 */
export async function holds(
  session: Session,
  key: KmsKey,
  type: KeyTypeName,
  material: Uint8Array,
): Promise<boolean | undefined> {
  const publicKey = publicKeyDer(type, material)
  const mac = macFor(type)
  if (publicKey) {
    const shown = session.client.send(new GetPublicKeyCommand({ KeyId: keyIdIn(session, key) }))
    const reply = await catchAwsError(shown, 'DisabledException')
    return reply && sameBytes(publicKey, reply.PublicKey)
  }
  return mac && holdsMacKey(session, key, mac, material)
}

async function holdsMacKey(
  session: Session,
  key: KmsKey,
  { algorithm, hash }: { algorithm: MacAlgorithmSpec; hash: string },
  material: Uint8Array,
): Promise<boolean | undefined> {
  const Message = randomBytes(32)
  const made = session.client.send(
    new GenerateMacCommand({ KeyId: keyIdIn(session, key), MacAlgorithm: algorithm, Message }),
  )
  const reply = await catchAwsError(made, 'DisabledException')
  return reply && sameBytes(createHmac(hash, material).update(Message).digest(), reply.Mac)
}

function sameBytes(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return one.length === other?.length && timingSafeEqual(one, other)
}

/**
 * Deletes the material with this id. Without an id, AWS deletes the current material, which may not
 * be ours.
 */
export async function deleteMaterial(
  session: Session,
  key: KmsKey,
  KeyMaterialId?: string,
): Promise<void> {
  const KeyId = keyIdIn(session, key)
  await session.client.send(new DeleteImportedKeyMaterialCommand({ KeyId, KeyMaterialId }))
}
