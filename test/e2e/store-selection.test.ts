import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const CREATE = 'write -f keymgmt/key/app type=aes256-gcm96'
const NONE = { KEYMGMT_HOME: '', KEYMGMT_STORE: '' }

let testbed: Testbed
beforeEach(async () => {
  testbed = await createTestbed()
})
afterEach(() => testbed.close())
const other = () => join(testbed.home, 'other')

describe('something that is not found', () => {
  beforeEach(() => testbed.ok(CREATE))

  it.each([
    ['write -f keymgmt/key/none/rotate'],
    ['write -f keymgmt/kms/none/key/app purpose=encrypt'],
    ['write -f keymgmt/kms/none/key/app/revoke'],
  ])('names the store that was read: %s', async (line) => {
    const here = await testbed.run(line)
    expect(here.status).toBe(2)
    expect(here.stderr).toContain(`this is the store ${testbed.home}/keymgmt (from KEYMGMT_HOME)`)
    const env = { KEYMGMT_HOME: '', KEYMGMT_STORE: other() }
    const elsewhere = await testbed.run(line, { env })
    expect(elsewhere.stderr).toContain(`there is no store in ${other()} (from KEYMGMT_STORE)`)
    expect(existsSync(join(other(), 'seal.json'))).toBe(false)
  })

  it.each(['read keymgmt/key/app', 'list keymgmt/key'])(
    'is told from a missing store: %s',
    async (line) => {
      await testbed.ok(line)
      const ran = await testbed.run(line, { env: NONE })
      expect([ran.status, ran.stdout]).toEqual([2, ''])
      expect(ran.stderr).toContain('No value found at')
      expect(ran.stderr).toContain(
        '/keymgmt (the default location): if you expected one, check KEYMGMT_STORE',
      )
    },
  )
})

describe('a store that is created', () => {
  it('is announced with its keyfile', async () => {
    const { stderr } = await testbed.run(CREATE)
    expect(stderr).toContain(
      `Created a new store in ${testbed.home}/keymgmt, sealed with a new keyfile: ${testbed.home}/keymgmt/keyfile`,
    )
  })

  it('is announced with a passphrase, and a short one gets a warning', async () => {
    const long = await testbed.run(CREATE, { env: { KEYMGMT_PASSPHRASE: 'correct horse battery' } })
    expect(long.stderr).toContain(
      `Created a new store in ${testbed.home}/keymgmt, sealed with the passphrase`,
    )
    expect(long.stderr).not.toContain('fewer than')
    const env = { KEYMGMT_HOME: other(), KEYMGMT_PASSPHRASE: 'x' }
    expect((await testbed.run(CREATE, { env })).stderr).toContain('fewer than 15 characters')
    const opened = await testbed.run('read keymgmt/key/app', { env })
    expect([opened.status, opened.stderr]).toEqual([0, ''])
  })

  it.each([
    ['-no-create', {}],
    ['', { KEYMGMT_NO_CREATE: '1' }],
  ])('is refused with %s %j', async (flag, variables) => {
    const env: Record<string, string> = { ...variables }
    for (const line of [
      `write -f ${flag} keymgmt/key/app type=aes256-gcm96`,
      `list ${flag} keymgmt/key`,
    ]) {
      const ran = await testbed.run(line, { env })
      expect(ran.status).toBe(2)
      expect(ran.stderr).toContain(
        `there is no store in ${testbed.home}/keymgmt (from KEYMGMT_HOME)`,
      )
    }
    expect(readdirSync(testbed.home)).toEqual([])
    await testbed.ok(CREATE)
    await testbed.ok(`write -f ${flag} keymgmt/key/app/rotate`, { env })
  })

  it('is refused with a value that is no boolean', async () => {
    const ran = await testbed.run(CREATE, { env: { KEYMGMT_NO_CREATE: 'yes' } })
    expect([ran.status, readdirSync(testbed.home)]).toEqual([2, []])
    expect(ran.stderr).toContain('KEYMGMT_NO_CREATE is neither 1 nor 0')
  })

  it('is refused in a folder that others can read, with the command that helps', async () => {
    mkdirSync(other())
    chmodSync(other(), 0o755)
    const env = { KEYMGMT_HOME: other() }
    const { status, stderr } = await testbed.run(CREATE, { env })
    expect(status).toBe(2)
    expect(stderr).toContain(`hint: chmod 700 ${other()}`)
    chmodSync(other(), 0o700)
    await testbed.ok(CREATE, { env })
  })

  // sudo can keep the HOME of the user who ran it.
  const asRoot = process.getuid?.() === 0 ? it : it.skip
  asRoot('is refused for root in the home of another user', async () => {
    mkdirSync(other())
    chownSync(other(), 12_345, 12_345)
    const env = { ...NONE, HOME: other() }
    const { status, stderr } = await testbed.run(CREATE, { env })
    expect([status, readdirSync(other())]).toEqual([2, []])
    expect(stderr).toContain('which belongs to another user (uid 12345)')
    expect(stderr).toContain('sudo -H')
    expect(stderr).toContain('KEYMGMT_HOME=/')
    await testbed.ok(CREATE, { env: { HOME: other(), KEYMGMT_HOME: join(testbed.home, 'own') } })
    expect(readdirSync(other())).toEqual([])
  })
})

describe('a file that is named by a flag or a variable', () => {
  it.each([['a FIFO'], ['a folder']])('is refused if it is %s', async (kind) => {
    const file = join(testbed.home, 'named')
    if (kind === 'a FIFO') execFileSync('mkfifo', [file])
    else mkdirSync(file)
    await testbed.ok(CREATE)
    await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
    const distribute = 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt'
    const bundle = await testbed.run(distribute, { env: { AWS_CA_BUNDLE: file } })
    const policy = await testbed.run(`dev -policy=${file} -- true`)
    expect([bundle.status, policy.status]).toEqual([2, 1])
    expect(bundle.stderr).toContain(`${file} (from AWS_CA_BUNDLE) is not a regular file`)
    expect(policy.stderr).toContain(`${file} is not a regular file`)
  })

  it('is refused if it is too large', async () => {
    const file = join(testbed.home, 'large')
    writeFileSync(file, 'x'.repeat(5 * 1024 * 1024))
    const policy = await testbed.run(`dev -policy=${file} -- true`)
    expect(policy.stderr).toContain('has more than 1048576 bytes')
  })
})
