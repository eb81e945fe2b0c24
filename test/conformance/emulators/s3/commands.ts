import assert from 'node:assert/strict'
import { join } from 'node:path'
import { CONFIGURE } from '../../../support/flows.js'
import type { CheckGroup } from '../suite.js'
import type { S3Place, S3User } from './place.js'

const KEY = 'write -f keymgmt/key/app type=aes256-gcm96'
const DISTRIBUTE = 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt'
const ROTATE = 'write -f keymgmt/key/app/rotate'
const PROCESSES = 8

/** The real binary on a store of this server. */
export const COMMANDS: CheckGroup<S3Place> = {
  name: 'commands',
  checks: ({ withUser, newStoreUrl }) => [
    { name: 'operator check accepts the server', run: () => withUser(checkServer) },
    {
      name: 'one of several commands that create the store at the same time succeeds',
      run: () => withUser(createAtOnce),
    },
    {
      name: 'a snapshot is restored in another place of the bucket',
      run: () => withUser((user) => restoreSnapshot(user, newStoreUrl())),
    },
    {
      name: `of ${PROCESSES} processes that rotate a key, each creates one version`,
      run: () => withUser(rotateAtOnce),
    },
  ],
}

async function checkServer({ ok }: S3User): Promise<void> {
  const { data } = JSON.parse(await ok('operator check -format=json')) as {
    data: { conditional_requests: number }
  }
  assert.ok(data.conditional_requests >= 200, String(data.conditional_requests))
}

async function createAtOnce({ run, ok }: S3User): Promise<void> {
  const ended = await Promise.all([
    run('operator init'),
    run('operator init'),
    run('operator init'),
  ])
  assert.deepEqual(ended.map(({ status }) => status).sort(), [0, 2, 2])
  await ok(KEY)
}

async function restoreSnapshot({ ok, testbed }: S3User, otherUrl: string): Promise<void> {
  await prepare(ok)
  const file = join(testbed.home, 'store.snapshot')
  await ok(`operator snapshot save ${file}`)
  await ok(`operator snapshot restore ${file}`, otherUrl)
  for (const path of ['keymgmt/key/app', 'keymgmt/kms/k/key/app']) {
    const [saved, restored] = [await dataAt(ok, path), await dataAt(ok, path, otherUrl)]
    assert.deepEqual(restored, saved)
  }
  await ok(ROTATE, otherUrl)
}

async function rotateAtOnce({ ok, run }: S3User): Promise<void> {
  await prepare(ok)
  const rotations = Array.from({ length: PROCESSES }, () => run(`${ROTATE} -timeout=5m`))
  for (const { status, stderr } of await Promise.all(rotations)) assert.equal(status, 0, stderr)
  const expected = Array.from({ length: PROCESSES + 1 }, (_, index) => String(index + 1))
  for (const path of ['keymgmt/key/app', 'keymgmt/kms/k/key/app']) {
    const { versions } = await dataAt(ok, path)
    assert.deepEqual(Object.keys(versions), expected)
  }
  await ok('read keymgmt/kms/k/key/app/verify')
}

async function prepare(ok: S3User['ok']): Promise<void> {
  for (const line of ['operator init', CONFIGURE, KEY, DISTRIBUTE]) await ok(line)
}

async function dataAt(ok: S3User['ok'], path: string, storeUrl?: string) {
  const read = await ok(`read -format=json ${path}`, storeUrl)
  return (JSON.parse(read) as { data: { versions: object } }).data
}
