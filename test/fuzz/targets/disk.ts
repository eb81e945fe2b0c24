import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openSealedLocalStore } from '../../../src/store/index.js'
import { Failure, judge, type Target } from '../target.js'

const RECORD = 'key/app'

/** Returns the files of a store. An input replaces one of them: its first byte selects which. */
async function prepare(
  home: string,
): Promise<readonly (readonly [file: string, content: Buffer])[]> {
  const { store } = openSealedLocalStore({ storeDir: home, keyfile: join(home, 'keyfile') })
  await store.put(RECORD, Buffer.from('{"name":"app"}'), undefined)
  const lock = await store.lock('key/app', 'fuzz')
  const folder = join(home, 'locks')
  const holder =
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
      /[0-9a-f]{16}$/.test(name),
    ) ?? ''
  const held = readFileSync(join(folder, holder))
  await lock.release()
  const files = [
    join(home, 'seal.json'),
    join(home, 'keyfile'),
    join(home, 'store', 'key', 'app.json'),
  ]
  return [...files.map((file) => [file, readFileSync(file)] as const), [join(folder, holder), held]]
}

/** Records, the header of the store, the keyfile and locks on disk. */
export async function disk(): Promise<Target> {
  const home = mkdtempSync(join(tmpdir(), 'keymgmt-fuzz-'))
  chmodSync(home, 0o700)
  const files = await prepare(home)
  return {
    name: 'store on disk',
    share: 6,
    seeds: files.map(([, content], index) => Buffer.concat([Buffer.of(index), content])),
    words: [
      '"format":1',
      '"format":2',
      '"number":',
      '"value":"',
      '"seal":"keyfile"',
      '"seal":"passphrase"',
      '"kdf":{"N":131072,"r":8,"p":1,"salt":""}',
      '"wrapped":"',
      'keymgmt-keyfile-v1:',
      '"pid":',
      '"token":"',
      'AAAAAAAA',
      '"host":',
    ],
    run: async (input) => {
      const [file, content] = files[(input[0] ?? 0) % files.length] ?? ['', Buffer.alloc(0)]
      const given = input.subarray(1)
      // Deriving a key from a passphrase is slow on purpose; other tests cover its parameters.
      if (given.includes('passphrase')) return 'refused'
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeFileSync(file, given, { mode: 0o600 })
      const { store } = openSealedLocalStore({
        storeDir: home,
        keyfile: join(home, 'keyfile'),
        lockWaitMs: 0,
      })
      const isLock = file.includes('locks')
      const verdict = await judge(async () => {
        const found = await store.get(RECORD)
        if (isLock) await (await store.lock('key/app', 'fuzz')).release()
        if (found?.value.toString() !== '{"name":"app"}')
          throw new Failure('the store returned a record that was never written')
      })
      const left = !isLock && !readFileSync(file).equals(given)
      if (isLock) rmSync(dirname(file), { recursive: true, force: true })
      else writeFileSync(file, content, { mode: 0o600 })
      if (left) throw new Failure('reading changed a file of the store')
      return verdict
    },
    close: () => {
      rmSync(home, { recursive: true, force: true })
      return Promise.resolve()
    },
  }
}
