import type { KmsKeyStatus } from '../../kms/kms-key.js'
import type { CreatedKmsKey, KeyRecord, LostKmsKey } from '../records/model.js'
import { trimWays } from '../records/takedown.js'
import type { Difference } from './difference.js'

/**
 * PURE: returns the difference if the KMS key of a trimmed version neither awaits its deletion nor
 * is deleted.
 */
export function compareTrimmed(
  key: KeyRecord,
  { version, region, key: { id } }: CreatedKmsKey | LostKmsKey,
  status: KmsKeyStatus | undefined,
): Difference[] {
  if (!status || status.state === 'pending-deletion') return []
  const expected = 'pending-deletion'
  const found = status.state
  const nextStep = trimWays(key)
  return [
    { what: 'state', region, version, subject: id, expected, found, repairable: false, nextStep },
  ]
}
