import {
  GetKeyRotationStatusCommand,
  paginateListKeyRotations,
  RotateKeyOnDemandCommand,
  type KeyMaterialState,
} from '@aws-sdk/client-kms'
import { KeymgmtError } from '../../errors.js'
import type { ImportedMaterial, KmsKey, KmsMaterial } from '../kms-key.js'
import { catchAwsError, isAwsError } from './errors.js'
import { isText, timeIn } from './keys.js'
import { importMaterial, type MaterialToImport } from './material.js'
import { CONSISTENCY_MS } from './retry.js'
import { boundedPages, entriesOf, keyIdIn, pollUntil, type Session } from './session.js'

/** Longest wait for a rotation, which takes AWS about a minute. */
const ROTATION_MS = 600_000

/** Milliseconds between two requests for the state of a rotation. */
const LOOK_EVERY_MS = 2_000
const LOOK_EVERY_LOOPBACK_MS = 25

const everyMs = ({ endpoint }: Session) =>
  endpoint.isLoopback ? LOOK_EVERY_LOOPBACK_MS : LOOK_EVERY_MS

const STATES = new Map<unknown, KmsMaterial['state']>(
  Object.entries({
    CURRENT: 'current',
    NON_CURRENT: 'former',
    PENDING_ROTATION: 'pending',
    PENDING_MULTI_REGION_IMPORT_AND_ROTATION: 'incomplete',
  } satisfies Record<KeyMaterialState, KmsMaterial['state']>),
)

export async function listMaterials(session: Session, key: KmsKey): Promise<KmsMaterial[]> {
  const { client } = session
  const input = { KeyId: keyIdIn(session, key), IncludeKeyMaterial: 'ALL_KEY_MATERIAL' } as const
  const materials: KmsMaterial[] = []
  for await (const { Rotations } of boundedPages(
    'ListKeyRotations',
    paginateListKeyRotations({ client }, input),
  )) {
    for (const entry of entriesOf(Rotations)) {
      const state = STATES.get(entry.KeyMaterialState)
      const { KeyMaterialId: id, KeyMaterialDescription: description } = entry
      if (!isText(id) || !/^[\w-]{1,64}$/.test(id) || state === undefined)
        throw new KeymgmtError('KMS_FAILED', 'ListKeyRotations returned unknown material')
      materials.push({
        id,
        state,
        imported: entry.ImportState === 'IMPORTED',
        description: isText(description) ? description : undefined,
        expires:
          entry.ExpirationModel === 'KEY_MATERIAL_EXPIRES'
            ? timeIn(entry.ValidTo, 'ListKeyRotations')
            : undefined,
        rotatedAt: timeIn(entry.RotationDate, 'ListKeyRotations'),
      })
    }
  }
  // AWS does not document the order of the list.
  return materials.sort((one, other) => age(one) - age(other))
}

/** Orders materials by the time from which they are or will be current. */
function age({ state, rotatedAt }: KmsMaterial): number {
  if (state === 'pending' || state === 'incomplete') return Infinity
  return rotatedAt?.getTime() ?? 0
}

/**
 * Imports material. A replica accepts the material of its primary only after AWS has copied its id
 * there, so waits for that.
 */
export async function importWhenKnown(
  session: Session,
  key: KmsKey,
  toImport: MaterialToImport,
): Promise<ImportedMaterial> {
  const { as } = toImport
  const send = () => importMaterial(session, key, toImport)
  if (as?.kind !== 'existing') return send()
  try {
    return await send()
  } catch (error) {
    if (!isAwsError(error, 'IncorrectKeyMaterialException')) throw error
    const schedule = { withinMs: CONSISTENCY_MS, everyMs: everyMs(session) }
    const isKnown = await pollUntil(session, schedule, async () => {
      const materials = await listMaterials(session, key)
      return materials.some(({ id }) => id === as.materialId) || undefined
    })
    if (!isKnown) throw error
    return send()
  }
}

/**
 * Rotates the KMS key to its pending material. AWS rotates in the background. It notices an import
 * in another Region only some time later, so it may first refuse to rotate because material is
 * missing.
 * @throws KeymgmtError KMS_FAILED if it takes too long.
 */
export async function rotateKey(session: Session, key: KmsKey): Promise<readonly KmsMaterial[]> {
  const KeyId = keyIdIn(session, key)
  let isRequested = await requestRotation(session, KeyId)
  const incompleteUntil = performance.now() + (session.settlingMs > 0 ? CONSISTENCY_MS : 2_000)
  const schedule = { withinMs: ROTATION_MS, everyMs: everyMs(session) }
  const rotated = await pollUntil(session, schedule, async () => {
    const status = await session.client.send(new GetKeyRotationStatusCommand({ KeyId }))
    if (status.OnDemandRotationStartDate) return undefined
    const materials = await listMaterials(session, key)
    const next = materials.find(({ state }) => state === 'pending' || state === 'incomplete')
    if (!next) return materials
    if (next.state === 'incomplete' && performance.now() > incompleteUntil)
      throw incompleteError(session, key)
    if (!isRequested && next.state === 'pending')
      isRequested = await requestRotation(session, KeyId)
    return undefined
  })
  if (rotated) return rotated
  throw new KeymgmtError(
    'KMS_FAILED',
    `the rotation of KMS key ${key.id} in ${session.region} is not finished`,
    { hints: ['run the same command again: it continues from here'] },
  )
}

function incompleteError({ region }: Session, { id }: KmsKey): KeymgmtError {
  return new KeymgmtError(
    'KMS_FAILED',
    `AWS does not rotate KMS key ${id} in ${region}: one of its replicas lacks the new material`,
    { hints: [`see the replicas: aws kms describe-key --region ${region} --key-id ${id}`] },
  )
}

/** True if AWS has begun to rotate the KMS key; false if no material is pending. */
async function requestRotation({ client }: Session, KeyId: string): Promise<boolean> {
  const reply = client.send(new RotateKeyOnDemandCommand({ KeyId }))
  try {
    // AWS returns this error for a KMS key that it is already rotating.
    await catchAwsError(reply, 'ConflictException')
    return true
  } catch (error) {
    if (isAwsError(error, 'KMSInvalidStateException') && error.message.includes('pending rotation'))
      return false
    throw error
  }
}
