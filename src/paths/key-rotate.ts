import type { Engine } from '../core/engine.js'
import { distributionsOf } from '../core/records/repository.js'
import { definePath } from '../router/path.js'

/** The type whose ciphertext tells AWS which KMS key made it. */
const SYMMETRIC = 'aes256-gcm96'

/** WRITE keymgmt/key/:name/rotate */
export const keyRotate = definePath<Engine>()({
  pattern: 'keymgmt/key/:name/rotate',
  synopsis: 'Rotation of a key.',
  description: [
    'Makes a new version, imports it wherever the key is distributed, and moves the aliases to it. Older versions stay as they are.',
    'Run again after a failure, it goes on with the version that it made.',
    '    keymgmt write -f keymgmt/key/app/rotate',
  ].join('\n\n'),
  parameters: { name: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Makes a new version of the key and moves every alias to it.',
      run: async (engine, { name }) => {
        const { rotateKey } = await import('../core/operations/keys.js')
        const { type } = await rotateKey(engine, name)
        const providers = (await distributionsOf(engine, name)).map(
          ({ providerName }) => providerName,
        )
        return type === SYMMETRIC || providers.length === 0
          ? undefined
          : { warnings: [explainRotation(name, providers)] }
      },
    },
  },
})

function explainRotation(key: string, providers: readonly string[]): string {
  const where = providers.map((name) => `keymgmt read keymgmt/kms/${name}/key/${key}`).join(', ')
  return `The alias names the new version only. What was made with an earlier one is verified or decrypted by naming its KMS key: ${where}`
}
