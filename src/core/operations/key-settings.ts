import { KeymgmtError } from '../../errors.js'
import { kindOf, openProvider, type Engine } from '../engine.js'
import type { KmsKeySettings } from '../../kms/kms-key.js'
import type { DistributionRecord, KmsRecord } from '../records/model.js'
import type { NamedDistribution } from '../records/repository.js'
import { withSettings } from '../records/key-settings.js'

/** The settings that every KMS key of a distribution gets. Undefined leaves one unchanged. */
export interface KeySettingsRequest {
  /** The description. An empty text is AWS's default. */
  readonly description?: string | undefined
  /** The user's tags, which replace all earlier ones; empty for none. */
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** The key policy, in JSON. An empty text is AWS's default. */
  readonly policy?: string | undefined
  /** True to accept a key policy that nobody in the account may be able to change. */
  readonly allowLockout?: boolean | undefined
}

/**
 * Returns the requested settings, without those that the request does not mention. Sends nothing to
 * AWS.
 * @throws KeymgmtError FIELD_INVALID
 */
export async function requestedSettings(
  engine: Engine,
  provider: KmsRecord,
  { description, tags, policy, allowLockout = false }: KeySettingsRequest,
): Promise<KmsKeySettings> {
  if (allowLockout && policy === undefined)
    throw new KeymgmtError('FIELD_MISSING', 'allow_lockout applies to policy, which is missing', {
      hints: ['add the key policy: policy=@policy.json'],
    })
  const settings = {
    ...(description !== undefined && { description }),
    ...(tags !== undefined && { tags }),
    ...(policy !== undefined && {
      policy: { document: policy, ...(allowLockout && { allowLockout }) },
    }),
  }
  await kindOf(engine, provider).assertSettings(settings)
  return settings
}

/**
 * Refuses a key policy that could lock the account out. Asks AWS for the account of a new
 * distribution.
 * @throws KeymgmtError FIELD_INVALID; errors of the KMS.
 */
export async function assertNoLockout(
  engine: Engine,
  provider: KmsRecord,
  { policy }: KmsKeySettings,
  existing: DistributionRecord | undefined,
): Promise<void> {
  if (policy) await (await openProvider(engine, provider)).assertPolicy(policy, existing?.pinned)
}

/** Records the desired settings of an existing distribution, and the KMS keys that lack them. */
export async function changeSettings(
  { distribution }: NamedDistribution,
  settings: KmsKeySettings,
): Promise<void> {
  const { current } = distribution
  if (withSettings(current, settings) === current) return
  await distribution.update((latest) => withSettings(latest, settings))
}
