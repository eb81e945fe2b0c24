import type { ObservedKmsKey, Verification } from '../core/operations/verify.js'
import type { Response } from '../router/path.js'
import type { Json } from '../router/values.js'
import { differenceData, differenceRow, uncheckedData, uncheckedRow } from './difference.js'

/** The response of a check, with a row for everything that was, or could not be, compared. */
export function verificationResponse({
  distribution,
  observation: { kmsKeys, unchecked },
  differences,
}: Verification): Response {
  const failed = differences.length > 0
  const incomplete = unchecked.length > 0
  return {
    data: {
      state: distribution.state,
      kms_keys: kmsKeys.map(describe),
      differences: differences.map(differenceData),
      unchecked: unchecked.map(uncheckedData),
      verified: !failed && !incomplete,
    },
    rows:
      failed || incomplete
        ? [
            ...kmsKeys.filter((observed) => stateOf(observed) !== 'unknown').map(comparedRow),
            ...differences.map(differenceRow),
            ...unchecked.map(uncheckedRow),
          ]
        : kmsKeys.map(kmsKeyRow),
    failed,
    incomplete,
  }
}

const PROOF = { true: 'proven', false: 'other material', undefined: 'not compared' } as const

/** In the words of the response: AWS's state, or the reason why there is none. */
function stateOf({ entry, status, unchecked }: ObservedKmsKey): string {
  if (status) return status.state
  if (entry.state === 'creating' || unchecked.length > 0) return 'unknown'
  return entry.state === 'lost' ? 'lost' : 'deleted'
}

function describe(observed: ObservedKmsKey): Record<string, Json> {
  const { entry, status, holds } = observed
  const deletion = status?.deletionDate?.toISOString()
  return {
    version: entry.version,
    region: entry.region,
    kms_key: entry.state === 'creating' ? null : entry.key.id,
    state: stateOf(observed),
    material: PROOF[`${holds}`],
    ...(deletion !== undefined && { deletion_date: deletion }),
  }
}

/** A row of the table that is printed if there is nothing but KMS keys to report. */
function kmsKeyRow(observed: ObservedKmsKey): Record<string, string> {
  const { entry, status, holds } = observed
  const deletion = status?.deletionDate?.toISOString()
  return {
    Region: entry.region,
    Version: String(entry.version),
    'KMS key': entry.state === 'creating' ? '' : entry.key.id,
    State: `${stateOf(observed)}${deletion === undefined ? '' : ` until ${deletion}`}`,
    Material: PROOF[`${holds}`],
  }
}

/** The same among differences and unanswered questions. */
function comparedRow(observed: ObservedKmsKey): Record<string, string> {
  const { Region = '', Version = '', ...cells } = kmsKeyRow(observed)
  return {
    Region,
    Version,
    What: 'kms-key',
    Subject: cells['KMS key'] ?? '',
    Expected: '',
    Found: `${cells.State ?? ''}, material ${cells.Material ?? ''}`,
    'Way out': '',
  }
}
