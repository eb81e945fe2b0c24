import type { KmsKeyUse } from '../core/operations/last-use.js'
import type { Created } from '../router/path.js'
import type { Json } from '../router/values.js'

/** Returns the last uses of KMS keys, for a program and for a person. */
export function describeLastUse(uses: readonly KmsKeyUse[]): Created {
  return { data: { last_use: uses.map(lastUseData) }, lines: uses.map(lastUseLine) }
}

function lastUseData({ providerName, region, version, kmsKeyId, use }: KmsKeyUse) {
  const place = { provider: providerName, region, version, kms_key: kmsKeyId }
  if ('unknown' in use) return { ...place, state: 'unknown', reason: use.unknown }
  const { last, trackedSince } = use
  const data: Record<string, Json> = {
    ...place,
    state: last ? 'used' : 'unused',
    ...(last && { used_at: last.at.toISOString(), operation: last.operation }),
    tracked_since: trackedSince.toISOString(),
  }
  return data
}

/** Returns the last use of one KMS key, as a line for a person. */
export function lastUseLine({ providerName, region, version, kmsKeyId, use }: KmsKeyUse): string {
  return `last use of version ${version} in ${providerName}, ${region} (${kmsKeyId}): ${describe(use)}`
}

function describe(use: KmsKeyUse['use']): string {
  if ('unknown' in use) return `unknown: ${use.unknown}`
  const { last, trackedSince } = use
  return last
    ? `${last.at.toISOString()}, ${last.operation}`
    : `none since ${trackedSince.toISOString()}`
}
