import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseFault } from '../../src/dev-kms/index.js'
import { copyFolder, createTestbed, type Testbed } from '../support/keymgmt.js'
import { startProxy } from '../support/proxy.js'

const CHECK = 'operator snapshot restore -check'
const RESTORE = 'operator snapshot restore'

let testbed: Testbed
beforeEach(async () => {
  testbed = await createTestbed()
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
  await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
})
afterEach(() => testbed.close())

const file = (name = 'snapshot') => join(testbed.home, name)
const store = () => join(testbed.home, 'keymgmt')
const save = (name?: string) => testbed.ok(`operator snapshot save ${file(name)}`)
const data = async <T>(line: string, env = {}) => {
  const { stdout } = await testbed.run(`${line} -format=json`, { env })
  return (JSON.parse(stdout) as { data: T }).data
}
/** The same keyfile and an empty folder: another machine. */
const elsewhere = (name = 'elsewhere') => ({
  KEYMGMT_KEYFILE: join(store(), 'keyfile'),
  KEYMGMT_HOME: join(testbed.home, name),
})
const alias = async () =>
  `alias/hashicorp/${(await data<{ name: string }>('read keymgmt/kms/k/key/app')).name}`
const encrypt = async () =>
  (
    await testbed
      .client()
      .send(new EncryptCommand({ KeyId: await alias(), Plaintext: Buffer.from('x') }))
  ).CiphertextBlob
const decrypt = async (CiphertextBlob: Uint8Array | undefined) =>
  Buffer.from(
    (await testbed.client().send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? [],
  ).toString()

describe('operator snapshot save', () => {
  it('writes a private file, and refuses one that exists', async () => {
    await save()
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    const before = readFileSync(file())
    for (const name of ['snapshot', 'keymgmt']) {
      const { status, stderr } = await testbed.run(`operator snapshot save ${file(name)}`)
      expect([status, stderr]).toEqual([2, expect.stringContaining('exists')])
    }
    expect(readFileSync(file())).toEqual(before)
    expect(readdirSync(testbed.home).filter((name) => name.includes('draft'))).toEqual([])
  })

  it('creates no folder: a volume that is not mounted gets no backup', async () => {
    const ran = await testbed.run(`operator snapshot save ${file('none/snapshot')}`)
    expect(ran).toMatchObject({ status: 2, stdout: '' })
    expect(ran.stderr).toContain(`the folder of ${file('none/snapshot')} does not exist`)
    expect(existsSync(file('none'))).toBe(false)
  })

  it('refuses to save if no store exists', async () => {
    const ran = await testbed.run(`operator snapshot save ${file()}`, {
      env: { KEYMGMT_HOME: join(testbed.home, 'none') },
    })
    expect(ran).toMatchObject({ status: 2, stdout: '' })
    expect([existsSync(file()), existsSync(join(testbed.home, 'none'))]).toEqual([false, false])
  })

  it('saves a consistent snapshot while keys rotate', async () => {
    const rotations = (async () => {
      for (let n = 0; n < 6; n++) await testbed.ok('write -f keymgmt/key/app/rotate')
    })()
    for (let n = 0; n < 6; n++) await save(`snapshot-${n}`)
    await rotations
    for (let n = 0; n < 6; n++) {
      const env = elsewhere(`copy-${n}`)
      await testbed.ok(`${RESTORE} ${file(`snapshot-${n}`)}`, { env })
      const { latest_version } = await data<{ latest_version: number }>('read keymgmt/key/app', env)
      const { differences } = await data<{ differences: { what: string }[] }>(
        'read keymgmt/kms/k/key/app/verify challenge=true',
        env,
      )
      expect(latest_version).toBeGreaterThan(0)
      // AWS is newer than the snapshot; nothing else differs.
      expect(differences.filter(({ what }) => !['alias', 'unfinished'].includes(what))).toEqual([])
    }
  })
})

describe('operator snapshot inspect', () => {
  it('needs no store, and lists the keys', async () => {
    await save()
    await testbed.ok('write -f keymgmt/key/app/rotate')
    expect(await data(`operator snapshot inspect ${file()}`, elsewhere())).toMatchObject({
      seals: ['keyfile'],
      keys: [{ name: 'app', type: 'aes256-gcm96', versions: [1] }],
      providers: 1,
      distributions: 1,
    })
    expect(existsSync(elsewhere().KEYMGMT_HOME)).toBe(false)
  })

  it.each([
    ['truncated', () => readFileSync(file()).subarray(0, 500)],
    ['another file', () => Buffer.from('{"format":1}')],
    ['empty', () => Buffer.alloc(0)],
    [
      'changed',
      () =>
        readFileSync(file(), 'utf8').replace(
          /("manifest": ")(.)/,
          (_, name: string, first) => `${name}${first === 'A' ? 'B' : 'A'}`,
        ),
    ],
  ])('refuses a file that is %s', async (_what, content) => {
    await save()
    writeFileSync(file('bad'), content())
    for (const command of ['inspect', 'restore -check', 'restore -force']) {
      const ran = await testbed.run(`operator snapshot ${command} ${file('bad')}`)
      expect([command, ran.status, ran.stdout]).toEqual([command, 2, ''])
      expect(ran.stderr).toContain('snapshot')
    }
  })

  it('refuses a file that is missing, and a keyfile of another store', async () => {
    await save()
    expect(await testbed.run(`operator snapshot inspect ${file('none')}`)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no such file'),
    })
    const env = { KEYMGMT_HOME: join(testbed.home, 'another') }
    await testbed.ok('write -f keymgmt/key/x type=ed25519', { env })
    expect(await testbed.run(`operator snapshot inspect ${file()}`, { env })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('does not open'),
    })
  })
})

