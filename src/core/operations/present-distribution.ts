import { KeymgmtError } from '../../errors.js'
import { takedownError, takedownOf } from '../reconcile/interruption.js'
import {
  expiryField,
  isSameSetting,
  renewCommand,
  type RequestedExpiry,
} from '../records/expiry.js'
import type { KmsKeySettings } from '../../kms/kms-key.js'
import type { DistributionRecord, KeyRecord, Rotation } from '../records/model.js'

/** The settings of a distribution that a user requests. */
export type WantedDistribution = Pick<DistributionRecord, 'purpose' | 'protection'> & {
  /** Undefined to keep the kind of an existing distribution. */
  readonly rotation?: Rotation | undefined
  /**
   * Undefined if the request mentions no expiry: an existing distribution keeps the expiry that it
   * has.
   */
  readonly requested: RequestedExpiry | undefined
  /** The settings of the KMS keys that the request mentions. */
  readonly settings: KmsKeySettings
}

/** @throws KeymgmtError DISTRIBUTION_DIFFERS if it is revoked, or its removal did not finish. */
export function assertActive(
  key: KeyRecord,
  providerName: string,
  distribution: DistributionRecord,
): void {
  const takedown = takedownOf(key, distribution)
  if (takedown) throw takedownError(takedown, providerName, key.name)
  if (distribution.state === 'revoked') throw revokedError(providerName, key.name)
}

/** @throws KeymgmtError DISTRIBUTION_DIFFERS if it is revoked or has other settings. */
export function assertSame(
  { state, purpose, protection, rotation: kind, expiry }: DistributionRecord,
  wanted: WantedDistribution,
  providerName: string,
  key: string,
): void {
  if (state === 'revoked') throw revokedError(providerName, key)
  const rotation = kind ?? 'alias'
  const settingsOf = (settings: Omit<WantedDistribution, 'requested' | 'settings'>) =>
    `purpose=${settings.purpose.join(',')} protection=${settings.protection} rotation=${settings.rotation}`
  const kept = settingsOf({ purpose, protection, rotation })
  const isSame = kept === settingsOf({ ...wanted, rotation: wanted.rotation ?? rotation })
  const isRenewal = wanted.requested && !isSameSetting(wanted.requested.expiry, expiry)
  if (isSame && !isRenewal) return
  if (state === 'removed') throw takedownError('removal', providerName, key)
  if (isSame)
    throw new KeymgmtError(
      'DISTRIBUTION_DIFFERS',
      `${key} is already distributed to ${providerName} ${expiry ? `with ${expiryField(expiry)}` : 'without an expiry'}`,
      {
        hints: [
          `to change that: ${renewCommand(providerName, key, expiryField(wanted.requested?.expiry))}`,
        ],
      },
    )
  throw new KeymgmtError(
    'DISTRIBUTION_DIFFERS',
    `${key} is already distributed to ${providerName} with ${kept}, which can't be changed`,
    {
      hints: [
        `to change that, first remove the distribution, whose KMS keys AWS then deletes: keymgmt delete keymgmt/kms/${providerName}/key/${key}`,
      ],
    },
  )
}

function revokedError(providerName: string, key: string): KeymgmtError {
  return new KeymgmtError(
    'DISTRIBUTION_DIFFERS',
    `${key} is already distributed to ${providerName}, and its material is revoked`,
    {
      hints: [
        `to bring the material back: keymgmt write -f keymgmt/kms/${providerName}/key/${key}/restore`,
      ],
    },
  )
}
