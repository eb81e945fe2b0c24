import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The release lines of Node.js that keymgmt supports. */
export const NODE_RELEASES = ['20', '22', '24', '26'] as const

/** One of the supported release lines. */
export type NodeRelease = (typeof NODE_RELEASES)[number]

const FOLDER = resolve('dist/node-releases')

/**
 * Returns the path of a Node.js binary of the release line. The first call installs the newest one
 * from npm (packages `node-PLATFORM-ARCH`); later calls reuse it.
 */
export function installNode(release: NodeRelease): string {
  const name = `node-${process.platform}-${process.arch}`
  const folder = join(FOLDER, release)
  const program = process.platform === 'win32' ? 'node.exe' : 'node'
  const binary = join(folder, 'node_modules', name, 'bin', program)
  if (existsSync(binary)) return binary
  mkdirSync(folder, { recursive: true })
  // A manifest of its own keeps npm from installing into a folder above.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-save', `${name}@${release}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return binary
}
