import type { Engine } from '../core/engine.js'
import { ROTATIONS } from '../core/records/model.js'
import { KMS_KEY_ID } from '../kms/key-id.js'
import { boolean, integer, oneOf, required, text } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { readCreated } from './created.js'

/** WRITE keymgmt/kms/:name/key/:key/adopt */
export const kmsKeyAdopt = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/adopt',
  synopsis: 'Puts an existing KMS key under management.',
  description: [
    'Adopts a KMS key whose material is in the store, for example one that you imported with other tools. keymgmt first proves that the material is the same. It compares the public key, or a MAC over a new challenge. For a symmetric key, it imports the bytes once more, which AWS accepts only if they are the same.',
    '    keymgmt write keymgmt/key/app/import type=aes256-gcm96 material=@key.bin',
    '    keymgmt write keymgmt/kms/example-kms/key/app/adopt key_id=1234abcd-12ab-34cd-56ef-1234567890ab',
    "The KMS key then belongs to a distribution. It gets keymgmt's tags and alias, and keeps its other aliases. A KMS key of another distribution is refused, and so is one whose tags name another store, unless take_over=true.",
    'Needs kms:DescribeKey, kms:ListResourceTags (not with take_over=true) and kms:TagResource, and kms:GetPublicKey or kms:GenerateMac, or for symmetric keys kms:ListKeyRotations.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Proves that the KMS key has the material in the store, and adopts it.',
      fields: {
        key_id: required(
          text('Id or ARN of the KMS key, in the Region of the provider.', {
            pattern: new RegExp(`^(arn:[\\w-]+:kms:[\\w-]+:\\d{12}:key/)?(${KMS_KEY_ID})$`),
            example: '1234abcd-12ab-34cd-56ef-1234567890ab',
          }),
        ),
        version: integer('Version of the key whose material the KMS key has. The default is 1.', {
          min: 1,
        }),
        allow_permanent: boolean(
          'True to make expiring material permanent, by importing it again. By default, it keeps its expiry.',
        ),
        rotation: oneOf(
          ROTATIONS,
          'Kind of rotation of the distribution. With in_place, the KMS key may have the materials of several versions, oldest first, starting with version. The default is alias.',
        ),
        take_over: boolean(
          'True to adopt a KMS key whose tags name another store. If its distribution is removed there, AWS still deletes it.',
        ),
      },
      run: async (
        engine,
        { name, key },
        { key_id, version = 1, take_over: takeOver, allow_permanent: allowPermanent, rotation },
      ) => {
        const { adopt } = await import('../core/operations/adopt.js')
        await adopt(engine, name, key, {
          kmsKeyId: key_id,
          version,
          takeOver,
          allowPermanent,
          rotation,
        })
        return { created: await readCreated(engine, key, name) }
      },
    },
  },
})
