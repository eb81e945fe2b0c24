import type { Engine } from '../core/engine.js'
import { definePath } from '../router/path.js'

/** DELETE keymgmt/kms/:name/key/:key/replicate/:region */
export const kmsKeyReplicateRegion = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/replicate/:region',
  synopsis: 'One replica Region of a distributed key.',
  description: [
    'Drops a Region that has no replica, for example because its name is mistyped, it is not enabled, or AWS denied it. Later rotations and replicate skip it, unless regions= names it. A Region with replicas is refused.',
    '    keymgmt delete keymgmt/kms/example-kms/key/app/replicate/eu-west-1',
    '    keymgmt write keymgmt/kms/example-kms/key/app/replicate regions=eu-west-1',
    'If AWS did not reply to the creation of a replica, keymgmt first looks for it, which needs kms:DescribeKey and kms:ListAliases. Otherwise, it sends nothing to AWS.',
  ].join('\n\n'),
  parameters: {
    name: 'Name of the provider.',
    key: 'Name of the key.',
    region: 'AWS Region, one of the replica_regions of the key.',
  },
  operations: {
    delete: {
      summary: 'Drops a Region that has no replica.',
      run: async (engine, { name, key, region }) => {
        const { dropRegion } = await import('../core/operations/drop-region.js')
        await dropRegion(engine, name, key, region)
        return undefined
      },
    },
  },
})
