import { posix, win32, type PlatformPath } from 'node:path'
import { KeymgmtError } from '../errors.js'

/** Where a user's store and keyfile are. */
export interface Location {
  readonly home: string
  readonly keyfile: string
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * The places that the environment names, else the platform's own: the XDG base directories on
 * Linux.
 * @throws KeymgmtError STORE_UNAVAILABLE for a relative KEYMGMT_HOME or KEYMGMT_KEYFILE.
 */
export function locate(env: Env, platform: string, homeDirectory: () => string): Location {
  const paths = platform === 'win32' ? win32 : posix
  const home = absolute(env, 'KEYMGMT_HOME', paths)
  const keyfile = absolute(env, 'KEYMGMT_KEYFILE', paths)
  if (home !== undefined) return { home, keyfile: keyfile ?? paths.join(home, 'keyfile') }
  const usual = usualPlaces(env, platform, homeDirectory(), paths)
  return { home: usual.home, keyfile: keyfile ?? usual.keyfile }
}

function absolute(env: Env, variable: string, paths: PlatformPath): string | undefined {
  const value = env[variable]
  if (!value) return undefined
  if (paths.isAbsolute(value)) return paths.resolve(value)
  throw new KeymgmtError('STORE_UNAVAILABLE', `${variable} is a relative path`, {
    hints: ['give an absolute one: the store must not move with the current folder'],
  })
}

function usualPlaces(
  env: Env,
  platform: string,
  homeDirectory: string,
  paths: PlatformPath,
): Location {
  const join = (...parts: string[]) => paths.join(...parts)
  const library = join(homeDirectory, 'Library')
  if (platform === 'darwin') {
    return {
      home: join(library, 'Application Support', 'keymgmt'),
      keyfile: join(library, 'Preferences', 'keymgmt', 'keyfile'),
    }
  }
  if (platform === 'win32') {
    const local = env.LOCALAPPDATA ?? join(homeDirectory, 'AppData', 'Local')
    const roaming = env.APPDATA ?? join(homeDirectory, 'AppData', 'Roaming')
    return { home: join(local, 'keymgmt', 'Data'), keyfile: join(roaming, 'keymgmt', 'keyfile') }
  }
  // The specification has a relative value ignored.
  const xdg = (variable: string, ...fallback: string[]) => {
    const value = env[variable]
    return value && paths.isAbsolute(value) ? value : join(homeDirectory, ...fallback)
  }
  return {
    home: join(xdg('XDG_DATA_HOME', '.local', 'share'), 'keymgmt'),
    keyfile: join(xdg('XDG_CONFIG_HOME', '.config'), 'keymgmt', 'keyfile'),
  }
}
