import type { Engine } from '../core/engine.js'
import { recordPath, type PinnedPlace } from '../core/records/model.js'
import { AWS_CREDENTIALS, SECRET_CREDENTIALS } from '../kms/credential-fields.js'
import { KMS_KINDS } from '../kms/index.js'
import { oneOf, pairs, text } from '../router/fields.js'
import { definePath } from '../router/path.js'
import { describeCredentialsSource } from './credentials-source.js'
import { allowUnknownRegion, REGION } from './region.js'

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
    'Pass secrets in a file or on standard input, not as arguments. The file of credentials=@FILE has a line such as access_key=AKIAIOSFODNN7EXAMPLE for each name, or is a JSON object of the same names:',
    '    keymgmt write keymgmt/kms/example-kms credentials=@credentials.txt',
    '    keymgmt write keymgmt/kms/example-kms credentials=access_key=AKIAIOSFODNN7EXAMPLE credentials=secret_key=@secret.txt',
    'The whole request can be JSON too, such as {"provider": "awskms", "key_collection": "us-west-1", "credentials": {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}}',
    '    keymgmt write keymgmt/kms/example-kms @provider.json',
    "Credentials are replaced as a whole. To return to AWS's own chain, remove them:",
    '    keymgmt write keymgmt/kms/example-kms credentials=',
  ].join('\n\n'),
  parameters: { name: 'Name of the provider.' },
  operations: {
    write: {
      summary: 'Configures the provider, or replaces its credentials.',
      fields: {
        provider: oneOf(KMS_KINDS, "Kind of the KMS. Can't be changed."),
        key_collection: text("AWS Region that the KMS keys are made in. Can't be changed.", REGION),
        allow_unknown_region: allowUnknownRegion,
        credentials: pairs(
          AWS_CREDENTIALS,
          'How to reach the KMS and as whom; replaced as a whole. Empty: none.',
          SECRET_CREDENTIALS,
        ),
      },
      run: async (
        engine,
        { name },
        { provider, key_collection, allow_unknown_region, credentials },
      ) => {
        const { saveProvider } = await import('../core/operations/providers.js')
        await saveProvider(engine, name, {
          provider,
          keyCollection: key_collection,
          allowUnknownRegion: allow_unknown_region,
          credentials,
        })
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
