import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

let testbed: Testbed
/** The folder of temporary files. */
let temporary: string
let env: Record<string, string>
beforeEach(async () => {
  testbed = await createTestbed()
  temporary = mkdtempSync(join(tmpdir(), 'keymgmt-dev-'))
  mkdirSync(join(testbed.home, 'bin'))
  symlinkSync(resolve('bin/keymgmt.js'), join(testbed.home, 'bin/keymgmt'))
  env = {
    PATH: `${join(testbed.home, 'bin')}:${process.env.PATH ?? ''}`,
    TMPDIR: temporary,
    // The store of a user who sets nothing.
    KEYMGMT_HOME: '',
  }
})
afterEach(async () => {
  rmSync(temporary, { recursive: true, force: true })
  await testbed.close()
})

/** Runs a script of sh under `keymgmt dev`. */
const dev = (flags: readonly string[], script: string, more: Record<string, string> = {}) =>
  testbed.run(['dev', ...flags, '--', 'sh', '-euc', script], { env: { ...env, ...more } })

const DISTRIBUTE = [
  'keymgmt write keymgmt/kms/k provider=awskms key_collection=us-west-1',
  'keymgmt write -f keymgmt/key/trial type=aes256-gcm96',
  'keymgmt write keymgmt/kms/k/key/trial purpose=encrypt,decrypt',
  'keymgmt list keymgmt/key',
].join('\n')
const REAL_KEY = 'write -f keymgmt/key/real type=aes256-gcm96'

/** Every file below a folder, with the time of its last change. */
const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.startsWith('bin'))
    .map((name) => [name, statSync(join(folder, name)).mtimeMs])
    .sort()

describe('the store of a command under keymgmt dev', () => {
  it.each([
    ['in the usual place', {}],
    ['of KEYMGMT_HOME', { KEYMGMT_HOME: 'mine' }],
    ['of KEYMGMT_STORE', { KEYMGMT_STORE: 'mine' }],
    ['with a passphrase', { KEYMGMT_PASSPHRASE: 'correct horse battery staple' }],
  ])('is not the real one %s', async (_place, variables) => {
    const own = Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [
        name,
        value === 'mine' ? join(testbed.home, value) : value,
      ]),
    )
    await testbed.ok(REAL_KEY, { env: { ...env, ...own } })
    const before = filesBelow(testbed.home)
    const { status, stdout, stderr } = await dev([], DISTRIBUTE, own)
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.any(String) })
    expect(stdout).toContain('trial')
    expect(stdout).not.toContain('real')
    expect(filesBelow(testbed.home)).toEqual(before)
    expect(testbed.requests).toEqual([])
  })

  it('is not the store in the settings, which the command can neither read nor change', async () => {
    for (const setting of [
      `store=${testbed.home}/set`,
      `keyfile=${testbed.home}/key`,
      'format=json',
    ])
      await testbed.ok(`config ${setting}`, { env })
    await testbed.ok(REAL_KEY, { env })
    const before = filesBelow(testbed.home)
    const { stdout } = await dev([], `${DISTRIBUTE}; keymgmt config format=yaml; keymgmt config`)
    expect(stdout).toContain('trial')
    expect(stdout).not.toContain('real')
    expect(stdout).toMatch(/^format:$/m)
    expect(filesBelow(testbed.home)).toEqual(before)
  })

  it('is private, and is removed at the end', async () => {
    const { stdout } = await dev(
      [],
      `${DISTRIBUTE}; ls -ld "$KEYMGMT_HOME/.." | cut -c 1-10; ls "$KEYMGMT_HOME"; false || exit 5`,
    )
    expect(stdout).toMatch(/^drwx------$/m)
    expect(stdout).toMatch(/^keyfile$/m)
    expect(readdirSync(temporary)).toEqual([])
  })

  it.each(['path', 'URL'])('is the store that -store names as a %s, and is kept', async (form) => {
    await testbed.ok(REAL_KEY, { env })
    const store = join(testbed.home, '.local/share/keymgmt')
    const flag = `-store=${form === 'URL' ? 'file://' : ''}${store}`
    const { stdout } = await dev([flag], 'keymgmt write -f keymgmt/key/real/rotate', {
      KEYMGMT_HOME: join(testbed.home, 'other'),
    })
    expect(stdout).toContain('Success')
    expect(await testbed.ok('read -field=latest_version keymgmt/key/real', { env })).toBe('2')
    expect(existsSync(join(testbed.home, 'other'))).toBe(false)
  })

  it('opens with the keyfile in the named folder, if there is one', async () => {
    const own = { ...env, KEYMGMT_HOME: join(testbed.home, 'other') }
    await testbed.ok(REAL_KEY, { env: own })
    const rotate = 'keymgmt write -f keymgmt/key/real/rotate'
    const { status } = await dev([`-store=${own.KEYMGMT_HOME}`], rotate)
    expect(status).toBe(0)
    expect(await testbed.ok('read -field=latest_version keymgmt/key/real', { env: own })).toBe('2')
  })

  it.each(['trial', '', 's3://bucket'])('-store=%s is refused', async (store) => {
    const { status, stderr } = await dev([`-store=${store}`], 'true')
    expect(status).toBe(1)
    expect(stderr).toContain('-store')
    expect(stderr).toContain('absolute path')
  })

  it('needs a folder for temporary files', async () => {
    const missing = join(temporary, 'missing')
    const { status, stderr } = await dev([], 'true', { TMPDIR: missing })
    expect(status).toBe(2)
    expect(stderr).toContain(`the throw-away store can't be created in ${missing}: ENOENT`)
    expect(stderr).toContain('TMPDIR')
  })
})

