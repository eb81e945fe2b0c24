import { describe, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { startDevKms } from '../../../src/dev-kms/index.js'
import { PATHS } from '../../../src/paths/index.js'
import { createSession } from '../../support/session.js'
import {
  fieldDefaults,
  mountParameters,
  readVaultSchema,
  responseSchemas,
  vaultSurface,
  type VaultSchema,
} from './schema.js'
import { compareSurfaces, surfaceOf, type Difference } from './surface.js'

// Vault's schema of its key-management paths, against the paths of keymgmt. Descriptions are not
// compared; Vault's schema describes no responses, except lists.

interface Listed extends Difference {
  readonly why: string
}

const LISTED = JSON.parse(readFileSync('test/vectors/schema-differences.json', 'utf8')) as {
  readonly differences: readonly Listed[]
  readonly additions: readonly Listed[]
}

const SCHEMA = readVaultSchema()

function differencesFrom(schema: VaultSchema): Difference[] {
  return [
    { path: '*', compared: 'parameters', vault: mountParameters(schema), keymgmt: [] },
    ...compareSurfaces(vaultSurface(schema), surfaceOf(PATHS)),
  ]
}

function isAddition({ vault }: Difference): boolean {
  return vault === null || (Array.isArray(vault) && vault.length === 0)
}

function title({ path, operation, field, compared }: Difference): string {
  return [operation, path, field, compared].filter((part) => part !== undefined).join(' ')
}

const found = differencesFrom(SCHEMA)

describe.each([
  ['differences', LISTED.differences, found.filter((difference) => !isAddition(difference))],
  ['additions', LISTED.additions, found.filter(isAddition)],
] as const)("%s to Vault's schema", (_kind, listed, seen) => {
  it('lists all of them', () => {
    const titles = listed.map(title)
    expect(seen.filter((difference) => !titles.includes(title(difference)))).toEqual([])
    expect(new Set(titles).size).toBe(titles.length)
  })

  it.each(listed.map((row) => [title(row), row] as const))('%s', (name, { why, ...difference }) => {
    expect(seen.find((one) => title(one) === name)).toEqual(difference)
    expect(why).not.toBe('')
  })
})

describe('a schema that differs from keymgmt', () => {
  const KEY = '/{keymgmt_mount_path}/key/{name}'
  it.each<[string, (schema: string) => string, Omit<Difference, 'compared' | 'path'>]>([
    [
      'has another path',
      (schema) => schema.replaceAll(`${KEY}/rotate`, `${KEY}/turn`),
      { operation: 'write', vault: {}, keymgmt: null },
    ],
    [
      'has another operation',
      (schema) =>
        schema.replace(
          '"get":{"operationId":"key-management-read-key"',
          '"get":{"parameters":[{"name":"list","schema":{"type":"string"}}]',
        ),
      { operation: 'list', vault: {}, keymgmt: null },
    ],
    [
      'has another field',
      (schema) => schema.replace('"deletion_allowed":', '"removal_allowed":'),
      { operation: 'write', field: 'removal_allowed', vault: 'bool', keymgmt: null },
    ],
    [
      'has another type',
      (schema) =>
        schema.replace(
          '"min_enabled_version":{"type":"integer"',
          '"min_enabled_version":{"type":"string"',
        ),
      { operation: 'write', field: 'min_enabled_version', vault: 'string', keymgmt: 'int' },
    ],
    [
      'requires another field',
      (schema) => schema.replace('"required":["purpose"]', '"required":["purpose","protection"]'),
      { operation: 'write', field: 'protection', vault: 'string, required', keymgmt: 'string' },
    ],
    [
      'has another choice',
      (schema) => schema.replace('["hsm","software"]', '["hsm","software","enclave"]'),
      { operation: 'write', field: 'protection', vault: ['enclave'], keymgmt: [] },
    ],
  ])('%s', (_title, change, difference) => {
    const changed = JSON.parse(change(JSON.stringify(SCHEMA))) as VaultSchema
    const before = found.map((one) => JSON.stringify(one))
    const added = differencesFrom(changed).filter((one) => !before.includes(JSON.stringify(one)))
    expect(added).toContainEqual(expect.objectContaining(difference))
  })

  it('reports a type that keymgmt does not know', () => {
    const changed = JSON.stringify(SCHEMA).replace('"type":"integer"', '"type":"number"')
    expect(() => vaultSurface(JSON.parse(changed) as VaultSchema)).toThrow(
      'no type for number, the type of min_enabled_version',
    )
  })

  it('reports a method that keymgmt does not know', () => {
    const changed = JSON.stringify(SCHEMA).replace('"post":', '"patch":')
    expect(() => vaultSurface(JSON.parse(changed) as VaultSchema)).toThrow(
      'no operation for the method patch',
    )
  })
})

it("Vault's schema describes no response except a list's", () => {
  expect(responseSchemas(SCHEMA)).toEqual(['StandardListResponse'])
})

it("keymgmt uses the defaults of Vault's schema", async () => {
  const kms = await startDevKms()
  const session = createSession(kms.endpoint)
  const provider = 'keymgmt/kms/k provider=awskms key_collection=us-west-1'
  const credentials = `credentials=access_key=${kms.credentials.accessKeyId}`
  try {
    for (const line of [
      'write -f keymgmt/key/app',
      `write ${provider} ${credentials} credentials=secret_key=${kms.credentials.secretAccessKey}`,
      'write keymgmt/kms/k/key/app purpose=sign,verify',
    ])
      expect(await session.run(line)).toMatchObject({ status: 0 })
    const type = await session.run('read -field=type keymgmt/key/app')
    const protection = await session.run('read -field=protection keymgmt/kms/k/key/app')
    expect({ type: type.stdout, protection: protection.stdout }).toEqual(fieldDefaults(SCHEMA))
  } finally {
    session.close()
    await kms.close()
  }
})
