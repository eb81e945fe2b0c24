import { kindOf, type Engine } from '../engine.js'
import type { KeySettings } from '../records/key-settings.js'
import type { KmsRecord } from '../records/model.js'
import type { NamedDistribution } from '../records/repository.js'
import { withSettings } from '../records/key-settings.js'

/** The settings that every KMS key of a distribution gets. Undefined leaves one unchanged. */
export interface KeySettingsRequest {
  /** The description. An empty text is AWS's default. */
  readonly description?: string | undefined
  /** The user's tags, which replace all earlier ones; empty for none. */
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/**
 * Returns the requested settings, without those that the request does not mention. Sends nothing to
 * AWS.
 * @throws KeymgmtError FIELD_INVALID
 */
export async function requestedSettings(
  engine: Engine,
  provider: KmsRecord,
  { description, tags }: KeySettingsRequest,
): Promise<KeySettings> {
  const settings = {
    ...(description !== undefined && { description }),
    ...(tags !== undefined && { tags }),
  }
  await kindOf(engine, provider).assertSettings(settings)
  return settings
}

/** Records the desired settings of an existing distribution, and the KMS keys that lack them. */
export async function changeSettings(
  { distribution }: NamedDistribution,
  settings: KeySettings,
): Promise<void> {
  const { current } = distribution
  if (withSettings(current, settings) === current) return
  await distribution.update((latest) => withSettings(latest, settings))
}