describe('a signal', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s ends the command, and the store is removed', async (signal, status) => {
    const ended = await interrupted(signal, ['--', 'sh', '-c', 'echo $KEYMGMT_HOME; exec sleep 60'])
    expect(ended).toBe(status)
    expect(readdirSync(temporary)).toEqual([])
  })

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 0],
  ] as const)('%s ends the server, and the store is removed', async (signal, status) => {
    expect(await interrupted(signal, [])).toBe(status)
    expect(readdirSync(temporary)).toEqual([])
  })

  /** Sends the signal after the first output, which names the workspace. */
  function interrupted(signal: NodeJS.Signals, args: readonly string[]): Promise<number | null> {
    const child = spawn(process.execPath, ['bin/keymgmt.js', 'dev', ...args], {
      env: { ...env, HOME: testbed.home },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      const [, store] = /(?:KEYMGMT_HOME=)?(\/\S+\/store)\n/.exec(printed) ?? []
      if (store === undefined) return
      expect(existsSync(dirname(store))).toBe(true)
      // The server prints the variables just before it waits.
      setTimeout(() => child.kill(signal), 100)
    })
    return new Promise((ended) => child.on('close', ended))
  }
})

describe('the environment of a command under keymgmt dev', () => {
  it('contains no other credentials, and reaches the embedded KMS', async () => {
    const shared = join(testbed.home, 'credentials')
    writeFileSync(shared, '[p]\naws_access_key_id = OTHER\naws_secret_access_key = x\n')
    const script = `import('@aws-sdk/client-sts')
      .then(({ STS }) => new STS({}).getCallerIdentity({}))
      .then(({ Account }) => console.log(Account, process.env.AWS_REGION, process.env.KEYMGMT_DEV))`
    const { stdout, stderr } = await testbed.run(['dev', '--', process.execPath, '-e', script], {
      env: {
        ...env,
        AWS_PROFILE: 'p',
        AWS_SESSION_TOKEN: 'other',
        AWS_SHARED_CREDENTIALS_FILE: shared,
        AWS_ROLE_ARN: 'arn:aws:iam::1:role/r',
        AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
        AWS_USE_FIPS_ENDPOINT: 'true',
        AWS_DEFAULT_REGION: 'eu-west-3',
        AWS_REGION: '',
      },
    })
    expect({ stdout, stderr }).toEqual({
      stdout: '111122223333 eu-west-3 1\n',
      stderr: expect.not.stringContaining('Error'),
    })
  })

  it('is printed for a shell if there is no command', async () => {
    const { stdout } = await testbed.run(
      [
        'dev',
        '--',
        'bash',
        '-c',
        'keymgmt dev > lines & until grep -q KEYMGMT_DEV lines 2> /dev/null; do sleep 0.1; done; sleep 0.3; kill %1; cat lines',
      ].map((word) => word.replaceAll('lines', join(temporary, 'lines'))),
      { env: { ...env, AWS_PROFILE: 'p' } },
    )
    expect(stdout).toMatch(/^export AWS_ENDPOINT_URL_STS=http:\/\/127\.0\.0\.1:\d+$/m)
    expect(stdout).toMatch(/^export KEYMGMT_HOME=\S+\/store$/m)
  })
})

