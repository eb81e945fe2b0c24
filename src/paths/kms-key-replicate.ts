import type { Engine } from '../core/engine.js'
import { listOf } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { readCreated } from './created.js'
import { REGIONS } from './region.js'

/** WRITE keymgmt/kms/:name/key/:key/replicate */
export const kmsKeyReplicate = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/replicate',
  synopsis: 'Replicates a distributed key to its replica_regions.',
  description: [
    "Replicates the KMS key of each version to the key's replica_regions, imports the material there, and creates the same alias. Later rotations do the same. If AWS refuses one Region, keymgmt continues with the others.",
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/replicate',
    'With regions, keymgmt adds only these. A Region that you dropped is added again.',
    '    keymgmt write keymgmt/kms/example-kms/key/app/replicate regions=eu-west-1',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: "Replicates the distributed key to the key's replica_regions.",
      fields: {
        regions: listOf(
          "Regions to add, from the key's replica_regions. The default is all of them.",
          REGIONS,
        ),
      },
      run: async (engine, { name, key }, { regions }) => {
        const { replicate } = await import('../core/operations/distribute.js')
        await replicate(engine, name, key, regions)
        return { created: await readCreated(engine, key, name) }
      },
    },
  },
})
