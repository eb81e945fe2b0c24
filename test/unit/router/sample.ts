import {
  boolean,
  integer,
  listOf,
  oneOf,
  pairs,
  required,
  text,
} from '../../../src/router/fields.js'
import { definePath, type Response } from '../../../src/router/path.js'
import { createRouter } from '../../../src/router/router.js'

/** The context of the sample handlers. */
export interface SampleContext {
  readonly seen: unknown[]
}

const keys = definePath<SampleContext>()({
  pattern: 'keymgmt/key',
  synopsis: 'All keys',
  description: '',
  parameters: {},
  operations: {
    list: {
      summary: 'list the keys',
      run: () => Promise.resolve<Response>({ data: { keys: ['app'] } }),
    },
  },
})

const key = definePath<SampleContext>()({
  pattern: 'keymgmt/key/:name',
  synopsis: 'One key',
  description: 'A key and its versions.\n\n    $ keymgmt write keymgmt/key/app type=rsa-2048',
  parameters: { name: 'Name of the key' },
  operations: {
    write: {
      summary: 'create or update the key',
      fields: {
        type: oneOf(['aes256-gcm96', 'rsa-2048'], 'Type of the key'),
        min_enabled_version: integer('Oldest version enabled', { min: 0 }),
        deletion_allowed: boolean('Whether it can be deleted'),
      },
      run: (context, { name }, fields) => {
        const type: 'aes256-gcm96' | 'rsa-2048' | undefined = fields.type
        const oldest: number | undefined = fields.min_enabled_version
        context.seen.push(name, type, oldest, fields.deletion_allowed)
        return Promise.resolve(undefined)
      },
    },
    read: {
      summary: 'read the key',
      fields: { detail: boolean('Whether to show more') },
      run: (context, { name }, { detail }) => {
        context.seen.push(name, detail)
        return Promise.resolve({ data: { name } })
      },
    },
  },
})

const kms = definePath<SampleContext>()({
  pattern: 'keymgmt/kms/:name',
  synopsis: 'One provider',
  description: 'A provider.',
  parameters: { name: 'Name of the provider' },
  operations: {
    write: {
      summary: 'configure the provider',
      fields: {
        key_collection: text('Region', { pattern: /^[a-z]+-[a-z]+-\d$/, example: 'us-east-1' }),
        credentials: pairs(
          { access_key: 'id of the access key', secret_key: 'the secret' },
          'How to sign',
        ),
      },
      run: () => Promise.resolve(undefined),
    },
  },
})

const distribution = definePath<SampleContext>()({
  pattern: 'keymgmt/kms/:name/key/:key',
  synopsis: 'One key at one provider',
  description: 'A distribution.',
  parameters: { name: 'Name of the provider', key: 'Name of the key' },
  operations: {
    write: {
      summary: 'distribute the key',
      fields: {
        purpose: required(listOf('What it is for', { choices: ['encrypt', 'decrypt', 'sign'] })),
        protection: oneOf(['hsm'], 'Where it is kept'),
      },
      run: (context, { name, key: keyName }, { purpose }) => {
        const list: readonly string[] = purpose
        context.seen.push(name, keyName, list)
        return Promise.resolve(undefined)
      },
    },
  },
})

/** Paths that resemble the real ones. */
export const samplePaths = [keys, key, kms, distribution]

/** A router over {@link samplePaths}. */
export const sampleRouter = createRouter(samplePaths)
