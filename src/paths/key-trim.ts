import type { Engine } from '../core/engine.js'
import type { Trim } from '../core/operations/trim.js'
import { trimCommand } from '../core/records/takedown.js'
import { boolean, integer, required } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { describeLastUse } from './last-use.js'

/** WRITE keymgmt/key/:name/trim */
export const keyTrim = definePath<Engine>()({
  pattern: 'keymgmt/key/:name/trim',
  synopsis: 'Schedules the KMS keys of old versions for deletion.',
  description: [
    'Schedules the KMS keys of the versions below min_available_version for deletion, wherever the key is distributed. These versions must already be disabled (min_enabled_version). AWS deletes the KMS keys after 30 days. Until then, a lower number cancels their deletion; 0 cancels all deletions.',
    '    keymgmt write keymgmt/key/app min_enabled_version=3',
    '    keymgmt write keymgmt/key/app/trim min_available_version=3',
    '    keymgmt write keymgmt/key/app/trim min_available_version=0',
    'AWS cannot bring back a deleted symmetric KMS key, not even from its material. The command is therefore refused if a version was used within 30 days, or if its last use is unknown. The originals stay in the store until the key is deleted. A KMS key that is rotated in place has all versions, so trim does not change it.',
  ].join('\n\n'),
  parameters: { name: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Schedules the KMS keys of old versions for deletion, or cancels their deletion.',
      fields: {
        min_available_version: required(
          integer('The KMS keys of lower versions are deleted. 0 deletes none.', { min: 0 }),
        ),
        allow_recent_use: boolean(
          'True to delete KMS keys that were used within 30 days, or whose last use is unknown.',
        ),
      },
      run: async (
        engine,
        { name },
        { min_available_version: minimum, allow_recent_use: allowRecentUse },
      ) => {
        const { trimKey } = await import('../core/operations/trim.js')
        const trim = await trimKey(engine, name, minimum, { allowRecentUse })
        const cost = trim.cancelled - trim.scheduled
        return {
          created: {
            data: { min_available_version: minimum, monthly_cost_usd: cost },
            lines: describeCost(trim),
          },
          ...(trim.uses.length > 0 && { observed: describeLastUse(trim.uses) }),
          warnings: explainTrim(trim, name),
        }
      },
    },
  },
})

function describeCost({ scheduled, cancelled }: Trim): string[] {
  return [
    ...(scheduled > 0
      ? [`KMS keys scheduled for deletion: ${scheduled}; this ends $${scheduled}.00 a month`]
      : []),
    ...(cancelled > 0
      ? [
          `KMS keys no longer scheduled for deletion: ${cancelled}; they cost $${cancelled}.00 a month`,
        ]
      : []),
  ]
}

function explainTrim({ scheduled, firstDeletion, before }: Trim, name: string): string[] {
  if (scheduled === 0) return []
  const when = firstDeletion === undefined ? '' : `, the first on ${firstDeletion}`
  return [
    `AWS will delete the KMS keys of the trimmed versions${when}. After that, ciphertext of symmetric KMS keys can never be decrypted, not even with the same material. Until then, cancel it with: ${trimCommand(name, before)}`,
  ]
}
