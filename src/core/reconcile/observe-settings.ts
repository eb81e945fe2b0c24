import type { KmsKeyStatus } from '../../kms/kms-key.js'
import type { CreatedKmsKey } from '../records/model.js'
import {
  compareDescription,
  comparePolicy,
  compareTags,
  type SettingDifference,
} from './compare-settings.js'
import { tagsFor, type ObserveContext } from './context.js'
import type { Unchecked } from './observe.js'

/** Returns the result of a request about a KMS key; undefined if it failed. */
export type Inquire = <T>(
  what: Unchecked['what'],
  question: () => Promise<T>,
) => Promise<T | undefined>

/** Returns the settings that differ. Asks only for those that are compared. */
export async function observeSettings(
  context: ObserveContext,
  { version, region, key, operationId }: CreatedKmsKey,
  { description }: KmsKeyStatus,
  inquire: Inquire,
): Promise<SettingDifference[]> {
  const { provider, distribution } = context
  const tags = await inquire('tags', () => provider.tagsOf(region, key))
  const { policy } = distribution.current
  const hasPolicy =
    policy && (await inquire('policy', () => provider.hasPolicy(region, key, policy)))
  const wanted = await tagsFor(context, version, operationId)
  return [
    ...(tags ? compareTags(distribution.current, wanted, tags) : []),
    ...compareDescription(distribution.current, description),
    ...comparePolicy(distribution.current, hasPolicy),
  ]
}
