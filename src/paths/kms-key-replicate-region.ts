import type { Engine } from '../core/engine.js'
import { definePath } from '../router/path.js'

/** DELETE keymgmt/kms/:name/key/:key/replicate/:region */
export const kmsKeyReplicateRegion = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/replicate/:region',
  synopsis: 'One replica Region of a distributed key.',
  description: [
    'Drops a Region in which nothing was created, such as one that is mistyped, not enabled or denied. Later versions and replicate skip it; only regions= that names it adds it again. A Region that has replicas is refused.',
    '    keymgmt delete keymgmt/kms/example-kms/key/app/replicate/eu-west-1',
    '    keymgmt write keymgmt/kms/example-kms/key/app/replicate regions=eu-west-1',
    'A replica whose creation got no reply from AWS is looked for first, which needs kms:DescribeKey and kms:ListAliases. Otherwise, AWS is not asked.',
  ].join('\n\n'),
  parameters: {
    name: 'Name of the provider.',
    key: 'Name of the key.',
    region: 'AWS Region, one of the replica_regions of the key.',
  },
  operations: {
    delete: {
      summary: 'Drops a Region in which nothing was created.',
      run: async (engine, { name, key, region }) => {
        const { dropRegion } = await import('../core/operations/drop-region.js')
        await dropRegion(engine, name, key, region)
        return undefined
      },
    },
  },
})
