import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  if (!condition) throw new Error(`this should be so, and is not: ${claim}`)
}

try {
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', work], process.cwd())
  const tarball = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '')
  const folder = emptyFolder('user')
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], folder)
  const installed = join(folder, 'node_modules')
  check(
    readdirSync(installed)
      .filter((name) => !name.startsWith('.'))
      .join() === 'keymgmt',
    'it comes without any other package',
  )
  for (const version of NODE_RELEASES) {
    const node = installNode(version)
    const exact = run(node, ['--version'], folder).trim()
    check(exact.startsWith(`v${version}.`), `${node} is Node.js ${version}`)
    check(
      /^keymgmt v\d/.test(run(node, [join(installed, '.bin', 'keymgmt'), 'version'], folder)),
      'it says its version',
    )
    const demo = run(node, [join(installed, 'keymgmt', 'dist', 'bundle', 'demo.cjs')], folder)
    check(demo.endsWith('The whole life of a key, as it should be.\n'), 'the demo runs to its end')
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
