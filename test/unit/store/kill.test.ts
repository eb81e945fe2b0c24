import { afterEach, describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { storeAt, TASKS } from './tasks.js'

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url))
const PRELOAD = new URL('../../support/kill-at-file-operation.js', import.meta.url).href

const base = mkdtempSync(join(tmpdir(), 'keymgmt-kill-'))
const storeDir = join(base, 'data')
afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

const textAt = async (path: string) => {
  const found = await storeAt(storeDir).get(path)
  return found && Buffer.from(found.value).toString()
}

/** The files in the store's folder other than records, the header, the keyfile and folders. */
function leftovers(): string[] {
  const entries = readdirSync(storeDir, { recursive: true, encoding: 'utf8' })
  return entries
    .filter((name) => !/^(seal\.json|keyfile|locks|store(\/key(\/(app|old)\.json)?)?)$/.test(name))
    .sort()
}

function run(task: 'put' | 'delete', env: Record<string, string>) {
  const { signal, status, stderr } = spawnSync(process.execPath, [WORKER, storeDir, task], {
    env: { PATH: process.env.PATH, NODE_OPTIONS: `--import=${PRELOAD}`, KILL_BELOW: base, ...env },
    encoding: 'utf8',
  })
  return { signal, status, stderr }
}

/** The commands to kill, the store before them, and `key/app` after them. */
type KilledCommand = readonly [
  what: string,
  task: 'put' | 'delete',
  before: Readonly<Record<string, string>>,
  after: string | undefined,
]
const FIRST_WRITE: KilledCommand = ['the first write', 'put', {}, 'new new new new new ']
const OVERWRITE: KilledCommand = [
  'a write over a record',
  'put',
  { 'key/old': 'old', 'key/app': 'one' },
  'new new new new new ',
]
const COMMANDS: readonly KilledCommand[] = [
  FIRST_WRITE,
  ['a write of a further record', 'put', { 'key/old': 'old' }, 'new new new new new '],
  OVERWRITE,
  ['a delete', 'delete', { 'key/old': 'old', 'key/app': 'one' }, undefined],
]

/** Kills the command at each of its file operations, and then runs it to its end. */
async function killEverywhere(
  [, task, before, after]: KilledCommand,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  for (let n = 1; ; n++) {
    rmSync(storeDir, { recursive: true, force: true })
    for (const [path, text] of Object.entries(before))
      await storeAt(storeDir).put(path, Buffer.from(text), undefined)
    const killed = run(task, { KILL_AT_FILE_OPERATION: String(n), ...env })
    if (killed.signal === null) {
      expect({ ...killed, n }).toMatchObject({ status: 0, stderr: '' })
      expect(n).toBeGreaterThan(10)
      return
    }
    expect([undefined, before['key/app'], after]).toContain(await textAt('key/app'))
    await TASKS[task](storeAt(storeDir), 'key/app', 20)
    expect([n, await textAt('key/app'), await textAt('key/old'), leftovers()]).toEqual([
      n,
      after,
      before['key/old'],
      [],
    ])
  }
}

describe('a process that is killed at any of its file operations', () => {
  it.each(COMMANDS)('in %s leaves a store in which a repetition succeeds', (...command) =>
    killEverywhere(command, {}),
  )

  it('also leaves such a store after the operation', () =>
    killEverywhere(FIRST_WRITE, { KILL_WHEN: 'after' }))

  it('also leaves such a store after the operation of an overwrite', () =>
    killEverywhere(OVERWRITE, { KILL_WHEN: 'after' }))
})

describe('the kill at a file operation', () => {
  it('counts the same operations in every run, and writes their number to a file', () => {
    const file = join(base, 'count')
    const counts = [1, 2].map(() => {
      rmSync(storeDir, { recursive: true, force: true })
      expect(run('put', { KILL_COUNT_FILE: file, KILL_BELOW: storeDir })).toMatchObject({
        status: 0,
      })
      return spawnSync('cat', [file], { encoding: 'utf8' }).stdout
    })
    expect(Number(counts[0])).toBeGreaterThan(5)
    expect(counts[1]).toBe(counts[0])
  })
})
