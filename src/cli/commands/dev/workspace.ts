import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { KeymgmtError } from '../../../errors.js'
import { locate, storeFolder } from '../../../store/locate.js'
import type { Context } from '../command.js'
import type { DevStore } from './variables.js'

/** A temporary folder that only this user can access. */
export interface Workspace {
  readonly join: (...names: string[]) => string
  readonly write: (files: Readonly<Record<string, string>>) => void
  readonly remove: () => void
}

/**
 * Creates a folder, and removes it at the latest when this process exits.
 * @throws KeymgmtError STORE_UNAVAILABLE
 */
export function createWorkspace(): Workspace {
  const folder = makeTemporary()
  const remove = () => {
    process.off('exit', remove)
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    } catch {
      // A program that the command left running still writes to it.
    }
  }
  process.once('exit', remove)
  return {
    join: (...names) => join(folder, ...names),
    write: (files) => {
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
        writeFileSync(file, text, { mode: 0o600, flag: 'wx' })
      }
    },
    remove,
  }
}

function makeTemporary(): string {
  try {
    // The store follows no links, and /tmp is one on macOS.
    return mkdtempSync(join(realpathSync(tmpdir()), 'keymgmt-dev-'))
  } catch (cause) {
    const { code = 'failed' } = cause as NodeJS.ErrnoException
    throw new KeymgmtError(
      'STORE_UNAVAILABLE',
      `the throw-away store can't be created in ${tmpdir()}: ${code}`,
      { hints: ['set TMPDIR to a folder that you can write to'], cause },
    )
  }
}

/**
 * Returns the store of the command: the named one, with the keyfile in it or the user's own
 * keyfile, or else a throw-away store in the workspace.
 * @throws KeymgmtError USAGE if the name is neither an absolute path nor a file: URL.
 */
export function chooseStore(
  named: string | undefined,
  workspace: Pick<Workspace, 'join'>,
  { terminal: { env, platform }, settings }: Pick<Context, 'terminal' | 'settings'>,
): DevStore {
  if (named === undefined) return { home: workspace.join('store') }
  const storeDir = readStore(named, platform)
  const inStore = join(storeDir, 'keyfile')
  if (!env.KEYMGMT_KEYFILE && existsSync(inStore)) return { storeDir, keyfile: inStore }
  const own = { ...env, KEYMGMT_STORE: storeDir, KEYMGMT_HOME: undefined }
  const location = locate(own, platform, homedir, settings)
  return { storeDir, keyfile: 's3' in location ? inStore : location.keyfile }
}

function readStore(named: string, platform: string): string {
  try {
    return storeFolder(named, '-store', platform)
  } catch (error) {
    const { message, hints } = error as KeymgmtError
    throw new KeymgmtError('USAGE', message, { hints })
  }
}
