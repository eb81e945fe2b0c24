import { KeymgmtError } from '../../errors.js'
import type { Engine } from '../engine.js'
import type { Step } from '../reconcile/plan.js'
import { reconcileKey } from '../reconcile/reconcile.js'
import { resumableDistributions } from '../reconcile/resume.js'
import {
  renewCommand,
  requestedExpiry,
  withExpiry,
  type ExpiryRequest,
  type RequestedExpiry,
} from '../records/expiry.js'
import { createdKmsKeyAt, createdKmsKeys, isInPlace, lacksOriginal } from '../records/kms-keys.js'
import { withKeyLock } from '../records/locks.js'
import type { DistributionRecord, KeyRecord } from '../records/model.js'
import { isTrimmed } from '../records/trimmed.js'
import { requireDistribution, requireKey, type NamedDistribution } from '../records/repository.js'
import { assertActive } from './present-distribution.js'

/**
 * Imports the same material again into every KMS key of the distribution, with a new expiry, and
 * deletes nothing first. An empty request repeats the `ttl` on record. Later versions get the same
 * expiry.
 * @returns the distribution as it is then.
 * @throws KeymgmtError KEY_NOT_FOUND, DISTRIBUTION_NOT_FOUND; FIELD_INVALID; FIELD_MISSING for an
 * empty request if no `ttl` is on record; DISTRIBUTION_DIFFERS if the distribution is revoked or
 * its removal did not finish; errors of the KMS, after which the same call renews the remaining
 * material.
 */
export async function renewDistribution(
  engine: Engine,
  providerName: string,
  key: string,
  request: ExpiryRequest,
): Promise<DistributionRecord> {
  const purpose = `write keymgmt/kms/${providerName}/key/${key}/renew`
  return withKeyLock(engine.store, key, purpose, async () => {
    const record = await requireKey(engine, key)
    const distribution = await requireDistribution(engine, providerName, key)
    const asked = { providerName, distribution }
    assertActive(record.current, providerName, distribution.current)
    const { expiry } =
      requestedExpiry(request, engine.now()) ?? repeated(distribution.current, providerName, key)
    const all = await resumableDistributions(engine, record.current, providerName)
    await distribution.update((current) => withExpiry(current, expiry))
    reportUnrenewable(engine, record.current, asked)
    const others = all.filter((named) => named.providerName !== providerName)
    await reconcileKey(engine, record, [asked, ...others], {
      isRequested: (step, named) => named === asked && isRenewal(step, distribution.current),
    })
    return distribution.current
  })
}

/**
 * Makes the plan renew earlier material before a distribution that is rotated in place and has a
 * `ttl` gets a new version. One expired material would disable the whole KMS key.
 */
export async function renewEarlier(distributions: readonly NamedDistribution[]): Promise<void> {
  for (const { distribution } of distributions) {
    const { state, expiry } = distribution.current
    const isTimed = expiry !== undefined && 'ttl' in expiry
    if (state === 'active' && isTimed && isInPlace(distribution.current))
      await distribution.update((current) => withExpiry(current, expiry))
  }
}

/** True if the step is part of a renewal: it needs a KMS key that exists. */
function isRenewal(step: Step, record: DistributionRecord): boolean {
  if (step.action === 'import')
    return createdKmsKeyAt(record, step.version, step.region) !== undefined
  // AWS enables a KMS key that gets its material back.
  return step.action === 'renew' || step.action === 'disable'
}

/** Returns the `ttl` on record. @throws KeymgmtError FIELD_MISSING */
function repeated(
  { expiry }: DistributionRecord,
  providerName: string,
  key: string,
): RequestedExpiry {
  if (expiry && 'ttl' in expiry) return { expiry }
  throw new KeymgmtError(
    'FIELD_MISSING',
    expiry
      ? `the material of ${key} in ${providerName} has a fixed end (valid_to=${expiry.validTo}): specify a new ttl or valid_to`
      : `the material of ${key} in ${providerName} has no ttl to repeat: specify ttl or valid_to`,
    { hints: [`for example: ${renewCommand(providerName, key)}`] },
  )
}

/** Names the versions that are trimmed, or whose material is not in this store. */
function reportUnrenewable(
  engine: Engine,
  key: KeyRecord,
  { providerName, distribution }: NamedDistribution,
): void {
  const kept = new Map<number, string>()
  for (const entry of createdKmsKeys(distribution.current)) {
    const { version, region } = entry
    const isEnded = isTrimmed(key, distribution.current, version)
    if (!isEnded && !lacksOriginal(entry)) continue
    const reason = isEnded ? 'the version is trimmed' : 'its material is not in this store'
    kept.set(version, reason)
    engine.outcome({
      provider: providerName,
      region,
      version,
      action: 'renew',
      state: 'skipped',
      reason,
    })
  }
  for (const [version, reason] of kept)
    engine.notice(`Version ${version} of ${key.name} in ${providerName} is not renewed: ${reason}`)
}
