import type { Engine } from '../core/engine.js'
import { boolean } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { differenceData, differenceRow, uncheckedData, uncheckedRow } from './difference.js'

/** WRITE keymgmt/kms/:name/key/:key/repair */
export const kmsKeyRepair = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/repair',
  synopsis: 'Corrects the differences between the records and AWS.',
  description: [
    'Finishes an interrupted distribution, and imports material again that was deleted or will expire. Creates or moves aliases, enables, disables and tags KMS keys, and cancels deletions that keymgmt did not schedule. It does not finish a removal or revocation: run that command again, or restore. Exits with 3 if a difference remains, and with 2 if AWS did not answer every request.',
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/repair',
    'Needs the permissions of verify, and kms:TagResource and kms:CancelKeyDeletion.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Repairs the differences between the records and AWS.',
      fields: {
        allow_permanent: boolean(
          'True to make expiring material permanent, by importing it again. By default, it keeps its expiry.',
        ),
      },
      run: async (engine, { name, key }, { allow_permanent: allowPermanent }) => {
        const { repairDistribution } = await import('../core/operations/repair.js')
        const { repaired, remaining, unchecked } = await repairDistribution(engine, name, key, {
          allowPermanent,
        })
        return {
          data: {
            repaired: repaired.map(differenceData),
            remaining: remaining.map(differenceData),
            unchecked: unchecked.map(uncheckedData),
          },
          rows: [
            ...repaired.map((difference) => ({
              ...differenceRow(difference),
              'Next step': 'repaired',
            })),
            ...remaining.map(differenceRow),
            ...unchecked.map(uncheckedRow),
          ],
          failed: remaining.length > 0,
          incomplete: unchecked.length > 0,
        }
      },
    },
  },
})
