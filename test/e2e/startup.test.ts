import { afterAll, beforeAll, expect, it } from '@jest/globals'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createBench, type Bench } from '../support/keymgmt.js'

// What V8 compiled is kept for the next run. Whatever becomes of it there, a command does what it
// does without it.

let bench: Bench
beforeAll(async () => {
  bench = await createBench()
})
afterAll(() => bench.close())

const SAID = { stdout: expect.stringMatching(/^keymgmt v\d/), stderr: '', status: 0 }
const runWith = (cache: string) =>
  bench.run('version', { env: { XDG_CACHE_HOME: join(bench.home, cache) } })
/** The file that holds the code which every command needs. */
const keptIn = (cache: string) => {
  const folder = join(bench.home, cache, 'keymgmt')
  const [name = 'none'] = readdirSync(folder).filter((each) => each.startsWith('startup-'))
  return join(folder, name)
}
const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8)

it('is kept where only this user can change it, once', async () => {
  expect(await runWith('once')).toEqual(SAID)
  const file = keptIn('once')
  expect([modeOf(join(file, '..')), modeOf(file)]).toEqual(['700', '600'])
  const { mtimeMs } = statSync(file)
  expect(await runWith('once')).toEqual(SAID)
  expect(statSync(file).mtimeMs).toBe(mtimeMs)
})

it.each([
  ['what is no such thing', Buffer.from('no such thing')],
  ['nothing', Buffer.alloc(0)],
])('%s in its place is replaced', async (_what, content) => {
  await runWith('spoilt')
  writeFileSync(keptIn('spoilt'), content)
  expect(await runWith('spoilt')).toEqual(SAID)
  expect(readFileSync(keptIn('spoilt')).length).toBeGreaterThan(10_000)
})

it('of a folder that others can write to, nothing is used, and nothing is put there', async () => {
  await runWith('open')
  const file = keptIn('open')
  const folder = dirname(file)
  rmSync(folder, { recursive: true })
  mkdirSync(folder)
  writeFileSync(file, 'no such thing')
  chmodSync(folder, 0o770)
  expect(await runWith('open')).toEqual(SAID)
  expect(readdirSync(folder)).toEqual([basename(file)])
  expect(readFileSync(file, 'utf8')).toBe('no such thing')
})

it("where it can't be kept, nothing is", async () => {
  mkdirSync(join(bench.home, 'file'))
  writeFileSync(join(bench.home, 'file', 'keymgmt'), 'a file')
  expect(await runWith('file')).toEqual(SAID)
  expect(existsSync(join(bench.home, 'file', 'keymgmt', 'x'))).toBe(false)
})
