import type { Engine } from '../core/engine.js'
import { boolean } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { providerResponse } from './verification.js'

/** READ keymgmt/kms/:name/verify */
export const kmsVerify = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/verify',
  synopsis: 'Compares the records of all distributions in a provider with AWS.',
  description: [
    'Verifies every distribution in the provider, present and removed, as verify of one key does. Exits with 3 if anything differs, and with 2 if AWS did not answer every request.',
    '    keymgmt read keymgmt/kms/example-kms/verify',
    'With orphans=true, it also looks for KMS keys that carry the tags of this store and that no distribution names, in every Region of the provider. An older copy of the store leaves such KMS keys behind.',
    '    keymgmt read keymgmt/kms/example-kms/verify orphans=true',
    'Needs the permissions of verify for each key; orphans=true also needs kms:ListKeys, and kms:ListResourceTags on all KMS keys.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.' },
  operations: {
    read: {
      summary: 'Shows the differences between the records and AWS, and orphans.',
      fields: {
        challenge: boolean(
          'True to let AWS compare symmetric material with the material in the store.',
        ),
        orphans: boolean('True to look also for KMS keys of this store that are not on record.'),
      },
      run: async (engine, { name }, { challenge = false, orphans = false }) => {
        const { verifyProvider } = await import('../core/operations/verify.js')
        const verification = await verifyProvider(engine, name, challenge)
        if (!orphans) return providerResponse(verification)
        const { findOrphans } = await import('../core/operations/orphans.js')
        return providerResponse(verification, await findOrphans(engine, name))
      },
    },
  },
})
