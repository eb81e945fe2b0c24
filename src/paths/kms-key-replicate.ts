import type { Engine } from '../core/engine.js'
import { definePath } from '../router/path.js'
import { readCreated } from './created.js'

/** WRITE keymgmt/kms/:name/key/:key/replicate */
export const kmsKeyReplicate = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/replicate',
  synopsis: 'Replicates a distributed key to its replica_regions.',
  description: [
    "Replicates the KMS key of each version to the key's replica_regions, imports the material there, and creates the same alias. Later rotations do the same.",
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/replicate',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: "Replicates the distributed key to the key's replica_regions.",
      run: async (engine, { name, key }) => {
        const { replicate } = await import('../core/operations/distribute.js')
        await replicate(engine, name, key)
        return { created: await readCreated(engine, key, name) }
      },
    },
  },
})
