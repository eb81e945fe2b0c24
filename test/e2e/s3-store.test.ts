import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import {
  startS3Server,
  storeUrl,
  type S3Server,
  type S3ServerOptions,
} from '../support/s3-server.js'

let testbed: Testbed
let server: S3Server
let env: Record<string, string>
const homes: string[] = []

const start = async (options: S3ServerOptions = {}) => {
  testbed = await createTestbed()
  server = await startS3Server(options)
  env = { KEYMGMT_HOME: '', KEYMGMT_STORE: storeUrl(server) }
}
const stop = async () => {
  await testbed.close()
  await server.close()
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true })
}

const ok = (line: string) => testbed.ok(line, { env })
const run = (line: string) => testbed.run(line, { env })
const keyfiles = () => {
  const folder = join(testbed.home, '.config', 'keymgmt')
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
}
/** The objects of the store that exist. */
const objects = () => [...server.versions].filter(([, all]) => all.at(-1)).map(([key]) => key)

describe('a store that exists', () => {
  beforeAll(async () => {
    await start()
    await ok('operator init')
    await ok('write keymgmt/kms/aws provider=awskms key_collection=us-west-1')
  })
  afterAll(stop)

  it('is sealed with its own keyfile, and the bucket gets only sealed records', async () => {
    const { seal_keyfile, seals, store, store_source } = (
      JSON.parse(await ok('status -format=json')) as { data: Record<string, string> }
    ).data
    expect({ seals, store, store_source, seal_keyfile }).toEqual({
      seals: ['keyfile'],
      store: storeUrl(server),
      store_source: 'KEYMGMT_STORE',
      seal_keyfile: keyfiles()[0],
    })
    expect(objects()).toEqual(['prod/seal.json', 'prod/records/kms/aws'])
    const record = server.versions.get('prod/records/kms/aws')?.at(-1)?.body.toString('latin1')
    expect(record).not.toContain('us-west-1')
  })

  it('is used from two machines that share only the URL and the keyfile', async () => {
    await ok('write -f keymgmt/key/app type=aes256-gcm96')
    await ok('write keymgmt/kms/aws/key/app purpose=encrypt,decrypt')
    const home = mkdtempSync(join(tmpdir(), 'keymgmt-test-'))
    homes.push(home)
    cpSync(keyfiles()[0] ?? '', join(home, 'keyfile'))
    const there = { ...env, HOME: home, KEYMGMT_KEYFILE: join(home, 'keyfile') }
    await testbed.ok('write -f keymgmt/key/app/rotate', { env: there })
    expect(await ok('read -field=latest_version keymgmt/key/app')).toBe('2')
    expect(objects().filter((key) => key.includes('leases'))).toEqual([])
  })

  it('is not written by reads, dry runs and policies', async () => {
    await ok('write -f keymgmt/key/dry type=aes256-gcm96')
    const before = server.requests.length
    await ok('read keymgmt/key/dry')
    await ok('list keymgmt/key')
    await ok('write -dry-run keymgmt/kms/aws/key/dry purpose=encrypt,decrypt')
    await ok('write -output-policy keymgmt/kms/aws/key/dry purpose=encrypt,decrypt')
    const methods = server.requests.slice(before).map(({ method }) => method)
    expect(new Set(methods)).toEqual(new Set(['GET']))
  })

  it('is not created again, and its keyfile stays', async () => {
    const again = await run('operator init')
    expect([again.status, again.stdout]).toEqual([2, ''])
    expect(again.stderr).toContain(`a store already exists in ${storeUrl(server)}`)
    expect(keyfiles()).toHaveLength(1)
  })

  it('names its keyfile if that is missing', async () => {
    const KEYMGMT_KEYFILE = join(testbed.home, 'none', 'keyfile')
    const before = server.requests.length
    const ran = await testbed.run('write -f keymgmt/key/none', { env: { ...env, KEYMGMT_KEYFILE } })
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain(`the keyfile is missing: ${KEYMGMT_KEYFILE}`)
    const written = server.requests.slice(before).filter(({ method }) => method === 'PUT')
    expect(written.filter(({ key }) => !key.includes('/leases/'))).toEqual([])
  })

  it('is saved as a snapshot, which restores to an empty place and not over another store', async () => {
    await ok('write -f keymgmt/key/saved type=aes256-gcm96')
    const file = join(testbed.home, 'today.snapshot')
    await ok(`operator snapshot save ${file}`)
    const data = (text: string) => (JSON.parse(text) as { data: unknown }).data
    const before = data(await ok('read -format=json keymgmt/key/saved'))
    const other = { env: { ...env, KEYMGMT_STORE: storeUrl(server, 'other') } }
    await testbed.ok(`operator snapshot restore ${file}`, other)
    expect(data(await testbed.ok('read -format=json keymgmt/key/saved', other))).toEqual(before)
    expect(objects()).not.toContain('other/state.json')
    await testbed.ok('operator init')
    await testbed.ok('write -f keymgmt/key/mine type=aes256-gcm96')
    const local = join(testbed.home, 'local.snapshot')
    await testbed.ok(`operator snapshot save ${local}`)
    const KEYMGMT_KEYFILE = join(testbed.home, 'keymgmt', 'keyfile')
    const refused = await testbed.run(`operator snapshot restore ${local}`, {
      env: { ...env, KEYMGMT_KEYFILE },
    })
    expect([refused.status, refused.stderr.includes('has records of another store')]).toEqual([
      2,
      true,
    ])
  })
})

