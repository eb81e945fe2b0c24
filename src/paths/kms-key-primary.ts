import type { Engine } from '../core/engine.js'
import { required, text } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { REGION } from './region.js'

/** WRITE keymgmt/kms/:name/key/:key/primary */
export const kmsKeyPrimary = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/primary',
  synopsis: 'The Region of the primary KMS keys of a distribution.',
  description: [
    'Moves the primary KMS key of each version to a Region that has a replica. Ids, ARNs, aliases and ciphertext stay as they are. keymgmt then creates later versions in the Region of the provider, replicates them, and moves their primaries too. To move the primaries back, name the Region of the provider.',
    '    keymgmt write keymgmt/kms/example-kms/key/app/primary region=eu-west-1',
    'AWS moves only the primary of an enabled KMS key. The output names the disabled versions that it skips, and so does verify; the command that enables a version moves its primary. If somebody else moves a primary, verify reports it and repair accepts it; this command moves it again.',
    'Needs kms:UpdatePrimaryRegion in both Regions, and kms:DescribeKey.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Moves the primary KMS keys to another Region.',
      fields: {
        region: required(
          text('AWS Region of the primaries: one of the Regions of the distribution.', REGION),
        ),
      },
      run: async (engine, { name, key }, { region }) => {
        const { setPrimary } = await import('../core/operations/primary.js')
        await setPrimary(engine, name, key, region)
      },
    },
  },
})
