import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { startS3Server, storeUrl } from '../support/s3-server.js'

// docs/json.md is the schema: its tables list the names and their types.

interface Name {
  readonly type: string
  readonly optional: boolean
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** The tables of the page, by the heading above them. */
const SCHEMAS: ReadonlyMap<string, ReadonlyMap<string, Name>> = new Map(
  [...readFileSync('docs/json.md', 'utf8').matchAll(/^#{3,4} `(.+)`$([^#]*)/gm)].map(
    ([, title = '', body = '']) =>
      [
        title,
        new Map(
          [...body.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)].map(
            ([, name = '', type = '']) =>
              [name, { type: type.trim().replace('?', ''), optional: type.includes('?') }] as const,
          ),
        ),
      ] as const,
  ),
)

/** The differences between `value` and the schema of that name. */
function faults(value: Json, schema: string): readonly string[] {
  const names = SCHEMAS.get(schema)
  if (names === undefined) return [`no table ${schema}`]
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return [`${schema} is ${JSON.stringify(value)}`]
  const object = value as Readonly<Record<string, Json>>
  const unknown = Object.keys(object)
    .filter((name) => !names.has(name))
    .map((name) => `${schema} has ${name}`)
  const wrong = [...names].flatMap(([name, { type, optional }]) => {
    if (!Object.hasOwn(object, name)) return optional ? [] : [`${schema} lacks ${name}`]
    return type.split(/,? or /).some((one) => isOf(object[name] ?? null, one))
      ? []
      : [`${schema}.${name} is no ${type}: ${JSON.stringify(object[name])}`]
  })
  return [...unknown, ...wrong]
}

function isOf(value: Json, type: string): boolean {
  const [, element] = /^array of `?([^`]+)`?$/.exec(type) ?? []
  if (element !== undefined)
    return (
      Array.isArray(value) &&
      (value as readonly Json[]).every((one) =>
        SCHEMAS.has(element) ? faults(one, element).length === 0 : isOf(one, element),
      )
    )
  if (type === 'null') return value === null
  return type === 'object'
    ? typeof value === 'object' && value !== null && !Array.isArray(value)
    : typeof value === type
}

const OUTCOMES = 'write PATH, delete PATH'
const CREATED = 'write keymgmt/key/NAME/rotate'
const TRIMMED = 'write keymgmt/key/NAME/trim'
const IMPORTED = 'write keymgmt/key/NAME/import'

/** Commands in order, with the table for their output or its data. */
const COMMANDS: readonly (readonly [schema: string, line: string, status?: number])[] = [
  ['status', 'status'],
  ['config', 'config'],
  ['version', 'version'],
  ['path-help PATH', 'path-help keymgmt/kms/x/key/y'],
  ['envelope', 'write keymgmt/kms/k provider=awskms key_collection=us-west-1'],
  ['', 'write keymgmt/key/app type=aes256-gcm96 replica_regions=eu-west-1'],
  ['', 'write keymgmt/key/web type=ecdsa-p256'],
  ['read keymgmt/key/NAME', 'read keymgmt/key/app'],
  ['read keymgmt/key/NAME', 'read keymgmt/key/web'],
  ['write -dry-run PATH', 'write -dry-run keymgmt/kms/k/key/app purpose=encrypt,decrypt'],
  [CREATED, 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt version_aliases=true'],
  [CREATED, 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt version_aliases=true'],
  [CREATED, 'write -f keymgmt/key/web/rotate'],
  [CREATED, 'write -f keymgmt/key/app/rotate'],
  ['due', 'due'],
  ['', 'write keymgmt/key/app rotation_period=90d'],
  [CREATED, 'write keymgmt/key/app/rotate without=k'],
  ['status -detailed', 'status -detailed'],
  ['due', 'due', 3],
  ['due -rotate', 'due -rotate'],
  ['read keymgmt/key/NAME', 'read keymgmt/key/app'],
  [CREATED, 'write -f keymgmt/kms/k/key/app/replicate'],
  [
    IMPORTED,
    `write keymgmt/key/own/import type=aes256-gcm96 material=${randomBytes(32).toString('hex')}`,
  ],
  [CREATED, 'write keymgmt/kms/k/key/own purpose=encrypt,decrypt rotation=in_place ttl=30d'],
  [CREATED, 'write -f keymgmt/key/own/rotate'],
  ['read keymgmt/kms/NAME/key/KEY', 'read keymgmt/kms/k/key/own'],
  ['read keymgmt/kms/NAME/key/KEY/verify', 'read keymgmt/kms/k/key/own/verify'],
  ['read keymgmt/kms/NAME', 'read keymgmt/kms/k'],
  ['read keymgmt/kms/NAME/identity', 'read keymgmt/kms/k/identity'],
  ['read keymgmt/kms/NAME/key/KEY', 'read keymgmt/kms/k/key/app'],
  ['read keymgmt/kms/NAME/key/KEY/verify', 'read keymgmt/kms/k/key/app/verify'],
  ['read keymgmt/kms/NAME/verify', 'read keymgmt/kms/k/verify orphans=true'],
  [OUTCOMES, 'write keymgmt/key/app min_enabled_version=2'],
  [TRIMMED, 'write keymgmt/key/app/trim min_available_version=2'],
  ['read keymgmt/key/NAME', 'read keymgmt/key/app'],
  ['read keymgmt/kms/NAME/key/KEY', 'read keymgmt/kms/k/key/app'],
  ['read keymgmt/kms/NAME/key/KEY/verify', 'read keymgmt/kms/k/key/app/verify'],
  [TRIMMED, 'write keymgmt/key/app/trim min_available_version=0'],
  [OUTCOMES, 'write -f keymgmt/kms/k/key/app/revoke'],
  ['read keymgmt/kms/NAME/key/KEY', 'read keymgmt/kms/k/key/app'],
  [OUTCOMES, 'write -f keymgmt/kms/k/key/app/restore'],
  ['', 'write -f keymgmt/kms/k/key/app/restore'],
  ['read keymgmt/kms/NAME/key/KEY/verify', 'read keymgmt/kms/k/key/app/verify', 3],
  ['write keymgmt/kms/NAME/key/KEY/repair', 'write -f keymgmt/kms/k/key/app/repair'],
  ['write keymgmt/kms/NAME/key/KEY/renew', 'write keymgmt/kms/k/key/app/renew ttl=30d'],
  ['read keymgmt/kms/NAME/key/KEY', 'read keymgmt/kms/k/key/app'],
  ['expiring', 'expiring -within=1d'],
  ['expiring', 'expiring', 3],
  ['expiring -renew', 'expiring -renew', 3],
  ['status', 'status'],
  ['operator seal-status', 'operator seal-status'],
  ['operator rekey', 'operator rekey -add=keyfile'],
  ['operator rotate', 'operator rotate'],
  ['operator migrate -cancel', 'operator migrate -cancel'],
  ['operator snapshot save FILE', 'operator snapshot save FILE'],
  ['operator snapshot inspect FILE', 'operator snapshot inspect FILE'],
  ['', 'write keymgmt/key/late type=ed25519'],
  ['operator snapshot restore FILE -check', 'operator snapshot restore FILE -check', 3],
  ['operator snapshot restore FILE', 'operator snapshot restore FILE -force'],
  [OUTCOMES, 'delete keymgmt/kms/k/key/app'],
  [
    'write keymgmt/kms/NAME/key/KEY/forget',
    'write keymgmt/kms/k/key/app/forget allow_orphans=true',
  ],
  ['read keymgmt/key/NAME', 'read keymgmt/key/app'],
]

/** Nothing on stderr, but the name of a snapshot that -force saves. */
const QUIET = /^(Saved the current store in .*\n)?$/

const WHOLE = ['envelope', 'config', 'version', 'path-help PATH']

describe('docs/json.md', () => {
  let testbed: Testbed
  beforeAll(async () => {
    testbed = await createTestbed()
  })
  afterAll(() => testbed.close())

  it('describes the output of every command, in a session', async () => {
    for (const [schema, form, status = 0] of COMMANDS) {
      const line = form.replace('FILE', join(testbed.home, 'snapshot'))
      // Deletes the alias that verify must report.
      if (line.endsWith('verify') && status === 3)
        testbed.kms.account.region('us-west-1').aliases.clear()
      const ran = await testbed.run(`${line} -format=json`)
      expect([line, ran.status, ran.stderr]).toEqual([line, status, expect.stringMatching(QUIET)])
      if (schema === '') {
        expect([line, ran.stdout]).toEqual([line, ''])
        continue
      }
      const answer = JSON.parse(ran.stdout) as { data: Json }
      if (!WHOLE.includes(schema)) expect([line, ...faults(answer, 'envelope')]).toEqual([line])
      expect([line, ...faults(WHOLE.includes(schema) ? answer : answer.data, schema)]).toEqual([
        line,
      ])
    }
  }, 180_000)

  it('describes the output of operator init and, on a store on S3, of operator check and policy store', async () => {
    const server = await startS3Server()
    for (const [line, env] of [
      ['operator init', { KEYMGMT_HOME: join(testbed.home, 'other') }],
      ['operator check', { KEYMGMT_HOME: '', KEYMGMT_STORE: storeUrl(server) }],
    ] as const) {
      const answer = JSON.parse(await testbed.ok(`${line} -format=json`, { env })) as { data: Json }
      expect([...faults(answer, 'envelope'), ...faults(answer.data, line)]).toEqual([])
    }
    const env = { KEYMGMT_HOME: '', KEYMGMT_STORE: storeUrl(server) }
    const other = { KEYMGMT_HOME: join(testbed.home, 'other') }
    const moved = await testbed.ok(`operator migrate -format=json -to=${testbed.home}/moved`, {
      env: other,
    })
    expect(faults((JSON.parse(moved) as { data: Json }).data, 'operator migrate -to=URL')).toEqual(
      [],
    )
    const policies = JSON.parse(await testbed.ok('policy store -format=json', { env })) as Json
    expect(faults(policies, 'policy store')).toEqual([])
    await server.close()
  })

  it('describes lists, and errors of every kind', async () => {
    const list = await testbed.run('list keymgmt/key -format=json')
    expect(JSON.parse(list.stdout)).toEqual(['app', 'own', 'web'])
    expect(await testbed.run('list keymgmt/key/web/kms -format=json')).toMatchObject({
      stdout: '{}\n',
      status: 2,
    })
    for (const line of [
      'read keymgmt/nope',
      'read',
      'nope',
      'write -nope keymgmt/key/app',
      'help nope',
      'completion nope',
      'config nope',
      'config format=nope',
      'path-help',
      'path-help nope',
      'write keymgmt/key/app type=nope',
      'policy nope',
      'delete keymgmt/key/app',
    ]) {
      const { stdout, stderr, status } = await testbed.run(`${line} -format=json`)
      expect([line, stdout]).toEqual([line, ''])
      const { error, ...others } = JSON.parse(stderr) as {
        error: { exit_status: number } & Record<string, Json>
      }
      expect([line, others, ...faults(error, 'error')]).toEqual([line, {}])
      expect([line, error.exit_status]).toEqual([line, status])
    }
  })

  it('has a table for each command that the test runs, and no other', () => {
    const used = new Set([
      ...COMMANDS.map(([schema]) => schema),
      'operator init',
      'operator check',
      'operator migrate -to=URL',
      'policy store',
      'error',
    ])
    const nested = [...SCHEMAS.values()].flatMap((names) =>
      [...names.values()].flatMap(({ type }) => /^array of `(\w+)`$/.exec(type)?.[1] ?? []),
    )
    expect(
      [...SCHEMAS.keys()].filter((title) => !used.has(title) && !nested.includes(title)),
    ).toEqual([])
  })
})
