import type { Engine } from '../core/engine.js'
import { definePath } from '../router/path.js'

/** WRITE keymgmt/kms/:name/key/:key/revoke */
export const kmsKeyRevoke = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/revoke',
  synopsis: 'Deletes the material from the KMS keys at once. This can be reversed.',
  description: [
    "Deletes the imported material from every KMS key of the distribution, in every Region. The KMS keys keep their ids and aliases, but they can't be used until restore imports the same material again from the store.",
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/revoke',
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/restore',
    'Needs kms:DeleteImportedKeyMaterial. A KMS key whose material is not in the store, because an older snapshot was restored, is disabled instead: nothing could bring the material back. That needs kms:DisableKey.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Deletes the material from the KMS keys of the distribution.',
      run: async (engine, { name, key }) => {
        const { revokeDistribution } = await import('../core/operations/remove.js')
        await revokeDistribution(engine, name, key)
        return {
          warnings: [
            `These KMS keys can't be used now. Restore their material with: keymgmt write -f keymgmt/kms/${name}/key/${key}/restore`,
          ],
        }
      },
    },
  },
})
