import type { Engine } from '../core/engine.js'
import { listOf } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { readCreated } from './created.js'
import { REGION } from './region.js'

/** WRITE keymgmt/kms/:name/key/:key/replicate */
export const kmsKeyReplicate = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/replicate',
  synopsis: 'Replication of a distributed key to its replica_regions.',
  description: [
    "Replicates the KMS key of every version to the key's replica_regions, imports the material there, and creates the same alias. From then on, rotating the key does so too. If AWS refuses one Region, the others are done all the same.",
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/replicate',
    'With regions, only these are added; a Region that was dropped is added again.',
    '    keymgmt write keymgmt/kms/example-kms/key/app/replicate regions=eu-west-1',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: "Replicates the distributed key to the key's replica_regions.",
      fields: {
        regions: listOf("Those of the key's replica_regions to add; all if omitted.", REGION),
      },
      run: async (engine, { name, key }, { regions }) => {
        const { replicate } = await import('../core/operations/distribute.js')
        await replicate(engine, name, key, regions)
        return { created: await readCreated(engine, key, name) }
      },
    },
  },
})
