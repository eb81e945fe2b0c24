import type { Engine } from '../core/engine.js'
import { listRemoved } from '../core/records/removed.js'
import { distributionsOf } from '../core/records/repository.js'
import { definePath } from '../router/path.js'
import { explainRemoved } from './removed.js'

/** LIST keymgmt/key/:name/kms */
export const keyKms = definePath<Engine>()({
  pattern: 'keymgmt/key/:name/kms',
  synopsis: 'The KMS providers that a key is distributed to.',
  description:
    'Lists the names of the providers. A warning names each removed distribution that can still be restored.\n\n    keymgmt list keymgmt/key/app/kms',
  parameters: { name: 'Name of the key.' },
  operations: {
    list: {
      summary: 'Lists the providers that the key is distributed to.',
      run: async (engine, { name }) => ({
        data: {
          keys: (await distributionsOf(engine, name)).map(({ providerName }) => providerName),
        },
        warnings: (await listRemoved(engine, { key: name })).map(explainRemoved),
      }),
    },
  },
})
