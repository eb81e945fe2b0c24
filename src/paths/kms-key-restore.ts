import type { Engine } from '../core/engine.js'
import { definePath } from '../router/path.js'

/** WRITE keymgmt/kms/:name/key/:key/restore */
export const kmsKeyRestore = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/restore',
  synopsis: 'Reverses a removal, a revocation, or the removal of a Region.',
  description: [
    'Cancels the scheduled deletions, imports the same material again where it is missing, enables the KMS keys, and creates the same alias again. If the distribution itself was not removed, this brings back the replicas in dropped Regions.',
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/restore',
    'Needs kms:CancelKeyDeletion and kms:DescribeKey.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Brings the same KMS keys back, with the same material and alias.',
      run: async (engine, { name, key }) => {
        const { restoreDistribution } = await import('../core/operations/remove.js')
        await restoreDistribution(engine, name, key)
        return undefined
      },
    },
  },
})