describe('keymgmt dev refuses to listen on', () => {
  it('a busy port', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const { status, stderr } = await testbed.run(`dev -listen=127.0.0.1:${port} -- true`)
    server.close()
    expect(status).toBe(1)
    expect(stderr).toContain(
      `invalid value for flag -listen: another program uses port ${port} of 127.0.0.1`,
    )
    expect(stderr).toContain('-listen=127.0.0.1:0')
    expect(stderr).not.toMatch(/defect|bug|report/i)
  })

  it('an address that is not on this machine', async () => {
    const { status, stderr } = await testbed.run('dev -listen=192.0.2.1:0 -- true')
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('must be an address of this machine: 127.0.0.1'),
    })
  })
})

describe('-fault', () => {
  it.each([
    ['Creatkey:1:drop', 'AWS KMS has no operation of that name', 'did you mean "CreateKey"?'],
    ['CreateKey:1:throtle', 'must be Operation:nth:kind, such as', 'did you mean "throttle"?'],
    ['CreateKey:0:drop', 'must be Operation:nth:kind, such as', 'nth is 1 for the first request'],
    ['CreateKey:drop', 'must be Operation:nth:kind, such as', 'did you mean "CreateKey:1:drop"?'],
    ['*:*:denid', 'must be Operation:nth:kind, such as', 'did you mean "denied"?'],
  ])('refuses %s', async (fault, problem, hint) => {
    const { status, stderr } = await testbed.run(`dev -fault=${fault} -- true`)
    expect(status).toBe(1)
    expect(stderr).toContain(`invalid value for flag -fault: ${problem}`)
    expect(stderr).toContain(hint)
  })

  it('accepts an operation of AWS KMS, and * for all of them', async () => {
    expect(await testbed.run('dev -fault=CreateKey:1:drop -fault=*:9:error -- true')).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    })
  })
})

describe('AWS_REGION', () => {
  it('is refused if it names no Region: the embedded KMS would refuse every request', async () => {
    const env = { AWS_REGION: 'us-esat-1' }
    const { status, stderr } = await testbed.run('dev -- true', { env })
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('the environment variable AWS_REGION names no AWS Region'),
    ])
    expect(stderr).toContain('did you mean "us-east-1"')
  })
})

describe('a value that cannot be right', () => {
  it.each([
    ['-credentials=AKIA X:s', 'is ID:SECRET, without white space'],
    ['-credentials=AKIAX:s t', 'is ID:SECRET, without white space'],
    ['-latency=2h', 'is at most 1h'],
    ['-latency=30d', 'is at most 1h'],
    ['-account=1234', 'an account ID has 12 digits'],
  ])('is refused: %s', async (flag, problem) => {
    const { status, stderr } = await testbed.run(['dev', flag, '--', 'true'])
    const [name] = flag.split('=')
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining(`invalid value for flag ${name ?? ''}: ${problem}`),
    ])
  })
})

describe('-account', () => {
  it('selects the account', async () => {
    const ask = `import('@aws-sdk/client-kms').then(({ KMS }) => new KMS({}).createKey({}))
      .then(({ KeyMetadata }) => console.log(KeyMetadata.Arn))`
    const line = ['dev', '-account=444455556666', '--', process.execPath, '-e', ask]
    const { status, stdout } = await testbed.run(line)
    expect(status).toBe(0)
    expect(stdout).toContain(':444455556666:key/')
  })
})
