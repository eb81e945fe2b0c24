import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { copyFolder, createTestbed, type Testbed } from '../support/keymgmt.js'
import { startS3Server, storeUrl, type S3Request, type S3Server } from '../support/s3-server.js'

let testbed: Testbed
let server: S3Server
/** Is called at each request to the server, before it is carried out. */
let onRequest: (request: S3Request) => void = () => undefined

beforeEach(async () => {
  testbed = await createTestbed()
  server = await startS3Server({
    fault: (request) => {
      onRequest(request)
      return undefined
    },
  })
  onRequest = () => undefined
})
afterEach(async () => {
  await testbed.close()
  await server.close()
})

const folder = (name: string) => join(testbed.home, name)
const at = (store: string) => ({ env: { KEYMGMT_HOME: '', KEYMGMT_STORE: store } })
const url = (name: string) => storeUrl(server, name)
const data = async (line: string, store: string) =>
  (JSON.parse(await testbed.ok(`${line} -format=json`, at(store))) as { data: unknown }).data

/** Warnings are wrapped. */
const unwrapped = (text: string) => text.replace(/\s+/g, ' ')
const deleteObjects = (isDeleted: (key: string) => boolean) => {
  for (const key of server.versions.keys())
    if (isDeleted(key)) (server.versions as Map<string, unknown>).delete(key)
}

/** Creates a store with a distributed key. */
const create = async (store: string) => {
  if (store.startsWith('s3:')) await testbed.ok('operator init', at(store))
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1', at(store))
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96', at(store))
  await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt', at(store))
}
const verify = (store: string) =>
  testbed.ok('read keymgmt/kms/k/key/app/verify challenge=true', at(store))
const migrate = (from: string, to: string, env = {}) =>
  testbed.run(['operator', 'migrate', `-to=${to}`], { env: { ...at(from).env, ...env } })

