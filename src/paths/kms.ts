import type { Engine } from '../core/engine.js'
import { recordPath, type PinnedPlace } from '../core/records/model.js'
import { AWS_CREDENTIALS, SECRET_CREDENTIALS } from '../kms/credentials.js'
import { KMS_KINDS } from '../kms/index.js'
import { oneOf, pairs, text } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { describeCredentialsSource } from './credentials-source.js'
import { REGION } from './region.js'

/** LIST keymgmt/kms */
export const providers = definePath<Engine>()({
  pattern: 'keymgmt/kms',
  synopsis: 'The KMS providers.',
  description: 'Lists the names of all providers.\n\n    keymgmt list keymgmt/kms',
  parameters: {},
  operations: {
    list: {
      summary: 'Names of the providers.',
      run: async ({ store }) => ({ data: { keys: await store.list(recordPath.providers) } }),
    },
  },
})

/** WRITE, READ, DELETE keymgmt/kms/:name */
export const kms = definePath<Engine>()({
  pattern: 'keymgmt/kms/:name',
  synopsis: 'A KMS provider: where keys are distributed to.',
  description: [
    "An AWS Region with the credentials to use there. Without credentials, AWS's own chain is asked: environment, shared files, role of the container or instance.",
    '    keymgmt write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1',
    'Give secrets from a file or standard input, not as arguments:',
    '    keymgmt write keymgmt/kms/example-kms @provider.json',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.' },
  operations: {
    write: {
      summary: 'Configures the provider, or replaces its credentials.',
      fields: {
        provider: oneOf(KMS_KINDS, "Kind of the KMS. Can't be changed."),
        key_collection: text("AWS Region that the KMS keys are made in. Can't be changed.", REGION),
        credentials: pairs(
          AWS_CREDENTIALS,
          'How to reach the KMS and as whom; replaced as a whole.',
          SECRET_CREDENTIALS,
        ),
      },
      run: async (engine, { name }, { provider, key_collection, credentials }) => {
        const { saveProvider } = await import('../core/operations/providers.js')
        await saveProvider(engine, name, { provider, keyCollection: key_collection, credentials })
        return undefined
      },
    },
    read: {
      summary:
        'Kind and Region of the provider, the account that its keys are in, and where its credentials are from; never its credentials.',
      run: async (engine, { name }) => {
        const { describeProvider } = await import('../core/operations/provider-place.js')
        const description = await describeProvider(engine, name)
        if (!description) return undefined
        const { record, credentials, pinned } = description
        return {
          data: {
            key_collection: record.key_collection,
            provider: record.provider,
            credentials_source: describeCredentialsSource(credentials),
            ...placeData(pinned),
          },
        }
      },
    },
    delete: {
      summary: 'Forgets the provider. No key may be distributed to it.',
      run: async (engine, { name }) => {
        const { deleteProvider } = await import('../core/operations/providers.js')
        await deleteProvider(engine, name)
        return undefined
      },
    },
  },
})

/** The places as text; there is more than one only if the credentials were of several accounts. */
function placeData(pinned: readonly PinnedPlace[]): Record<string, string> {
  if (pinned.length === 0) return {}
  const each = (text: (place: PinnedPlace) => string) =>
    [...new Set(pinned.map(text))].sort().join(',')
  return {
    account: each(({ account }) => account),
    partition: each(({ partition }) => partition),
    endpoint: each(({ endpoint }) => endpoint.origin),
  }
}
