import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { awsKms, createEngine, openSealedLocalStore, saveKey } from '../src/index.js'
import type { Environment, Invocation } from './processes.js'

const KEYMGMT = fileURLToPath(new URL('../../bin/keymgmt.js', import.meta.url))

/** A user with a separate home folder, and nothing else in the environment. */
export interface User {
  readonly env: Environment
  /** Deletes all compiled code that an earlier run left. */
  readonly clearCache: () => void
  /** Runs keymgmt with the words of `line` as its arguments. */
  readonly keymgmt: (line: string, options?: RunOptions) => Invocation
}

/** A Node.js binary (by default that of this process), and additional environment variables. */
export interface RunOptions {
  readonly node?: string
  readonly env?: Environment
}

/** Creates a user whose home is `folder`. */
export function createUser(folder: string): User {
  const env = {
    HOME: folder,
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_DATA_HOME: join(folder, 'data'),
    // Node.js puts its compile cache here if a program names no other folder.
    TMPDIR: join(folder, 'tmp'),
  }
  const clearCache = () => {
    for (const cache of [env.XDG_CACHE_HOME, env.TMPDIR]) {
      rmSync(cache, { recursive: true, force: true })
      mkdirSync(cache, { recursive: true, mode: 0o700 })
    }
  }
  clearCache()
  return {
    env,
    clearCache,
    keymgmt: (line, { node = process.execPath, env: more = {} } = {}) => ({
      program: node,
      args: [KEYMGMT, ...line.split(' ')],
      env: { ...env, ...more },
    }),
  }
}

/** Creates a user whose store contains `count` keys. The first one is named `app`. */
export async function createUserWithKeys(folder: string, count: number): Promise<User> {
  const user = createUser(folder)
  const { store } = openSealedLocalStore({
    storeDir: join(folder, 'data', 'keymgmt'),
    keyfile: join(folder, 'config', 'keymgmt', 'keyfile'),
  })
  const engine = createEngine({
    store,
    kinds: { awskms: awsKms({ env: {}, signal: new AbortController().signal }) },
  })
  for (let index = 0; index < count; index++)
    await saveKey(engine, index === 0 ? 'app' : `key-${index}`, { type: 'aes256-gcm96' })
  return user
}

/** Writes a settings file. It sets a default value, so that the output stays the same. */
export function writeSettings({ env }: User): void {
  const folder = join(env.XDG_CONFIG_HOME ?? '', 'keymgmt')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, 'config.json'), '{ "format": "table" }\n', { mode: 0o600 })
}
