import type { DistributionRecord } from '../core/records/model.js'
import { DELETION_WINDOW_SETTING } from './deletion-window.js'
import { boolean, openPairs, text } from '../router/fields.js'
import type { Json } from '../router/values.js'

/** The fields that set the description, tags, key policy and deletion window of KMS keys. */
export const settingFields = {
  description: text(
    "Description of every KMS key, which AWS's console shows. Empty is AWS's default. Until it is set, keymgmt writes a text for each version.",
    { clearable: true },
  ),
  tags: openPairs(
    'Tags of every KMS key, such as team=payments, in addition to those of keymgmt. They replace all tags that were set before; empty removes them.',
  ),
  policy: text(
    "Key policy of every KMS key, in JSON, such as @policy.json. Empty is AWS's default, with which the account's IAM policies decide.",
    { clearable: true },
  ),
  deletion_window: DELETION_WINDOW_SETTING,
  allow_lockout: boolean(
    'True to accept a key policy that nobody in the account may be able to change any more.',
  ),
}

/** Returns the settings of a distribution that the user has set, as data. */
export function settingsData({
  description,
  tags,
  policy,
  deletionWindow,
}: DistributionRecord): Record<string, Json> {
  return {
    ...(description !== undefined && { description }),
    ...(tags && { tags }),
    ...(policy && { policy: policy.document }),
    ...(deletionWindow !== undefined && { deletion_window: deletionWindow }),
  }
}
