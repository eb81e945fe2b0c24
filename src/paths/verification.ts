import type { Orphan, OrphanSearch } from '../core/operations/orphans.js'
import type {
  ObservedKmsKey,
  ProviderVerification,
  SkippedStep,
  Verification,
} from '../core/operations/verify.js'
import type { KmsMaterial } from '../kms/kms-key.js'
import type { Response } from '../router/path.js'
import type { Json } from '../router/values.js'
import { differenceData, differenceRow, uncheckedData, uncheckedRow } from './difference.js'

/**
 * Returns the response of a check, with a row for each comparison, including those that could not
 * be made.
 */
export function verificationResponse(verification: Verification): Response {
  const failed = verification.differences.length > 0
  const incomplete = verification.observation.unchecked.length > 0
  return {
    data: verificationData(verification),
    rows:
      failed || incomplete
        ? comparedRows(verification)
        : verification.observation.kmsKeys.flatMap(kmsKeyRows),
    warnings: verification.skipped.map(explainSkipped),
    failed,
    incomplete,
  }
}

/**
 * Returns the response of a check of all distributions in a provider, and of a search for orphans.
 */
export function providerResponse(
  { verifications, unchecked }: ProviderVerification,
  search?: OrphanSearch,
): Response {
  const unanswered = [...unchecked, ...(search?.unchecked ?? [])]
  const orphans = search?.orphans ?? []
  const failed =
    verifications.some(({ differences }) => differences.length > 0) ||
    orphans.some(({ nextStep }) => nextStep !== undefined)
  const incomplete =
    unanswered.length > 0 ||
    verifications.some(({ observation }) => observation.unchecked.length > 0)
  return {
    data: {
      distributions: verifications.map((each) => ({ key: each.key, ...verificationData(each) })),
      ...(search && { orphans: orphans.map(orphanData) }),
      unchecked: unanswered.map(uncheckedData),
      verified: !failed && !incomplete,
    },
    rows: [
      ...verifications.flatMap((each) =>
        comparedRows(each).map((row) => ({ Key: each.key, ...row })),
      ),
      ...orphans.map((orphan) => ({ Key: orphan.key ?? '', ...orphanRow(orphan) })),
      ...unanswered.map((each) => ({ Key: '', ...uncheckedRow(each) })),
    ],
    warnings: (search?.hidden ?? 0) > 0 ? [explainHidden(search?.hidden ?? 0)] : [],
    failed,
    incomplete,
  }
}

function explainSkipped({ version, region, to }: SkippedStep): string {
  return to === undefined
    ? `Version ${version} has no replica in ${region}, because it is disabled. When it is enabled, repair creates it.`
    : `The primary of version ${version} is in ${region} and not in ${to}, because the version is disabled. When it is enabled, repair moves it.`
}

function explainHidden(hidden: number): string {
  return `KMS keys whose own policies hide their tags were not looked at: ${hidden}. A KMS key that keymgmt created hides them only if somebody changed its policy.`
}

function verificationData({
  distribution,
  observation: { kmsKeys, unchecked },
  differences,
  skipped,
}: Verification): Record<string, Json> {
  return {
    state: distribution.state,
    kms_keys: kmsKeys.map(kmsKeyData),
    differences: differences.map(differenceData),
    unchecked: unchecked.map(uncheckedData),
    ...(skipped.length > 0 && { skipped: skipped.map((place) => ({ ...place })) }),
    verified: differences.length === 0 && unchecked.length === 0,
  }
}

function comparedRows({
  observation: { kmsKeys, unchecked },
  differences,
}: Verification): Record<string, string>[] {
  return [
    ...kmsKeys.filter((observed) => stateOf(observed) !== 'unknown').flatMap(observedRows),
    ...differences.map(differenceRow),
    ...unchecked.map(uncheckedRow),
  ]
}

