import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

let testbed: Testbed
beforeEach(async () => {
  testbed = await createTestbed()
})
afterEach(() => testbed.close())

const CREATE = 'write -f keymgmt/key/app type=aes256-gcm96'
const READ = 'read -timeout=20s keymgmt/key/app'

async function refused(
  line: string,
  says: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { stdout, stderr, status } = await testbed.run(line, { env })
  expect({ stdout, stderr, status }).toEqual({
    stdout: '',
    stderr: expect.stringContaining(says) as unknown,
    status: 2,
  })
  expect(stderr).toContain('hint: ')
}

function makeFifo(file: string): void {
  rmSync(file, { force: true })
  execFileSync('mkfifo', ['-m', '600', file])
}

describe('a FIFO, which would block a read', () => {
  it.each(['keyfile', 'seal.json', 'store/key/app.json'])('is refused as %s', async (name) => {
    await testbed.ok(CREATE)
    const file = join(testbed.home, 'keymgmt', name)
    makeFifo(file)
    await refused(READ, `${file} is not a regular file`)
  })

  it('is refused as the settings file', async () => {
    const file = join(testbed.home, '.config/keymgmt/config.json')
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    makeFifo(file)
    await refused('config', `${file} is not a regular file`)
  })
})

describe('the passphrase file', () => {
  let file: string
  beforeEach(() => {
    file = join(testbed.home, 'passphrase')
    writeFileSync(file, 'correct horse battery staple\n', { mode: 0o600 })
  })
  const env = () => ({ KEYMGMT_PASSPHRASE_FILE: file })

  it.each([0o666, 0o644, 0o660, 0o604])('is refused with mode %o', async (mode) => {
    await testbed.ok(CREATE, { env: env() })
    chmodSync(file, mode)
    await refused(READ, `${file} is accessible to other users`, env())
  })

  it('is refused if it is a FIFO, or in a folder that other users can write', async () => {
    await testbed.ok(CREATE, { env: env() })
    const open = join(testbed.home, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    renameSync(file, join(open, 'passphrase'))
    symlinkSync('open/passphrase', file)
    await refused(READ, `the folder ${open}`, env())
    makeFifo(file)
    await refused(READ, `${file} is not a regular file`, env())
  })

  it("can be a mounted secret, or the shell's process substitution", async () => {
    await testbed.ok(CREATE, { env: env() })
    mkdirSync(join(testbed.home, '..data'))
    renameSync(file, join(testbed.home, '..data/passphrase'))
    symlinkSync('..data/passphrase', file)
    chmodSync(file, 0o440)
    await testbed.ok(READ, { env: env() })
    const { stderr, status } = spawnSync(
      'bash',
      [
        '--norc',
        '-c',
        `"$@" 3< <(sleep 1; cat "$KEYMGMT_PASSPHRASE_FILE_AT")`,
        'bash',
        process.execPath,
      ]
        .concat(resolve('bin/keymgmt.js'))
        .concat(READ.split(' ')),
      {
        encoding: 'utf8',
        env: {
          PATH: process.env.PATH,
          KEYMGMT_HOME: join(testbed.home, 'keymgmt'),
          KEYMGMT_PASSPHRASE_FILE: '/dev/fd/3',
          KEYMGMT_PASSPHRASE_FILE_AT: file,
        },
      },
    )
    expect([stderr, status]).toEqual(['', 0])
  })

  it('does not open a store whose header demands minutes of work', async () => {
    await testbed.ok(CREATE, { env: env() })
    const header = join(testbed.home, 'keymgmt/seal.json')
    writeFileSync(header, readFileSync(header, 'utf8').replace('131072', '1048576'))
    await refused(READ, 'seal.json) is damaged', env())
  })
})

describe('a link', () => {
  it('to the settings is not followed', async () => {
    const file = join(testbed.home, '.config/keymgmt/config.json')
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(join(testbed.home, 'other.json'), '{}', { mode: 0o600 })
    symlinkSync(join(testbed.home, 'other.json'), file)
    await refused('config', `${file} is a symbolic link`)
    await refused('config format=json', `${file} is a symbolic link`)
    expect(readFileSync(join(testbed.home, 'other.json'), 'utf8')).toBe('{}')
  })

  it("to a shell's start-up file is followed and kept", async () => {
    const file = join(testbed.home, '.bashrc')
    writeFileSync(join(testbed.home, 'dotfile'), 'alias l=ls\n')
    symlinkSync('dotfile', file)
    await testbed.ok('-autocomplete-install')
    expect(readFileSync(file, 'utf8')).toContain('keymgmt')
    await testbed.ok('-autocomplete-uninstall')
    expect(readFileSync(file, 'utf8')).toBe('alias l=ls\n')
    expect(lstatSync(file).isSymbolicLink()).toBe(true)
  })

  it('is not followed through a folder that other users can write', async () => {
    const open = join(testbed.home, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    writeFileSync(join(open, 'dotfile'), 'alias l=ls\n')
    symlinkSync('open/dotfile', join(testbed.home, '.bashrc'))
    await refused('-autocomplete-install', `the folder ${open}`)
    expect(readFileSync(join(open, 'dotfile'), 'utf8')).toBe('alias l=ls\n')
  })
})

describe('a user without a home folder', () => {
  /** Only root can become a user without a passwd entry. */
  const user = process.getuid?.() === 0 ? 54_321 : undefined
  const homes = [...(user === undefined ? [] : [undefined]), '', '/', 'home']
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keymgmt-homeless-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  const run = (line: string, home: string | undefined, env: Record<string, string> = {}) =>
    new Promise<{ stdout: string; stderr: string; code: number }>((ended) => {
      // root creates nothing in a folder of another user.
      if (home === undefined && user !== undefined) chownSync(folder, user, user)
      execFile(
        process.execPath,
        [resolve('bin/keymgmt.js'), ...line.split(' ')],
        {
          cwd: folder,
          ...(home === undefined ? { uid: user, gid: user } : {}),
          env: {
            PATH: process.env.PATH,
            AWS_ENDPOINT_URL_KMS: testbed.kms.endpoint,
            AWS_EC2_METADATA_DISABLED: 'true',
            ...(home !== undefined && { HOME: home }),
            ...env,
          },
        },
        (error, stdout, stderr) => {
          ended({ stdout, stderr, code: Number(error?.code ?? 0) })
        },
      )
    })

  it.each(homes)('can run commands that need no store (HOME %j)', async (home) => {
    for (const line of ['version', 'help', 'config', 'config format', 'completion bash'])
      expect({ line, ...(await run(line, home)) }).toMatchObject({ line, stderr: '', code: 0 })
  })

  it.each(homes)('gets an error that says how to name a store (HOME %j)', async (home) => {
    for (const line of ['status', 'config store', READ, CREATE])
      expect({ line, ...(await run(line, home)) }).toMatchObject({
        line,
        stdout: '',
        stderr: expect.stringMatching(/HOME[^]*hint: set KEYMGMT_HOME/) as unknown,
        code: 2,
      })
    expect(readdirSync(folder)).toEqual([])
  })

  it.each(homes)('can use the store in KEYMGMT_HOME, and AWS (HOME %j)', async (home) => {
    const { accessKeyId, secretAccessKey } = testbed.kms.credentials
    const env = {
      KEYMGMT_HOME: join(folder, 'store'),
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    }
    for (const line of [
      CREATE,
      'write keymgmt/kms/k provider=awskms key_collection=us-west-1',
      'write keymgmt/kms/k/key/app purpose=encrypt,decrypt protection=hsm',
      'status',
    ])
      expect({ line, ...(await run(line, home, env)) }).toMatchObject({ line, code: 0 })
  })
})

describe('a read-only store', () => {
  it('can be read, verified and used for a dry run, without a lock', async () => {
    await testbed.ok(CREATE)
    await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
    await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt protection=hsm')
    // Nobody can create a lock below a file, not even root.
    const locks = join(testbed.home, 'keymgmt/locks')
    rmSync(locks, { recursive: true })
    writeFileSync(locks, '', { mode: 0o600 })
    for (const line of [
      'read keymgmt/key/app',
      'read keymgmt/kms/k/key/app/verify',
      'list keymgmt/key',
      'status',
      'write -f -dry-run keymgmt/key/app/rotate',
      'write -f -output-policy keymgmt/key/app/rotate',
    ])
      expect({ line, ...(await testbed.run(line)) }).toMatchObject({ line, status: 0 })
    await refused('write -f -timeout=1s keymgmt/key/app/rotate', 'locks')
  })
})

describe('a variable that would weaken the seal', () => {
  it.each([
    ['KEYMGMT_PASSPHRASE', ''],
    ['KEYMGMT_PASSPHRASE_FILE', ''],
    ['KEYMGMT_SEAL', 'pass'],
  ])('is refused: %s=%j', async (name, value) => {
    await refused(CREATE, name, { [name]: value })
    expect(readdirSync(testbed.home)).toEqual([])
  })
})
