import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { installNode, NODE_RELEASES } from '../support/node-releases.js'

// Checks the published package as a user gets it: packs it, installs it into an empty folder
// without a network, and runs its demo from there, on every supported release line of Node.js.

const work = mkdtempSync(join(tmpdir(), 'keymgmt-package-'))

function run(
  file: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): string {
  return execFileSync(file, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
}

/** A folder with nothing in it but a manifest, so that npm installs there and nowhere above. */
function emptyFolder(name: string): string {
  const folder = join(work, name)
  run('mkdir', ['-p', folder], work)
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  return folder
}

function check(condition: boolean, claim: string): void {
  if (!condition) throw new Error(`not true: ${claim}`)
}

/** Packs what is built in a folder. Returns the path of the tarball. */
function pack(folder: string, name: string): string {
  const destination = join(work, name)
  run('mkdir', ['-p', destination], work)
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', destination], folder)
  return join(destination, readdirSync(destination)[0] ?? '')
}

/** Builds the same source in another folder, so that nothing depends on the place of a build. */
function buildElsewhere(): string {
  const folder = join(work, 'elsewhere')
  const files = run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], '.')
  for (const file of files.split('\n').filter((name) => existsSync(name))) {
    mkdirSync(join(folder, dirname(file)), { recursive: true })
    copyFileSync(file, join(folder, file))
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
  run('npm', ['run', 'build'], folder)
  return folder
}

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')

try {
  const tarball = pack('.', 'packed')
  check(
    digest(tarball) === digest(pack(buildElsewhere(), 'packed-again')),
    'two builds of the same source are identical, byte for byte',
  )
  console.log(`package: two builds have the same SHA-256, ${digest(tarball)}`)
  const folder = emptyFolder('user')
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], folder)
  const installed = join(folder, 'node_modules')
  check(
    readdirSync(installed)
      .filter((name) => !name.startsWith('.'))
      .join() === 'keymgmt',
    'the package needs no other package',
  )
  for (const version of NODE_RELEASES) {
    const node = installNode(version)
    const exact = run(node, ['--version'], folder).trim()
    check(exact.startsWith(`v${version}.`), `${node} is Node.js ${version}`)
    check(
      /^keymgmt v\d/.test(run(node, [join(installed, '.bin', 'keymgmt'), 'version'], folder)),
      'version prints the version',
    )
    const demo = run(node, [join(installed, 'keymgmt', 'dist', 'bundle', 'demo.cjs')], folder)
    check(demo.includes('Try next'), 'the demo succeeds')
    const library = run(
      node,
      [
        '--input-type=module',
        '-e',
        "const { PATHS, startDevKms } = await import('keymgmt'); const kms = await startDevKms(); await kms.close(); console.log(PATHS.length)",
      ],
      folder,
    )
    check(Number(library) > 10, 'the library can be imported')
    console.log(`package: installed and run on Node.js ${exact}`)
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
