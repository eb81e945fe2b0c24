import type { Engine } from '../core/engine.js'
import { listOf } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { createdOf, providersOfLatest } from './created.js'

/** The type whose ciphertext contains the id of its KMS key. */
const SYMMETRIC = 'aes256-gcm96'

/** The installed package does not contain this page. */
const RECIPES = 'https://github.com/keymgmt/keymgmt/blob/main/docs/recipes.md'

/** WRITE keymgmt/key/:name/rotate */
export const keyRotate = definePath<Engine>()({
  pattern: 'keymgmt/key/:name/rotate',
  synopsis: 'Rotates a key.',
  description: [
    'Creates a new version, imports it wherever the key is distributed, and moves the aliases to it. Earlier versions stay as they are.',
    '    keymgmt write -f keymgmt/key/app/rotate',
    'The version is the latest as soon as one provider has it. A provider that cannot take it is behind: the next rotation only brings that provider up to date, and creates no version. To rotate without it:',
    '    keymgmt write keymgmt/key/app/rotate without=example-kms',
    'The alias then points to the KMS key of the new version only. To verify or decrypt the output of an earlier version, name its KMS key. Ciphertext of a symmetric key contains the id of its KMS key: send no KeyId. A client that sends the alias to Decrypt (sops, Tink, the S3 encryption client) gets IncorrectKeyException for older ciphertext.',
    `Recipes for these clients: ${RECIPES}`,
  ].join('\n\n'),
  parameters: { name: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Creates a new version of the key, and moves every alias to it.',
      fields: {
        without: listOf('Providers to leave out, and not to wait for.'),
      },
      run: async (engine, { name }, { without }) => {
        const { rotate } = await import('../core/operations/rotate.js')
        const { key, distributions } = await rotate(engine, name, { without })
        const providers = providersOfLatest(key, distributions)
        return {
          created: createdOf(key, distributions),
          warnings: providers.length === 0 ? [] : [explainRotation(key.type, name, providers)],
        }
      },
    },
  },
})

/** Explains the effect of a rotation on clients that use the alias, because their errors do not. */
function explainRotation(type: string, key: string, providers: readonly string[]): string {
  const where = providers.map((name) => `keymgmt read keymgmt/kms/${name}/key/${key}`).join(', ')
  const effect =
    type === SYMMETRIC
      ? 'To decrypt ciphertext of an earlier version, send no KeyId or the ARN of its KMS key; a client that sends the alias (sops, Tink, the S3 encryption client, aws kms decrypt --key-id alias/…) gets IncorrectKeyException'
      : 'To verify or decrypt the output of an earlier version, name its KMS key'
  return `The alias now points to the new version only. ${effect}. For the KMS key of each version: ${where}. Recipes: ${RECIPES}`
}
