import type { Engine } from '../core/engine.js'
import { recordedState } from '../core/records/kms-keys.js'
import type { AliasEntry, ForgottenDistribution, KmsKeyEntry } from '../core/records/model.js'
import { boolean } from '../router/fields.js'
import { definePath, type Response } from '../router/path.js'
import type { Json } from '../router/values.js'

/** WRITE keymgmt/kms/:name/key/:key/forget */
export const kmsKeyForget = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name/key/:key/forget',
  synopsis: 'Drops a distribution that can no longer be reached.',
  description: [
    'For an account that is closed, credentials that are lost, or an endpoint that is gone. Changes only the store and sends nothing to AWS: the KMS keys and aliases there stay as they are, and the response lists them. Also drops the removed distributions of the key to this provider.',
    '    keymgmt write -f keymgmt/kms/example-kms/key/app/forget allow_orphans=true',
    'The material stays in the store. Deleting the key then needs allow_orphans=true as well. If the KMS keys can be reached again, adopt takes one of them back.',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.', key: 'Name of the key.' },
  operations: {
    write: {
      summary: 'Drops the distribution from the store, and lists what remains in AWS.',
      fields: {
        allow_orphans: boolean('Must be true: AWS keeps KMS keys that keymgmt no longer manages.'),
      },
      run: async (engine, { name, key }, { allow_orphans = false }) => {
        const { forgetDistribution } = await import('../core/operations/forget.js')
        return forgottenResponse(await forgetDistribution(engine, name, key, allow_orphans))
      },
    },
  },
})

function forgottenResponse(forgotten: readonly ForgottenDistribution[]): Response {
  const kmsKeys = forgotten.flatMap(({ kmsKeys }) => kmsKeys)
  const aliases = forgotten.flatMap((each) => each.aliases)
  return {
    data: { kms_keys: kmsKeys.map(kmsKeyData), aliases: aliases.map(aliasData) },
    rows: [...kmsKeys.map(kmsKeyRow), ...aliases.map(aliasRow)],
    warnings: [
      kmsKeys.length === 0
        ? 'Forgotten; nothing was sent to AWS, where no KMS key is on record.'
        : 'Forgotten; nothing was sent to AWS. It keeps these KMS keys and aliases, which keymgmt no longer manages, and bills them until somebody deletes them there.',
    ],
  }
}

function kmsKeyData(entry: KmsKeyEntry): Record<string, Json> {
  const { version, region } = entry
  return {
    version,
    region,
    arn: entry.state === 'creating' ? null : entry.key.arn,
    state: recordedState(entry),
    ...(entry.operationId !== undefined && { operation_id: entry.operationId }),
    ...(entry.state === 'created' &&
      entry.deletion?.date && { deletion_date: entry.deletion.date }),
  }
}

function aliasData({ region, name }: AliasEntry): Record<string, Json> {
  return { region, name }
}

function kmsKeyRow(entry: KmsKeyEntry): Record<string, string> {
  return {
    Region: entry.region,
    Version: String(entry.version),
    'Remains in AWS':
      entry.state === 'creating' ? `perhaps one with tag ${entry.operationId}` : entry.key.arn,
    State: recordedState(entry),
  }
}

function aliasRow({ region, name }: AliasEntry): Record<string, string> {
  return { Region: region, Version: '', 'Remains in AWS': name, State: 'alias' }
}