describe('operator snapshot restore', () => {
  it('brings the store back on another machine, with its id', async () => {
    const secret = await encrypt()
    await save()
    const env = elsewhere()
    await testbed.ok(`${RESTORE} ${file()}`, { env })
    await testbed.ok('read keymgmt/kms/k/key/app/verify challenge=true', { env })
    await testbed.ok('write -f keymgmt/key/app/rotate', { env })
    await testbed.ok('read keymgmt/kms/k/key/app/verify challenge=true', { env })
    expect(await decrypt(secret)).toBe('x')
  })

  it('records a version that only AWS has, and never creates it again', async () => {
    await save()
    await testbed.ok('write -f keymgmt/key/app/rotate')
    const secret = await encrypt()
    const env = elsewhere()
    const { status, stderr } = await testbed.run(`${RESTORE} ${file()}`, { env })
    expect([status, stderr]).toEqual([0, expect.stringContaining('AWS has version 2 of app in k')])
    await testbed.ok('read keymgmt/kms/k/key/app/verify challenge=true', { env })
    await testbed.ok('write -f keymgmt/key/app/rotate', { env })
    const { latest_version } = await data<{ latest_version: number }>('read keymgmt/key/app', env)
    expect([latest_version, await decrypt(secret)]).toEqual([3, 'x'])
  })

  it('finds a KMS key by tag that no alias names, and never creates its version again', async () => {
    await save()
    const proxy = await startProxy(testbed.kms.endpoint, (_count, operation) =>
      operation === 'GetParametersForImport' ? { when: 'before', kind: 'cut' } : undefined,
    )
    const env = { AWS_ENDPOINT_URL_KMS: proxy.endpoint }
    await testbed.run('write -f keymgmt/key/app/rotate', { env })
    await proxy.close()
    const ids = [...testbed.kms.account.region('us-west-1').keys.keys()]
    const { status, stderr } = await testbed.run(`${RESTORE} -force ${file()}`)
    const found = `${ids[1]}, which has the tags of version 2 of app`
    expect([status, stderr]).toEqual([0, expect.stringContaining(found)])
    await testbed.ok('write -f keymgmt/key/app/rotate')
    const { latest_version } = await data<{ latest_version: number }>('read keymgmt/key/app')
    expect(latest_version).toBe(3)
  })

  it('says that AWS denied the search by tag, and is valid anyway', async () => {
    await save()
    const faults = [parseFault('ListKeys:1:denied')]
    const denying = await createTestbed({ account: testbed.kms.account, faults }, testbed.home)
    const { status, stderr } = await denying.run(`${RESTORE} ${file()}`)
    await denying.kms.close()
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining('Could not look by tag for KMS keys in k, us-west-1: ListKeys'),
    ])
  })

  it('opens with a passphrase, which is read once', async () => {
    const env = { KEYMGMT_HOME: join(testbed.home, 'p'), KEYMGMT_PASSPHRASE: 'correct horse' }
    await testbed.ok('write -f keymgmt/key/x type=ed25519', { env })
    await testbed.ok(`operator snapshot save ${file()}`, { env })
    const other = { ...env, KEYMGMT_HOME: join(testbed.home, 'q') }
    await testbed.ok(`${RESTORE} ${file()}`, { env: other })
    expect(await testbed.ok('list keymgmt/key', { env: other })).toContain('x')
    expect(
      await testbed.run(`operator snapshot inspect ${file()}`, {
        env: { ...env, KEYMGMT_PASSPHRASE: 'wrong' },
      }),
    ).toMatchObject({ status: 2, stdout: '' })
  })

  it('checks, refuses, and with -force saves the current store first', async () => {
    await save()
    expect(await testbed.run(`${CHECK} ${file()}`)).toMatchObject({ status: 0 })
    await testbed.ok('write -f keymgmt/key/new type=ed25519')
    const checked = await testbed.run(`${CHECK} ${file()}`)
    expect([checked.status, checked.stdout]).toEqual([3, expect.stringMatching(/version +new +1/)])
    const refused = await testbed.run(`${RESTORE} ${file()}`)
    expect([refused.status, refused.stdout]).toEqual([2, ''])
    expect(refused.stderr).toMatch(/key +new[^]*hint: /)
    await testbed.ok('read keymgmt/key/new')

    const { saved_before } = await data<{ saved_before: string }>(`${RESTORE} -force ${file()}`)
    expect((await testbed.run('read keymgmt/key/new')).status).toBe(2)
    await testbed.ok(`${RESTORE} ${saved_before}`)
    await testbed.ok('read keymgmt/key/new')
  })

  it('refuses the snapshot of another store, even with -force', async () => {
    const env = { KEYMGMT_HOME: join(testbed.home, 'another') }
    await testbed.ok('write -f keymgmt/key/x type=ed25519', { env })
    await testbed.ok(`operator snapshot save ${file()}`, { env })
    const keyfile = { KEYMGMT_KEYFILE: join(env.KEYMGMT_HOME, 'keyfile') }
    for (const flag of ['', '-check', '-force'])
      expect(await testbed.run(`${RESTORE} ${flag} ${file()}`, { env: keyfile })).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('records of another store'),
      })
    await testbed.ok('read keymgmt/kms/k/key/app/verify')
  })

  it("accepts a location whose store has no records, and takes over the snapshot's id", async () => {
    await save()
    const env = elsewhere()
    mkdirSync(env.KEYMGMT_HOME, { mode: 0o700 })
    const own = join(testbed.home, 'own')
    await testbed.ok('write -f keymgmt/key/x type=ed25519', { env: { KEYMGMT_HOME: own } })
    cpSync(join(own, 'seal.json'), join(env.KEYMGMT_HOME, 'seal.json'))
    chmodSync(join(env.KEYMGMT_HOME, 'seal.json'), 0o600)
    const idOf = () =>
      (
        JSON.parse(readFileSync(join(env.KEYMGMT_HOME, 'seal.json'), 'utf8')) as {
          store_id: string
        }
      ).store_id
    const ownId = idOf()
    await testbed.ok(`${RESTORE} ${file()}`, { env })
    const { store_id } = await data<{ store_id: string }>(`operator snapshot inspect ${file()}`)
    expect(idOf()).toBe(store_id)
    expect(ownId).not.toBe(store_id)
    await testbed.ok('read keymgmt/kms/k/key/app/verify', { env })
  })

  it('can be repeated after a kill at any file operation; until then other commands are refused', async () => {
    await save()
    const env = elsewhere()
    const preload = `--import=${pathToFileURL(resolve('dist/test/support/kill-at-file-operation.js')).href}`
    const killing = (more: object) => ({
      ...env,
      NODE_OPTIONS: preload,
      KILL_BELOW: env.KEYMGMT_HOME,
      ...more,
    })
    const count = file('count')
    await testbed.ok(`${RESTORE} ${file()}`, { env: killing({ KILL_COUNT_FILE: count }) })
    const operations = Number(readFileSync(count, 'utf8'))
    expect(operations).toBeGreaterThan(20)
    for (let n = 1; n <= operations; n += 13) {
      rmSync(env.KEYMGMT_HOME, { recursive: true, force: true })
      await testbed.run(`${RESTORE} ${file()}`, {
        env: killing({ KILL_AT_FILE_OPERATION: String(n) }),
      })
      const begun = existsSync(join(env.KEYMGMT_HOME, 'state.json'))
      const between = await testbed.run('write -f keymgmt/key/app type=aes256-gcm96', { env })
      if (begun) expect(between.stderr).toContain('operator snapshot restore')
      else if (between.status === 0) {
        rmSync(env.KEYMGMT_HOME, { recursive: true, force: true })
        continue
      }
      await testbed.ok(`${RESTORE} ${file()}`, { env })
      await testbed.ok('read keymgmt/kms/k/key/app/verify challenge=true', { env })
    }
  }, 240_000)
})

