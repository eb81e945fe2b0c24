import type { Engine } from '../core/engine.js'
import { boolean } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { verificationResponse } from './verification.js'

/** READ keymgmt/kms/:name/key/:key/verify */
export const kmsKeyVerify = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/verify',
  synopsis: 'Compares the records of a distribution with AWS.',
  description: [
    'For each version and Region, compares the KMS key, its state, tags, multi-Region configuration and expiry, the alias, and the material. It proves the material with the public key, or with a MAC over a new challenge. For a symmetric KMS key, it compares only the id that AWS gave to the material, and shows "not compared". Exits with 3 if anything differs, and with 2 if AWS did not answer every request; the other requests are still made.',
    '    keymgmt read keymgmt/kms/example-kms/key/app/verify',
    'With challenge=true, keymgmt imports symmetric material once more, which AWS accepts only if it is the same.',
    '    keymgmt read keymgmt/kms/example-kms/key/app/verify challenge=true',
    'For a removed distribution, it shows when AWS deletes the KMS keys.',
    'Needs kms:DescribeKey, kms:ListResourceTags and kms:ListAliases, and kms:GetPublicKey or kms:GenerateMac for the types that have them.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    read: {
      summary: 'Shows the differences between the records and AWS.',
      fields: {
        challenge: boolean(
          'True to let AWS compare symmetric material with the material in the store.',
        ),
      },
      run: async (engine, { name, key }, { challenge = false }) => {
        const { verifyDistribution } = await import('../core/operations/verify.js')
        return verificationResponse(await verifyDistribution(engine, name, key, challenge))
      },
    },
  },
})