describe('a store that does not exist', () => {
  afterEach(stop)

  it.each([
    'read keymgmt/key/app',
    'list keymgmt/key',
    'write -f keymgmt/key/app',
    'delete keymgmt/key/app',
  ])('is an error, and nothing is created: %s', async (line) => {
    await start()
    const ran = await run(line)
    expect([ran.status, ran.stdout, objects(), keyfiles()]).toEqual([2, '', [], []])
    expect(ran.stderr).toContain(`there is no store in ${storeUrl(server)}`)
    expect(ran.stderr).toContain('keymgmt operator init')
  })

  it('is created by one of two commands', async () => {
    await start()
    const both = await Promise.all([run('operator init'), run('operator init')])
    expect(both.map(({ status }) => status).sort()).toEqual([0, 2])
    expect(keyfiles()).toHaveLength(1)
    await ok('write -f keymgmt/key/app type=aes256-gcm96')
  })

  it('is not created on a server that ignores every fiftieth condition', async () => {
    await start({ ignoreEvery: 50 })
    for (const line of ['operator check', 'operator init']) {
      const ran = await run(line)
      expect([ran.status, ran.stdout]).toEqual([2, ''])
      expect(ran.stderr).toMatch(/would lose changes: it breaks the rule "If-/)
    }
    expect([objects().includes('prod/seal.json'), keyfiles()]).toEqual([false, []])
  })
})

describe('the versioning of the bucket', () => {
  afterEach(stop)

  const DELETE = 'delete keymgmt/key/app'
  /** Returns stderr of the commands, and the versioning in the data of those that report it. */
  const reports = async () => {
    const lines = ['operator init', 'operator check', 'status']
    const said: string[] = []
    for (const line of lines) said.push((await run(line)).stderr.replace(/\s+/g, ' '))
    await ok('write -f keymgmt/key/app type=aes256-gcm96')
    await ok('write keymgmt/key/app deletion_allowed=true')
    const deleted = await run(DELETE)
    const { data, warnings } = JSON.parse(await ok('status -format=json')) as {
      data: { versioning: string }
      warnings: readonly string[] | null
    }
    return {
      said,
      deleted: deleted.stderr.replace(/\s+/g, ' '),
      versioning: data.versioning,
      warnings: warnings ?? [],
    }
  }

  it('is on: nothing is missing, and a deletion is not an erasure', async () => {
    await start()
    const { said, deleted, versioning, warnings } = await reports()
    expect([versioning, warnings]).toEqual(['enabled', []])
    expect(said.join()).not.toContain('WARNING')
    expect(deleted).toContain('The bucket keeps the sealed material')
    expect(deleted).toContain('deleting is not erasing')
  })

  it.each([
    ['off', undefined, 'The bucket has no versioning', undefined],
    ['suspended', 'Suspended', 'The versioning of the bucket is suspended', 'is not erasing'],
  ] as const)('is %s: the missing protection is named', async (state, status, text, onDelete) => {
    await start({ versioning: status })
    const { said, deleted, versioning, warnings } = await reports()
    expect(versioning).toBe(state)
    for (const output of [...said, ...warnings]) {
      expect(output).toContain(text)
      expect(output).toContain('nobody can bring back a record that was overwritten or deleted')
      expect(output).toContain('no earlier copy of the originals is in escrow')
    }
    if (onDelete === undefined) expect(deleted).toBe('')
    else expect(deleted).toContain(onDelete)
  })

  it.each([
    [403, 'AccessDenied'],
    [501, 'NotImplemented'],
  ])('is unknown after %d %s', async (status, code) => {
    await start({
      fault: ({ query }) => (query.has('versioning') ? { at: 'before', status, code } : undefined),
    })
    const { said, deleted, versioning, warnings } = await reports()
    expect(versioning).toBe('unknown')
    for (const output of [...said, ...warnings])
      expect(output).toMatch(
        /could not find out if the bucket has versioning.*s3:GetBucketVersioning/,
      )
    expect(deleted).toContain('could not find out if the bucket keeps the sealed material')
  })

  it('is not asked for by other commands, and a deletion succeeds without an answer', async () => {
    await start({
      fault: ({ query }) =>
        query.has('versioning') ? { at: 'before', status: 400, code: 'InvalidRequest' } : undefined,
    })
    await ok('operator init')
    const asked = () => server.requests.filter(({ query }) => query.has('versioning')).length
    const before = asked()
    await ok('write -f keymgmt/key/app type=aes256-gcm96 deletion_allowed=true')
    await ok('read keymgmt/key/app')
    await ok('list keymgmt/key')
    expect(asked()).toBe(before)
    expect(await ok(DELETE)).toContain('Success! Data deleted')
    expect(objects().filter((key) => key.includes('/key/') || key.includes('material'))).toEqual([])
  })

  it('is part of the JSON of a deletion', async () => {
    await start()
    await ok('operator init')
    const deleted = JSON.parse(await ok('delete -format=json keymgmt/key/none')) as {
      warnings: readonly string[]
    }
    expect(deleted.warnings).toEqual([expect.stringContaining('deleting is not erasing')])
  })
})

describe('operator init and check', () => {
  afterEach(stop)

  it('operator check reports the number of requests, and a local store has no server', async () => {
    await start()
    const checked = JSON.parse(await ok('operator check -format=json')) as {
      data: { conditional_requests: number }
    }
    expect(checked.data.conditional_requests).toBeGreaterThanOrEqual(200)
    expect(objects()).toEqual([])
    const local = await testbed.run('operator check')
    expect([local.status, local.stderr.includes('no server to check')]).toEqual([2, true])
  })

  it('operator init creates a local store, once', async () => {
    await start()
    await testbed.ok('operator init')
    expect(await testbed.run('operator init')).toMatchObject({ status: 2 })
  })
})
