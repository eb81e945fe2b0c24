import type { Engine } from '../core/engine.js'
import { definePath } from '../router/path.js'
import { expiryData, expiryFields } from './expiry.js'

/** WRITE keymgmt/kms/:name/key/:key/renew */
export const kmsKeyRenew = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/renew',
  synopsis: 'Imports the same material again, with a new expiry.',
  description: [
    'Imports the material of every version again, in every Region, and deletes nothing first. The KMS keys stay usable meanwhile. A KMS key whose material has expired becomes usable again. Later versions get the same expiry. Without fields, renew repeats the ttl.',
    '    keymgmt write keymgmt/kms/example-kms/key/app/renew ttl=30d',
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/renew',
    'To make the material permanent:',
    '    keymgmt write keymgmt/kms/example-kms/key/app/renew ttl=0',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Renews the material of all versions in every Region.',
      fields: expiryFields,
      run: async (engine, { name, key }, { ttl, valid_to: validTo }) => {
        const { renewDistribution } = await import('../core/operations/renew.js')
        return { data: expiryData(await renewDistribution(engine, name, key, { ttl, validTo })) }
      },
    },
  },
})
