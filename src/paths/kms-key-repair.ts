import type { Engine } from '../core/engine.js'
import { definePath } from '../router/path.js'
import { differenceData, differenceRow } from './difference.js'

/** WRITE keymgmt/kms/:name/key/:key/repair */
export const kmsKeyRepair = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/repair',
  synopsis: 'Brings AWS in line with the records again.',
  description: [
    'Finishes a distribution that was interrupted, imports material again that was deleted or is to expire, makes or moves the alias, enables or disables, tags, and cancels a deletion that keymgmt did not ask for. Leaves an unfinished removal or revocation alone: run that command again, or restore. Says what cannot be mended, and exits 3 then.',
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/repair',
    'Needs what verify needs, and kms:TagResource, kms:CancelKeyDeletion.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Mends what differs between the records and AWS.',
      run: async (engine, { name, key }) => {
        const where = { provider: name, key }
        const { repairDistribution } = await import('../core/operations/repair.js')
        const { mended, remaining } = await repairDistribution(engine, name, key)
        return {
          data: {
            mended: mended.map((difference) => differenceData(difference, where)),
            remaining: remaining.map((difference) => differenceData(difference, where)),
          },
          rows: [
            ...mended.map((difference) => ({
              ...differenceRow(difference, where),
              Mend: 'mended',
            })),
            ...remaining.map((difference) => differenceRow(difference, where)),
          ],
          failed: remaining.length > 0,
        }
      },
    },
  },
})