describe('a copy that is made while a command runs', () => {
  /** The records of the store after each write of a rotation. */
  const rotateInSteps = async (each: (step: number) => Promise<void>) => {
    const preload = `--import=${pathToFileURL(resolve('dist/test/support/kill-at-file-operation.js')).href}`
    for (let n = 1; ; n++) {
      const { status } = await testbed.run('write -f keymgmt/key/app/rotate', {
        env: {
          NODE_OPTIONS: preload,
          KILL_BELOW: join(store(), 'store'),
          KILL_FUNCTIONS: 'rename',
          KILL_WHEN: 'after',
          KILL_AT_FILE_OPERATION: String(n),
        },
      })
      await each(n)
      if (status === 0) return n
    }
  }

  it('loses material as a folder, but is consistent as a snapshot', async () => {
    // The torn copy: the key's record is older than the record of its distribution.
    const old = join(testbed.home, 'old-key.json')
    cpSync(join(store(), 'store', 'key', 'app.json'), old)
    await rotateInSteps(async (n) => save(`step-${n}`).then(() => undefined))
    const secret = await encrypt()
    const torn = join(testbed.home, 'torn')
    mkdirSync(torn, { mode: 0o700 })
    copyFolder(store(), torn)
    cpSync(old, join(torn, 'store', 'key', 'app.json'))

    // The list names what the torn copy lacks, and the restore brings it back.
    await save('whole')
    const env = { KEYMGMT_HOME: torn }
    expect(await data(`${CHECK} ${file('whole')}`, env)).toEqual({ not_in_snapshot: [] })
    await testbed.ok(`${RESTORE} ${file('whole')}`, { env })
    await testbed.ok('read keymgmt/kms/k/key/app/verify challenge=true', { env })

    // Each snapshot restores all material that it names.
    for (const name of readdirSync(testbed.home).filter((each) => each.startsWith('step-'))) {
      const home = elsewhere(`from-${name}`)
      await testbed.ok(`${RESTORE} ${file(name)}`, { env: home })
      const { kms_keys } = await data<{ kms_keys: { material: string }[] }>(
        'read keymgmt/kms/k/key/app/verify challenge=true',
        home,
      )
      expect(kms_keys.map(({ material }) => material)).not.toContain('other material')
    }
    await testbed.ok('write -f keymgmt/key/app/rotate', { env })
    await testbed.ok('write -f keymgmt/kms/k/key/app/revoke', { env })
    await testbed.ok('write -f keymgmt/kms/k/key/app/restore', { env })
    expect(await decrypt(secret)).toBe('x')
  }, 240_000)
})
