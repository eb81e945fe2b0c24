import type { Engine } from '../core/engine.js'
import { distributionsOf } from '../core/records/repository.js'
import { definePath } from '../router/path.js'

/** LIST keymgmt/key/:name/kms */
export const keyKms = definePath<Engine>()({
  pattern: 'keymgmt/key/:name/kms',
  synopsis: 'The KMS providers that a key is distributed to.',
  description: 'Lists the names of the providers.\n\n    keymgmt list keymgmt/key/app/kms',
  parameters: { name: 'Name of the key.' },
  operations: {
    list: {
      summary: 'Lists the providers that the key is distributed to.',
      run: async (engine, { name }) => ({
        data: {
          keys: (await distributionsOf(engine, name)).map(({ providerName }) => providerName),
        },
      }),
    },
  },
})