describe('operator migrate', () => {
  it.each([
    ['local to S3', () => [folder('old'), url('new')]],
    ['S3 to local', () => [url('old'), folder('new')]],
    ['S3 to S3', () => [url('old'), url('new')]],
    ['local to local', () => [folder('old'), folder('new')]],
  ])('moves a store: %s', async (_what, places) => {
    const [from = '', to = ''] = places()
    await create(from)
    const before = await data('read keymgmt/key/app', from)
    const moved = await migrate(from, to)
    expect([moved.status, moved.stdout]).toEqual([0, expect.stringMatching(/records +5/)])
    expect(unwrapped(moved.stderr)).toContain(`keymgmt config store='${to}'`)
    expect(await data('read keymgmt/key/app', to)).toEqual(before)
    await verify(to)
    await testbed.ok('write -f keymgmt/key/app/rotate', at(to))
    await verify(to)

    for (const line of [
      'write -f keymgmt/key/app/rotate',
      'write -f keymgmt/key/other type=ed25519',
      'delete keymgmt/kms/k/key/app',
      'operator migrate -cancel',
      `operator migrate -to=${folder('third')}`,
    ]) {
      const refused = await testbed.run(line, at(from))
      expect([line, refused.status, refused.stdout]).toEqual([line, 2, ''])
      expect(refused.stderr).toContain(`the store ${from} has moved to ${to}`)
    }
    const read = JSON.parse(await testbed.ok('read -format=json keymgmt/key/app', at(from))) as {
      data: unknown
      warnings: string[]
    }
    expect(read.data).toEqual(before)
    expect(read.warnings.join()).toContain(`has moved to ${to}. This command reads the old copy`)
    // The hint works, and so does the same command again.
    expect(await migrate(from, to)).toMatchObject({ status: 0 })
    await testbed.ok(['config', `store=${to}`], { env: { KEYMGMT_HOME: '' } })
    await testbed.ok('write -f keymgmt/key/other type=ed25519', { env: { KEYMGMT_HOME: '' } })
  })

  it('copies the keyfile to where the new place looks for it, and never replaces one', async () => {
    const from = folder('keymgmt')
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    const keyfile = join(from, 'keyfile')
    const moved = await testbed.run(['operator', 'migrate', `-to=${url('new')}`])
    const [copied = ''] = readdirSync(folder('.config/keymgmt'))
    expect(copied).toMatch(/^[-0-9a-f]{36}\.keyfile$/)
    expect(moved.stderr).toContain(`Copied the keyfile to ${folder(`.config/keymgmt/${copied}`)}`)
    expect(readFileSync(folder(`.config/keymgmt/${copied}`))).toEqual(readFileSync(keyfile))
    await testbed.ok('read keymgmt/key/app', at(url('new')))

    await create(folder('mine'))
    const own = readFileSync(folder('.config/keymgmt/keyfile'))
    const env = { KEYMGMT_HOME: folder('other') }
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96', { env })
    const other = await testbed.run(['operator', 'migrate', `-to=${folder('third')}`], { env })
    const hint = `KEYMGMT_KEYFILE=${folder('other/keyfile')}`
    expect([other.status, other.stderr]).toEqual([0, expect.stringContaining(hint)])
    expect(readFileSync(folder('.config/keymgmt/keyfile'))).toEqual(own)
    await testbed.ok('read keymgmt/key/app', {
      env: { ...at(folder('third')).env, KEYMGMT_KEYFILE: folder('other/keyfile') },
    })
  })

  it('refuses a place that is not free, and changes nothing', async () => {
    const from = folder('old')
    await create(from)
    await create(url('used'))
    const objects = server.versions.size
    for (const to of [url('used'), from, join(from, 'store')]) {
      const refused = await migrate(from, to)
      expect([to, refused.status, refused.stdout]).toEqual([to, 2, ''])
      expect(refused.stderr).toMatch(/already exists|can't move into itself/)
    }
    for (const to of ['relative', 's3://acme-keys/prod', 'gs://acme-keys/prod'])
      expect(await migrate(from, to)).toMatchObject({ status: 1, stdout: '' })
    expect(await testbed.run('operator migrate', at(from))).toMatchObject({ status: 1 })
    const none = await migrate(folder('none'), folder('new'))
    expect([none.status, none.stderr.includes('there is no store in')]).toEqual([2, true])
    expect([existsSync(folder('none')), existsSync(folder('new'))]).toEqual([false, false])
    expect(server.versions.size).toBe(objects)
    await testbed.ok('write -f keymgmt/key/app/rotate', at(from))
  })

  it('refuses a server that ignores conditions, and changes nothing', async () => {
    const from = folder('old')
    await create(from)
    const faulty = await startS3Server({ ignoreEvery: 50 })
    const refused = await migrate(from, storeUrl(faulty, 'new'))
    await faulty.close()
    expect([refused.status, refused.stderr.includes('would lose changes')]).toEqual([2, true])
    await testbed.ok('write -f keymgmt/key/app/rotate', at(from))
  })
})

describe('a migration that is killed', () => {
  /** The two stores after a kill: one of them works, and the same command completes the rest. */
  const complete = async (from: string, to: string, n: number) => {
    const write = 'write -f keymgmt/key/kept/rotate'
    const [old, copy] = [
      await testbed.run(write, at(from)),
      await testbed.run('read keymgmt/key/app', at(to)),
    ]
    expect([n, 'both can be used', old.status === 0 && copy.status === 0]).toEqual([
      n,
      'both can be used',
      false,
    ])
    const { latest_version } = (await data('read keymgmt/key/kept', from)) as {
      latest_version: number
    }
    // The lease of the killed command runs out.
    deleteObjects((key) => key.includes('/leases/'))
    const again = await migrate(from, to)
    expect([n, again.status, again.stderr]).toEqual([n, 0, again.stderr])
    await verify(to)
    expect((await testbed.run(write, at(from))).stderr).toContain(`has moved to ${to}`)
    await testbed.ok(write, at(to))
    expect(await data('read keymgmt/key/kept', to)).toMatchObject({
      latest_version: latest_version + 1,
    })
  }
  const createBoth = async (store: string) => {
    await create(store)
    await testbed.ok('write -f keymgmt/key/kept type=ed25519', at(store))
  }

  it('is completed by the same command, after a kill at any file operation', async () => {
    const preload = pathToFileURL(resolve('dist/test/support/kill-at-file-operation.js')).href
    const places = folder('places')
    const [from, to] = [join(places, 'old'), join(places, 'new')]
    await createBoth(from)
    copyFolder(places, folder('saved'))
    const count = folder('count')
    const killing = (more: object) => ({
      NODE_OPTIONS: `--import=${preload}`,
      KILL_BELOW: places,
      ...more,
    })
    expect(await migrate(from, to, killing({ KILL_COUNT_FILE: count }))).toMatchObject({
      status: 0,
    })
    const operations = Number(readFileSync(count, 'utf8'))
    expect(operations).toBeGreaterThan(50)
    for (let n = 1; n <= operations; n += 41) {
      rmSync(places, { recursive: true })
      copyFolder(folder('saved'), places)
      await migrate(from, to, killing({ KILL_AT_FILE_OPERATION: String(n) }))
      await complete(from, to, n)
    }
  }, 300_000)

  it.each([
    ['to S3', () => folder('old')],
    ['on S3', () => url('old')],
  ])(
    'is completed by the same command, after a kill at any write: %s',
    async (_what, source) => {
      let writes = 0
      let [name, killAt] = ['', Infinity]
      let kill: () => void = () => undefined
      onRequest = ({ method, key }) => {
        if (method === 'GET' || key.includes('/leases/') || key.includes('self-test')) return
        if (key.startsWith(`${name}/`) || key.startsWith('old/')) writes++
        if (writes === killAt) kill()
      }
      await createBoth(source())
      const objects = new Map(server.versions)
      if (existsSync(folder('old'))) copyFolder(folder('old'), folder('saved'))
      for (let n = 1; ; n += 2) {
        name = `new-${n}`
        deleteObjects((key) => key.startsWith('old/'))
        for (const [key, versions] of objects)
          (server.versions as Map<string, unknown>).set(key, versions)
        rmSync(folder('old'), { recursive: true, force: true })
        if (existsSync(folder('saved'))) copyFolder(folder('saved'), folder('old'))
        ;[writes, killAt] = [0, n]
        const ran = await testbed.run(['operator', 'migrate', `-to=${url(name)}`], {
          env: at(source()).env,
          onSpawn: (end) => {
            kill = end
          },
        })
        killAt = Infinity
        if (ran.status === 0) {
          expect(n).toBeGreaterThan(8)
          return
        }
        await complete(source(), url(name), n)
      }
    },
    300_000,
  )

  it('can be canceled: the old store takes writes, and the copy is not used', async () => {
    const from = folder('old')
    await create(from)
    writeFileSync(
      join(from, 'state.json'),
      `${JSON.stringify({ condition: 'migrating', other: url('new') })}\n`,
      { mode: 0o600 },
    )
    const refused = await testbed.run('write -f keymgmt/key/app/rotate', at(from))
    expect(refused.stderr).toContain(`keymgmt operator migrate -to='${url('new')}'`)
    expect(refused.stderr).toContain('keymgmt operator migrate -cancel')
    expect((await migrate(from, folder('third'))).stderr).toContain('is moving to')
    expect(await data('operator migrate -cancel', from)).toEqual({
      incomplete_copy: url('new'),
      store: from,
    })
    await testbed.ok('write -f keymgmt/key/app/rotate', at(from))
    expect(await data('operator migrate -cancel', from)).toMatchObject({ incomplete_copy: '' })
    expect(await migrate(from, url('new'))).toMatchObject({ status: 0 })
    await verify(url('new'))
  })
})
