import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keymgmt-startup-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const run = (binary: string, env: Readonly<Record<string, string>> = {}) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [binary, 'version'], {
    env,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

/** A copy of `bin` whose bundle is this text; without one, it has no bundle. */
function copyWith(name: string, bundle?: string): string {
  const copy = join(folder, name)
  cpSync('bin', join(copy, 'bin'), { recursive: true })
  if (bundle !== undefined) {
    mkdirSync(join(copy, 'dist/bundle'), { recursive: true })
    writeFileSync(join(copy, 'dist/bundle/keymgmt.cjs'), bundle)
  }
  return join(copy, 'bin/keymgmt.js')
}

it('bin/keymgmt.js has at most ten lines of code', () => {
  const lines = readFileSync('bin/keymgmt.js', 'utf8').split('\n')
  expect(lines.filter((line) => !/^\s*($|\/\/|#!)/.test(line)).length).toBeLessThanOrEqual(10)
})

it('reports how to build a missing bundle, without a stack trace', () => {
  expect(run(copyWith('unbuilt'))).toEqual({
    status: 1,
    stdout: '',
    stderr: 'keymgmt is not built. To build it, run: npm run build\n',
  })
})

it.each([
  ['a module that is missing', "require('./missing.cjs')", "Cannot find module './missing.cjs'"],
  ['an error of the bundle', "throw new TypeError('broken')", 'TypeError: broken'],
  ['a rejection', "exports.main = () => Promise.reject(new Error('late'))", 'Error: late'],
])('passes %s through', (name, bundle, message) => {
  const { status, stderr } = run(copyWith(name, bundle))
  expect(stderr).toContain(message)
  expect(stderr).not.toContain('npm run build')
  expect(status).not.toBe(0)
})

it('exits with the status that the command returns', () => {
  expect(run(copyWith('status', 'exports.main = () => Promise.resolve(7)')).status).toBe(7)
})

it('loads one file to read a key', () => {
  const listing = join(folder, 'listing.cjs')
  writeFileSync(
    listing,
    `process.on('exit', () => console.error(Object.keys(require.cache).join('\\n')))`,
  )
  const { stderr } = spawnSync(
    process.execPath,
    ['--require', listing, 'bin/keymgmt.js', 'read', 'keymgmt/key/app'],
    { env: { HOME: folder }, encoding: 'utf8' },
  )
  const files = stderr.split('\n').flatMap((file) => /dist.bundle.(.*)/.exec(file)?.[1] ?? [])
  expect(files).toEqual(['keymgmt.cjs', expect.stringMatching(/^rolldown-runtime-/)])
})

it('writes no cache', () => {
  const home = join(folder, 'home')
  mkdirSync(home)
  const env = { HOME: home, XDG_CACHE_HOME: join(home, 'cache'), TMPDIR: home }
  expect(run('bin/keymgmt.js', env)).toMatchObject({ status: 0, stderr: '' })
  expect(readdirSync(home)).toEqual([])
})
