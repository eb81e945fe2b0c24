import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { existsSync, readFileSync, rmSync } from 'node:fs'
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
  onRequest = () => undefined
  server = await startS3Server({
    fault: (request) => {
      onRequest(request)
      return undefined
    },
  })
})
afterEach(async () => {
  await testbed.close()
  await server.close()
})

const folder = (name: string) => join(testbed.home, name)
const at = (store: string) => ({ env: { KEYMGMT_HOME: '', KEYMGMT_STORE: store } })
const create = async (store: string) => {
  if (store.startsWith('s3:')) await testbed.ok('operator init', at(store))
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96', at(store))
  await testbed.ok('write -f keymgmt/key/app/rotate', at(store))
}
const versionOf = async (store: string) =>
  (
    JSON.parse(await testbed.ok('read -format=json keymgmt/key/app', at(store))) as {
      data: { latest_version: number }
    }
  ).data.latest_version

/** After a kill, every command works, and the same command completes the rotation. */
const complete = async (store: string, header: () => string, n: number) => {
  const before = await versionOf(store)
  await testbed.ok('write -f keymgmt/key/app/rotate', at(store))
  // The lease of the killed command runs out.
  for (const key of server.versions.keys())
    if (key.includes('/leases/')) (server.versions as Map<string, unknown>).delete(key)
  await testbed.ok('operator rotate', at(store))
  expect([n, await versionOf(store), header().includes('"previous"')]).toEqual([
    n,
    before + 1,
    false,
  ])
}

it('a rotation of the root key that is killed at any file operation is completed by the same command', async () => {
  const preload = pathToFileURL(resolve('dist/test/support/kill-at-file-operation.js')).href
  const store = folder('store')
  await create(store)
  copyFolder(store, folder('saved'))
  const count = folder('count')
  const killing = (more: object) => ({
    env: {
      ...at(store).env,
      NODE_OPTIONS: `--import=${preload}`,
      KILL_BELOW: store,
      ...more,
    },
  })
  await testbed.ok('operator rotate', killing({ KILL_COUNT_FILE: count }))
  const operations = Number(readFileSync(count, 'utf8'))
  expect(operations).toBeGreaterThan(20)
  for (let n = 1; n <= operations; n += 29) {
    rmSync(store, { recursive: true })
    copyFolder(folder('saved'), store)
    await testbed.run('operator rotate', killing({ KILL_AT_FILE_OPERATION: String(n) }))
    await complete(store, () => readFileSync(join(store, 'seal.json'), 'utf8'), n)
  }
}, 300_000)

it('a rotation of the root key that is killed at any write to S3 is completed by the same command', async () => {
  const store = storeUrl(server)
  await create(store)
  const header = () => server.versions.get('prod/seal.json')?.at(-1)?.body.toString() ?? ''
  // Each round adds a version, and with it a write.
  for (let n = 1; ; n += 2) {
    let writes = 0
    let kill: () => void = () => undefined
    onRequest = ({ method, key }) => {
      if (method !== 'GET' && !key.includes('/leases/') && ++writes === n) kill()
    }
    const { status } = await testbed.run('operator rotate', {
      env: at(store).env,
      onSpawn: (end) => {
        kill = end
      },
    })
    onRequest = () => undefined
    if (status === 0) {
      expect(n).toBeGreaterThan(4)
      return
    }
    await complete(store, header, n)
  }
}, 300_000)

it('restores a snapshot between local stores and stores on S3, also one from before a rotation', async () => {
  for (const [name, from] of [
    ['local', folder('old')],
    ['s3', storeUrl(server, 'old')],
  ] as const) {
    await create(from)
    const file = folder(`${name}.snapshot`)
    await testbed.ok(`operator snapshot save ${file}`, at(from))
    await testbed.ok('operator rotate', at(from))
    const id = /"store_id": "([^"]+)"/.exec(
      await testbed.ok(`operator snapshot inspect -format=json ${file}`, at(from)),
    )?.[1]
    const named = folder(`.config/keymgmt/${id ?? ''}.keyfile`)
    const KEYMGMT_KEYFILE = existsSync(named) ? named : folder('.config/keymgmt/keyfile')
    for (const to of [folder(`from-${name}`), storeUrl(server, `from-${name}`)]) {
      const env = { ...at(to).env, KEYMGMT_KEYFILE }
      await testbed.ok(`operator snapshot restore ${file}`, { env })
      const read = await testbed.ok('read -format=json keymgmt/key/app', { env })
      expect([to, (JSON.parse(read) as { data: object }).data]).toEqual([
        to,
        expect.objectContaining({ latest_version: 2 }),
      ])
      await testbed.ok('write -f keymgmt/key/app/rotate', { env })
    }
  }
}, 120_000)
