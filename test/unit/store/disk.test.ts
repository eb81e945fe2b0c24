import { afterAll, beforeEach, describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { storeAt } from './tasks.js'

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url))
const base = mkdtempSync(join(tmpdir(), 'keymgmt-disk-'))
const storeDir = join(base, 'data')
afterAll(() => {
  rmSync(base, { recursive: true, force: true })
})
beforeEach(() => {
  rmSync(storeDir, { recursive: true, force: true })
})

/** Every entry below the store's folder, with its content. */
const contents = () =>
  readdirSync(storeDir, { recursive: true, withFileTypes: true })
    .map(
      (entry) =>
        `${join(entry.parentPath, entry.name)} ${entry.isFile() ? readFileSync(join(entry.parentPath, entry.name), 'utf8') : ''}`,
    )
    .sort()

const shell = (script: string, ...before: string[]) => {
  const [command, ...args] = [...before, 'bash', '--norc', '-euc', script]
  const { stdout, stderr, status } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, STORE_DIR: storeDir, NODE: process.execPath, WORKER },
  })
  return { stdout, stderr, status }
}

/**
 * A mount that is private to this process. Without it (not on Linux, or not allowed), the limits
 * below replace it.
 */
const NAMESPACE = ['unshare', '--mount', '--map-root-user']
const isRoot = process.getuid?.() === 0
const canMount = shell('mount -t tmpfs tmpfs "$(dirname "$STORE_DIR")"', ...NAMESPACE).status === 0

describe('a limit on the size of files', () => {
  it.each([
    ['a record', '8', 'key/app 200000'],
    ['the first record, of which nothing fits', '0', 'key/first'],
  ])('is a clear error that changes nothing: %s', async (_what, blocks, args) => {
    await storeAt(storeDir).put('key/app', Buffer.from('good'), undefined)
    const before = contents()
    expect(shell(`ulimit -f ${blocks}; "$NODE" "$WORKER" "$STORE_DIR" put ${args}`)).toMatchObject({
      status: 7,
      stderr: '',
      stdout: expect.stringMatching(
        /^STORE_UNAVAILABLE: the store can't use .*: (the file would exceed the size limit|no space is left)\n$/,
      ) as unknown,
    })
    expect(contents()).toEqual(before)
  })

  it('leaves no truncated keyfile or header', () => {
    expect(shell('ulimit -f 0; "$NODE" "$WORKER" "$STORE_DIR" put')).toMatchObject({
      status: 7,
    })
    expect(readdirSync(storeDir)).toEqual(['locks'])
    expect(readdirSync(join(storeDir, 'locks'))).toEqual([])
  })
})

// Without either of the two, read-only disks would not be tested.
it('the tests can make a folder unwritable, by a mount or by permissions', () => {
  expect(canMount || !isRoot).toBe(true)
})

if (canMount)
  describe('a disk', () => {
    const onDisk = (script: string) =>
      shell(
        `mkdir -m 700 "$STORE_DIR"; mount -t tmpfs -o size=64k,mode=700 tmpfs "$STORE_DIR"
      keymgmt() { "$NODE" "$WORKER" "$STORE_DIR" "$@" || true; }
      ${script}`,
        ...NAMESPACE,
      )
    const FILES = 'find "$STORE_DIR" -type f -not -name fill | sort | xargs sha256sum | sha256sum'

    it('that is full gives an error that changes nothing, and works again after space is freed', () => {
      const { stdout, stderr, status } = onDisk(`
      keymgmt put key/app; before=$(${FILES})
      keymgmt put key/app 100000
      head -c 100000 /dev/zero > "$STORE_DIR/fill" 2>/dev/null || true
      keymgmt put key/b; keymgmt delete key/app
      [ "$before" = "$(${FILES})" ] && echo same
      rm "$STORE_DIR/fill"; keymgmt put key/b; keymgmt read key/b`)
      expect([stderr, status]).toEqual(['', 0])
      expect(stdout).toMatch(
        /^(STORE_UNAVAILABLE: the store can't use \S+: no space is left\n){3}same\n(new ){5}$/,
      )
    })

    it('that is full before the first write leaves no partial store', () => {
      const { stdout, stderr, status } = onDisk(`
      head -c 100000 /dev/zero > "$STORE_DIR/fill" 2>/dev/null || true
      keymgmt put
      find "$STORE_DIR" -type f -not -name fill
      rm "$STORE_DIR/fill"; keymgmt put; keymgmt read`)
      expect([stderr, status]).toEqual(['', 0])
      expect(stdout).toMatch(
        /^STORE_UNAVAILABLE: the store can't use \S+: no space is left\n(new ){5}$/,
      )
    })

    it('that is read-only can be read, and a write reports that', () => {
      const { stdout, stderr, status } = onDisk(`
      keymgmt put; mount -o remount,bind,ro "$STORE_DIR"
      keymgmt read; keymgmt put; keymgmt delete; keymgmt read`)
      expect([stderr, status]).toEqual(['', 0])
      expect(stdout).toMatch(
        /^(new ){5}(STORE_UNAVAILABLE: the store can't use \S+: the file system is read-only\n){2}(new ){5}$/,
      )
    })

    it('that is read-only and has no store gives an error that says so', () => {
      const { stdout, status } = onDisk(
        'mount -o remount,bind,ro "$STORE_DIR"; keymgmt read; keymgmt put',
      )
      expect(status).toBe(0)
      expect(stdout).toMatch(
        /^STORE_UNAVAILABLE: the store can't use \S+: the file system is read-only\n$/,
      )
    })
  })

// Root can write everywhere.
if (!isRoot)
  describe('a folder without write permission', () => {
    it('can be read, and a write reports that', async () => {
      const revision = await storeAt(storeDir).put('key/app', Buffer.from('good'), undefined)
      for (const folder of ['store/key', 'store', 'locks', '.'])
        chmodSync(join(storeDir, folder), 0o500)
      try {
        expect(Buffer.from((await storeAt(storeDir).get('key/app'))?.value ?? []).toString()).toBe(
          'good',
        )
        await expect(
          storeAt(storeDir).put('key/app', Buffer.from('x'), revision),
        ).rejects.toMatchObject({
          code: 'STORE_UNAVAILABLE',
        })
      } finally {
        for (const folder of ['.', 'locks', 'store', 'store/key'])
          chmodSync(join(storeDir, folder), 0o700)
      }
    })
  })

describe('a file system without links', () => {
  it('gets a keyfile and a header too', () => {
    const preload = `data:text/javascript,import fs from 'node:fs';import m from 'node:module';fs.linkSync=()=>{throw Object.assign(new Error('no links'),{code:'EPERM'})};m.syncBuiltinESMExports()`
    for (const task of ['put', 'read']) {
      const { stdout, status } = spawnSync(
        process.execPath,
        ['--import', preload, WORKER, storeDir, task],
        { encoding: 'utf8' },
      )
      expect([stdout, status]).toEqual([task === 'read' ? 'new new new new new ' : '', 0])
    }
    expect(readdirSync(storeDir).sort()).toEqual(['keyfile', 'locks', 'seal.json', 'store'])
  })
})
