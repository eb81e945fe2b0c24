import type { Engine } from '../core/engine.js'
import type { ObservedKmsKey } from '../core/operations/verify.js'
import { boolean } from '../router/fields.js'
import { definePath } from '../router/path.js'
import type { Json } from '../router/values.js'
import { differenceData, differenceRow } from './difference.js'

/** READ keymgmt/kms/:name/key/:key/verify */
export const kmsKeyVerify = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/verify',
  synopsis: 'Compares what is on record with what AWS has.',
  description: [
    'For each version and Region: whether the KMS key exists, its state, tags, multi-Region configuration and expiry, the alias, and the material: by its public key, by a MAC over a fresh challenge, or, of symmetric keys, by the id that AWS has given it. Exits 3 when anything differs.',
    '    keymgmt read keymgmt/kms/example-kms/key/app/verify',
    'With challenge=true symmetric KMS keys are given the same material once more, which AWS takes only if it is the same.',
    '    keymgmt read keymgmt/kms/example-kms/key/app/verify challenge=true',
    'Needs kms:DescribeKey, kms:ListResourceTags and kms:ListAliases, and kms:GetPublicKey or kms:GenerateMac for the types that have them.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    read: {
      summary: 'What differs between the records and AWS.',
      fields: {
        challenge: boolean('Whether to have AWS compare symmetric material with ours.'),
      },
      run: async (engine, { name, key }, { challenge = false }) => {
        const where = { provider: name, key }
        const { verifyDistribution } = await import('../core/operations/verify.js')
        const { observation, differences } = await verifyDistribution(engine, name, key, challenge)
        return {
          data: {
            kms_keys: observation.kmsKeys.map(describe),
            differences: differences.map((difference) => differenceData(difference, where)),
            verified: differences.length === 0,
          },
          rows:
            differences.length > 0
              ? differences.map((difference) => differenceRow(difference, where))
              : observation.kmsKeys.map(row),
          failed: differences.length > 0,
        }
      },
    },
  },
})

const PROOF = { true: 'proven', false: 'other material', undefined: 'not compared' } as const

function describe({ entry, status, holds }: ObservedKmsKey): Record<string, Json> {
  return {
    version: entry.version,
    region: entry.region,
    kms_key: entry.state === 'creating' ? null : entry.key.id,
    state: status?.state ?? (entry.state === 'lost' ? 'lost' : 'deleted'),
    material: PROOF[`${holds}`],
  }
}

function row({ entry, status, holds }: ObservedKmsKey): Record<string, string> {
  return {
    Region: entry.region,
    Version: String(entry.version),
    'KMS key': entry.state === 'creating' ? '' : entry.key.id,
    State: status?.state ?? (entry.state === 'lost' ? 'lost' : 'deleted'),
    Material: PROOF[`${holds}`],
  }
}