function orphanData(orphan: Orphan): Record<string, Json> {
  const { region, kmsKeyId, arn, key, version, state, deletionDate, nextStep } = orphan
  return {
    region,
    kms_key: kmsKeyId,
    arn,
    key: key ?? '',
    version: version ?? 0,
    state,
    ...(deletionDate && { deletion_date: deletionDate.toISOString() }),
    ...(nextStep !== undefined && { next_step: nextStep }),
  }
}

function orphanRow({
  region,
  kmsKeyId,
  version,
  state,
  deletionDate,
  nextStep,
}: Orphan): Record<string, string> {
  return {
    Region: region,
    Version: version === undefined ? '' : String(version),
    What: 'orphan',
    Subject: kmsKeyId,
    Expected: 'on record',
    Found: deletionDate ? `${state}, deletion on ${deletionDate.toISOString()}` : state,
    'Next step': nextStep ?? '',
  }
}

const PROOF = { true: 'proven', false: 'other material', undefined: 'not compared' } as const

/** Returns AWS's state of a KMS key, or a word for the reason why it is unknown. */
function stateOf({ entry, isTrimmed, status, unchecked }: ObservedKmsKey): string {
  const isUnknown = !status && unchecked.length > 0
  if (isTrimmed && !isUnknown && (!status || status.state === 'pending-deletion')) return 'trimmed'
  if (status) return status.state
  if (entry.state === 'creating' || unchecked.length > 0) return 'unknown'
  return entry.state === 'lost' ? 'lost' : 'deleted'
}

function kmsKeyData(observed: ObservedKmsKey): Record<string, Json> {
  const { entry, status, holds, materials } = observed
  const deletion = status?.deletionDate?.toISOString()
  return {
    version: entry.version,
    region: entry.region,
    kms_key: entry.state === 'creating' ? null : entry.key.id,
    state: stateOf(observed),
    material: PROOF[`${holds}`],
    ...(deletion !== undefined && { deletion_date: deletion }),
    ...(status?.expires && { expires: status.expires.toISOString() }),
    ...(materials && { materials: materials.map((each) => materialData(observed, each)) }),
  }
}

/** Returns one of the materials of a KMS key that is rotated in place. */
function materialData(
  { entry }: ObservedKmsKey,
  { id, state, imported, expires }: KmsMaterial,
): Record<string, Json> {
  return {
    version: versionOf(entry, id) ?? 0,
    material_id: id,
    state,
    imported,
    ...(expires && { expires: expires.toISOString() }),
  }
}

function versionOf(entry: ObservedKmsKey['entry'], id: string): number | undefined {
  if (entry.state === 'creating') return undefined
  return entry.materials.find(({ materialId }) => materialId === id)?.version
}

/**
 * Returns the row of a KMS key in the table of a check that found no difference; with rotation in
 * place, one row for each material.
 */
function kmsKeyRows(observed: ObservedKmsKey): Record<string, string>[] {
  const { entry, status, holds, materials } = observed
  const deletion = status?.deletionDate?.toISOString()
  const row = {
    Region: entry.region,
    Version: String(entry.version),
    'KMS key': entry.state === 'creating' ? '' : entry.key.id,
    State: `${stateOf(observed)}${deletion === undefined ? '' : `, deletion on ${deletion}`}`,
    Material: PROOF[`${holds}`],
  }
  if (!materials) return [row]
  return materials.map(({ id, state, imported }) => ({
    ...row,
    Version: String(versionOf(entry, id) ?? ''),
    Material: `${state}, ${imported ? PROOF[`${holds}`] : 'missing'}`,
  }))
}

/** Returns the rows of a KMS key in a table that also has differences. */
function observedRows(observed: ObservedKmsKey): Record<string, string>[] {
  return kmsKeyRows(observed).map(({ Region = '', Version = '', ...cells }) => ({
    Region,
    Version,
    What: 'kms-key',
    Subject: cells['KMS key'] ?? '',
    Expected: '',
    Found: `${cells.State ?? ''}, material ${cells.Material ?? ''}`,
    'Next step': '',
  }))
}
