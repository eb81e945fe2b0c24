import { earliestByVersion, MAX_TTL } from '../core/records/expiry.js'
import type { DistributionRecord, Expiry } from '../core/records/model.js'
import { duration, time } from '../router/fields.js'
import type { Json } from '../router/values.js'

/** The fields of an expiry, which have the same meaning wherever material is imported. */
export const expiryFields = {
  ttl: duration(
    'Time from each import until the material expires, such as 30d. 0 means that it never expires.',
    { max: MAX_TTL },
  ),
  valid_to: time(
    `Time at which the material expires, such as 2027-01-31T12:00:00Z, at most ${MAX_TTL} from now. Only renew moves it.`,
  ),
}

/** Returns an expiry as data, with the names of its fields. */
export function expirySetting(expiry: Expiry | undefined): Record<string, Json> {
  if (expiry === undefined) return {}
  return 'ttl' in expiry ? { ttl: expiry.ttl } : { valid_to: expiry.validTo }
}

/** Returns the expiry of a distribution, and the times at which its material expires, as data. */
export function expiryData(record: DistributionRecord): Record<string, Json> {
  const versions = earliestByVersion(record)
  const [expires] = [...versions.values()].sort()
  return {
    ...expirySetting(record.expiry),
    ...(expires !== undefined && {
      expires,
      expires_by_version: Object.fromEntries(versions),
    }),
  }
}
