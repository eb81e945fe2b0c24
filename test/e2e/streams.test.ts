import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const BINARY = resolve('bin/keymgmt.js')
let testbed: Testbed
let env: Record<string, string>

beforeAll(async () => {
  testbed = await createTestbed({ latencyMs: 200 })
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
  env = {
    PATH: process.env.PATH ?? '',
    HOME: testbed.home,
    KEYMGMT_HOME: join(testbed.home, 'keymgmt'),
    AWS_ENDPOINT_URL_KMS: testbed.kms.endpoint,
    AWS_ACCESS_KEY_ID: testbed.kms.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: testbed.kms.credentials.secretAccessKey,
  }
})

afterAll(() => testbed.close())

/** Runs a line of bash, in which `keymgmt` is the binary. */
const bash = (line: string) =>
  spawnSync('bash', ['-c', `keymgmt() { "$NODE" "$BINARY" "$@"; }\n${line}`], {
    env: { ...env, NODE: process.execPath, BINARY },
    encoding: 'utf8',
    cwd: testbed.home,
  })

describe('the streams of a command', () => {
  it('a closed pipe ends the command silently', () => {
    expect(bash('keymgmt path-help keymgmt | head -n 1; echo "${PIPESTATUS[0]}"')).toMatchObject({
      stdout: '## DESCRIPTION\n0\n',
      stderr: '',
    })
  })

  it('a closed stdout does not crash the command', () => {
    expect(bash('keymgmt list keymgmt/key >&-')).toMatchObject({ stdout: '', stderr: '' })
  })

  it('stdout contains only the response; notices about a new store go to stderr', () => {
    const { stdout, stderr, status } = bash(
      'KEYMGMT_HOME=$HOME/other keymgmt write -f keymgmt/key/new type=aes256-gcm96',
    )
    expect({ stdout, status }).toEqual({
      stdout: 'Success! Data written to: keymgmt/key/new\n',
      status: 0,
    })
    expect(stderr).toContain('Keep a copy')
  })

  it.each([
    ['write keymgmt/key/app min_enabled_version=- < /', 'is a directory'],
    ['write keymgmt/key/app - < /', 'is a directory'],
    ['write keymgmt/key/app min_enabled_version=- 0> write-only', 'bad file descriptor'],
  ])('an unreadable stdin is refused, not read as empty: %s', (line, reason) => {
    const { stdout, stderr, status } = bash(`keymgmt ${line}`)
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 })
    expect(stderr).toContain(`error reading standard input: ${reason}`)
  })

  it('a full disk does not undo a write, which reports that it is done', async () => {
    await testbed.ok('write -f keymgmt/key/full type=aes256-gcm96')
    const { stderr, status } = bash('keymgmt write -f keymgmt/key/full/rotate > /dev/full')
    expect(status).toBe(2)
    expect(stderr).toContain(
      "the command is done (data written to keymgmt/key/full/rotate), but the output can't be written to standard output: no space left on device",
    )
    expect(stderr).toContain('do not run the command again: it would do everything a second time')
    expect(stderr).not.toMatch(/Error writing|defect/)
    expect(await testbed.ok('read -field=latest_version keymgmt/key/full')).toBe('2')
  })

  it('a full disk fails a read, without being reported as a bug', () => {
    const { stderr, status } = bash('keymgmt read -format=json keymgmt/key/app > /dev/full')
    expect(status).toBe(2)
    expect(stderr).toContain('"code": "OUTPUT_FAILED"')
  })

  it('a full disk leaves one JSON error on stderr, also after a command with outcomes', async () => {
    await testbed.ok('write -f keymgmt/key/json type=aes256-gcm96')
    const line = ['write', '-format=json', 'keymgmt/kms/k/key/json', 'purpose=encrypt,decrypt']
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [BINARY, ...line], {
      env,
      stdio: ['ignore', full, 'pipe'],
    })
    let stderr = ''
    child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()))
    const status = await new Promise((resolveEnd) => child.on('close', resolveEnd))
    closeSync(full)
    expect(status).toBe(2)
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'OUTPUT_FAILED' } })
  })

  it('a closed pipe or an unwritable stderr does not fail a write', () => {
    const line = 'keymgmt write -f keymgmt/key/left type=aes256-gcm96'
    expect(bash(`${line} 2> /dev/full`)).toMatchObject({ status: 0 })
    expect(bash(`set -o pipefail; ${line} | true`)).toMatchObject({ status: 0, stderr: '' })
    expect(bash('keymgmt read keymgmt/key/none 2> /dev/full')).toMatchObject({ status: 2 })
  })

  it('stdin is read only on request, so that the next command can read it', () => {
    expect(bash('printf "kept\\n" | { keymgmt list keymgmt/key > /dev/null; cat; }').stdout).toBe(
      'kept\n',
    )
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s ends the command with %i, leaves no lock or draft, and the same command continues',
    async (signal, status) => {
      const line = ['write', `keymgmt/kms/k/key/app`, 'purpose=encrypt,decrypt']
      const requests = testbed.requests.length
      const child = spawn(process.execPath, [BINARY, ...line], { env, stdio: 'ignore' })
      const ended = new Promise((resolveEnd) => child.on('close', resolveEnd))
      while (testbed.requests.length === requests) await new Promise((soon) => setTimeout(soon, 5))
      child.kill(signal)
      expect(await ended).toBe(status)
      const files = readdirSync(join(testbed.home, 'keymgmt'), {
        recursive: true,
        encoding: 'utf8',
      })
      expect(files.filter((file) => /draft|\.tmp/.test(file))).toEqual([])
      await testbed.ok(line)
      await testbed.ok('read keymgmt/kms/k/key/app/verify')
      await testbed.ok('delete keymgmt/kms/k/key/app')
    },
  )
})

describe('secrets', () => {
  it('can come from a file descriptor, a process substitution, standard input or a file', () => {
    writeFileSync(
      join(testbed.home, 'key.pem'),
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
    )
    const ways = [
      'material=@/dev/fd/3 3< key.pem',
      'material=@<(cat key.pem)',
      'material=- < key.pem',
      'material=@key.pem',
    ]
    for (const [index, way] of ways.entries()) {
      expect([way, bash(`keymgmt write keymgmt/key/own-${index}/import ${way}`).status]).toEqual([
        way,
        0,
      ])
    }
    const keys = ways.map(
      (_way, index) =>
        bash(
          `keymgmt read -field=versions -format=json keymgmt/key/own-${index} | grep -o 'BEGIN.*END'`,
        ).stdout,
    )
    expect(keys[0]).toContain('BEGIN PUBLIC KEY')
    expect(new Set(keys).size).toBe(1)
  })

  it("the store's passphrase can come from a file descriptor", () => {
    writeFileSync(join(testbed.home, 'passphrase'), 'correct horse battery staple\n')
    const store = 'KEYMGMT_HOME=$HOME/sealed KEYMGMT_PASSPHRASE_FILE=/dev/fd/3'
    expect(
      bash(`${store} keymgmt write -f keymgmt/key/app type=aes256-gcm96 3< passphrase`).status,
    ).toBe(0)
    expect(
      bash(`${store} keymgmt read -field=type keymgmt/key/app 3< <(cat passphrase)`).stdout,
    ).toBe('aes256-gcm96')
    expect(bash(`${store} keymgmt read keymgmt/key/app 3< key.pem`)).toMatchObject({
      stdout: '',
      status: 2,
    })
  })
})
