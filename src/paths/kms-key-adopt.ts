import type { Engine } from '../core/engine.js'
import { boolean, integer, required, text } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { readCreated } from './created.js'

/** WRITE keymgmt/kms/:name/key/:key/adopt */
export const kmsKeyAdopt = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/adopt',
  synopsis: 'Takes a KMS key that is in AWS already under management.',
  description: [
    'For a KMS key whose material the store holds, such as one that was imported with other tools. It is first proven to hold that very material: by its public key, by a MAC over a fresh challenge, or, of symmetric keys, by importing the same bytes once more, which AWS takes only if they are the same.',
    '    keymgmt write keymgmt/key/app/import type=aes256-gcm96 material=@key.bin',
    '    keymgmt write keymgmt/kms/example-kms/key/app/adopt key_id=1234abcd-12ab-34cd-56ef-1234567890ab',
    'From then on it is distributed like any other: it gets our tags and an alias of ours; the aliases that it has stay. A KMS key that another distribution has is refused, and so is one whose tags say that another store has it, unless take_over=true.',
    'Needs kms:DescribeKey, kms:ListResourceTags (not with take_over=true) and kms:TagResource, and kms:GetPublicKey or kms:GenerateMac for the types that have them.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Proves that the KMS key holds our material, and manages it from then on.',
      fields: {
        key_id: required(
          text('Id or ARN of the KMS key, in the Region of the provider.', {
            pattern: /^(arn:[\w-]+:kms:[\w-]+:\d{12}:key\/)?(mrk-)?[0-9a-f-]{32,36}$/,
            example: '1234abcd-12ab-34cd-56ef-1234567890ab',
          }),
        ),
        version: integer('Version of the key whose material it holds; 1 where none is given.', {
          min: 1,
        }),
        take_over: boolean(
          'Whether to take a KMS key whose tags say that another store has it. The removal of its distribution there still schedules its deletion.',
        ),
      },
      run: async (engine, { name, key }, { key_id, version = 1, take_over }) => {
        const { adopt } = await import('../core/operations/adopt.js')
        await adopt(engine, name, key, { kmsKeyId: key_id, version, takeOver: take_over })
        return { created: await readCreated(engine, key, name) }
      },
    },
  },
})
