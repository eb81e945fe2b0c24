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
import type { KmsKey } from '../provider.js'
import { macFor, wrappingFor } from './key-specs.js'
import { about, unless, isRefusal, type Reach } from './session.js'

/** A KMS key that was made a moment ago may not be seen everywhere yet. */
const FRESH = { fresh: true }

export async function importMaterial(
  reach: Reach,
  { id }: KmsKey,
  type: KeyTypeName,
  material: Uint8Array,
): Promise<{ readonly materialId: string | undefined }> {
  const { client, call } = reach
  const WrappingAlgorithm = wrappingFor(type, reach.region)
  const parameters = { KeyId: id, WrappingAlgorithm, WrappingKeySpec: 'RSA_4096' as const }
  const { PublicKey, ImportToken } = await call(
    about(reach, 'GetParametersForImport', id),
    (abortSignal) => client.send(new GetParametersForImportCommand(parameters), { abortSignal }),
    FRESH,
  )
  if (!PublicKey || !ImportToken) {
    throw new KeymgmtError(
      'KMS_FAILED',
      `GetParametersForImport answered without a wrapping key and token for KMS key ${id}`,
    )
  }
  const input = {
    KeyId: id,
    ImportToken,
    EncryptedKeyMaterial: wrapForImport(WrappingAlgorithm, PublicKey, material),
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' as const,
  }
  const reply = await call(
    about(reach, 'ImportKeyMaterial', id),
    (abortSignal) => client.send(new ImportKeyMaterialCommand(input), { abortSignal }),
    FRESH,
  )
  return { materialId: reply.KeyMaterialId }
}

/** AWS takes nothing but the very material that was in a KMS key before. */
export async function accepts(
  reach: Reach,
  key: KmsKey,
  type: KeyTypeName,
  material: Uint8Array,
): Promise<boolean> {
  const refused = await unless('IncorrectKeyMaterialException', () =>
    importMaterial(reach, key, type, material),
  )
  return !refused
}

/**
 * An asymmetric KMS key shows its public half, an HMAC key a MAC; a symmetric one shows nothing
 * that could be compared.
 */
export async function holds(
  reach: Reach,
  key: KmsKey,
  type: KeyTypeName,
  material: Uint8Array,
): Promise<boolean | undefined> {
  const publicKey = publicKeyDer(type, material)
  if (publicKey) return sameBytes(publicKey, await getPublicKey(reach, key))
  const mac = macFor(type)
  return mac && holdsMacKey(reach, key, mac, material)
}

async function getPublicKey(reach: Reach, { id }: KmsKey): Promise<Uint8Array> {
  const reply = await reach.call(
    about(reach, 'GetPublicKey', id),
    (abortSignal) => reach.client.send(new GetPublicKeyCommand({ KeyId: id }), { abortSignal }),
    FRESH,
  )
  return reply.PublicKey ?? new Uint8Array()
}

async function holdsMacKey(
  reach: Reach,
  { id }: KmsKey,
  { algorithm, hash }: { algorithm: MacAlgorithmSpec; hash: string },
  material: Uint8Array,
): Promise<boolean | undefined> {
  const Message = randomBytes(32)
  const input = { KeyId: id, MacAlgorithm: algorithm, Message }
  try {
    const reply = await reach.call(
      about(reach, 'GenerateMac', id),
      (abortSignal) => reach.client.send(new GenerateMacCommand(input), { abortSignal }),
      FRESH,
    )
    return sameBytes(
      createHmac(hash, material).update(Message).digest(),
      reply.Mac ?? new Uint8Array(),
    )
  } catch (error) {
    // A disabled one makes no MAC, and is not enabled for the sake of a question.
    if (isRefusal(error, 'DisabledException')) return undefined
    throw error
  }
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

export async function deleteMaterial(reach: Reach, { id }: KmsKey): Promise<void> {
  await reach.call(about(reach, 'DeleteImportedKeyMaterial', id), (abortSignal) =>
    reach.client.send(new DeleteImportedKeyMaterialCommand({ KeyId: id }), { abortSignal }),
  )
}
