import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startKmsThread } from './kms-thread.js'
import { BINARY, median, ROOT, type Env, type Measured } from './measuring.js'

// keymgmt beside what people have today. Nothing bounds these: they say what it is like.

interface Manifest {
  readonly version: string
  readonly devDependencies: Readonly<Record<string, string>>
}

/** The packages that the code imports where it is not bundled. */
const IMPORTED = [
  '@aws-sdk/client-kms',
  '@aws-sdk/credential-provider-node',
  '@aws-sdk/credential-providers',
  'chalk',
  'commander',
  'conf',
  'leven',
  'yaml',
]

function timed(file: string, args: readonly string[], env: Env, cwd = ROOT): number {
  const started = performance.now()
  const { status, stderr, error } = spawnSync(file, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  if (status !== 0)
    throw new Error(
      `${file} ${args.join(' ')} ended with ${String(status)}: ${stderr}${String(error ?? '')}`,
    )
  return performance.now() - started
}

function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
}

function pack(folder: string, into: string): string {
  mkdirSync(into, { recursive: true })
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', into], {
    cwd: folder,
    stdio: 'ignore',
  })
  return join(into, readdirSync(into).find((name) => name.endsWith('.tgz')) ?? '')
}

/** The same code as a package whose imports npm has to install. */
function unbundled(folder: string): string {
  const { version, devDependencies } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  ) as Manifest
  mkdirSync(folder, { recursive: true })
  cpSync(join(ROOT, 'dist', 'src'), join(folder, 'src'), { recursive: true })
  const dependencies = Object.fromEntries(IMPORTED.map((name) => [name, devDependencies[name]]))
  const manifest = {
    name: 'keymgmt',
    version,
    type: 'module',
    bin: { keymgmt: 'cli.js' },
    dependencies,
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  writeFileSync(
    join(folder, 'cli.js'),
    "#!/usr/bin/env node\nconst { main } = await import('./src/cli/main.js')\nprocess.exitCode = await main()\n",
  )
  return folder
}

/** From `npx` in an empty home, with nothing in npm's cache, to the end of `keymgmt version`. */
function npxCold(home: string): Promise<Measured> {
  const packages = [
    pack(ROOT, join(home, 'bundled')),
    pack(unbundled(join(home, 'code')), join(home, 'unbundled')),
  ]
  const [bundled = 0, installed = 0] = packages.map((file) =>
    median(
      [1, 2, 3].map((run) => {
        const cache = join(home, `cache-${run}`)
        rmSync(cache, { recursive: true, force: true })
        return timed(
          'npx',
          ['--yes', '--package', file, '--', 'keymgmt', 'version'],
          { npm_config_cache: cache },
          home,
        )
      }),
    ),
  )
  return Promise.resolve({
    value: bundled / installed,
    bound: undefined,
    unit: '×',
    detail: `npx, cold: bundled ${(bundled / 1000).toFixed(1)} s, unbundled ${(installed / 1000).toFixed(1)} s`,
  })
}

function againstAws(): Promise<Measured | string> {
  if (!isInstalled('aws')) return Promise.resolve('aws is not installed')
  const runs = Array.from(
    { length: 7 },
    () =>
      [timed(process.execPath, [BINARY, 'version'], {}), timed('aws', ['--version'], {})] as const,
  )
  const [ours, theirs] = [median(runs.map(([one]) => one)), median(runs.map(([, other]) => other))]
  return Promise.resolve({
    value: ours / theirs,
    bound: undefined,
    unit: '×',
    detail: `start-up ${ours.toFixed(0)} ms, that of aws ${theirs.toFixed(0)} ms`,
  })
}

/**
 * Versions into AWS KMS: everything that has to be typed, against a script of the AWS CLI and
 * openssl.
 */
function byHand(versions: number) {
  return async (home: string): Promise<Measured | string> => {
    if (!isInstalled('aws') || spawnSync('openssl', ['version'], { stdio: 'ignore' }).status !== 0)
      return 'aws or openssl is not installed'
    mkdirSync(home, { recursive: true, mode: 0o700 })
    const kms = await startKmsThread()
    try {
      const env = { ...kms.env, AWS_DEFAULT_REGION: 'us-west-1', KEYMGMT_HOME: home }
      const lines = [
        'write keymgmt/kms/k provider=awskms key_collection=us-west-1',
        'write -f keymgmt/key/app type=aes256-gcm96',
        'write keymgmt/kms/k/key/app purpose=encrypt,decrypt',
        ...Array.from({ length: versions - 1 }, () => 'write -f keymgmt/key/app/rotate'),
      ]
      const ours = lines
        .map((line) => timed(process.execPath, [BINARY, ...line.split(' ')], env))
        .reduce((sum, ms) => sum + ms, 0)
      const theirs = timed(
        'bash',
        [join(ROOT, 'bench', 'byok.sh'), String(versions), 'by-hand'],
        env,
      )
      return {
        value: ours / theirs,
        bound: undefined,
        unit: '×',
        detail: `${versions} version${versions > 1 ? 's' : ''} imported in ${(ours / 1000).toFixed(1)} s, by a script of aws and openssl in ${(theirs / 1000).toFixed(1)} s`,
      }
    } finally {
      await kms.close()
    }
  }
}

/** Every comparison, by name. */
export const COMPARISONS: Readonly<Record<string, (home: string) => Promise<Measured | string>>> = {
  'npx-cold': npxCold,
  'start-up-aws': againstAws,
  'by-hand-1': byHand(1),
  'by-hand-8': byHand(8),
}
