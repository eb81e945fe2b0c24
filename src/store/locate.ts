import { posix, win32, type PlatformPath } from 'node:path'
import { fileURLToPath } from 'node:url'
import { KeymgmtError } from '../errors.js'
import { formatS3Url, isS3Url, parseS3Url, type S3Address } from './s3/address.js'

/** The source of a value: the name of the environment variable, the user's settings, or nothing. */
export type Source = 'KEYMGMT_STORE' | 'KEYMGMT_HOME' | 'KEYMGMT_KEYFILE' | 'settings' | 'default'

/** The location of a user's store and keyfile. */
export type Location = LocalLocation | S3Location

interface Sources {
  readonly store: Source
  readonly keyfile: Source
}

/** The location of a local store. */
export interface LocalLocation {
  readonly storeDir: string
  readonly keyfile: string
  readonly sources: Sources
}

/** The location of a store on S3. */
export interface S3Location {
  readonly s3: S3Address
  /** Returns the keyfile of the store with this id. */
  readonly keyfileOf: (storeId: string) => string
  readonly sources: Sources
}

/** The user's settings that name a location. */
export interface LocationSettings {
  /** The store: an absolute path, or a `file:` or `s3:` URL. */
  readonly store?: string | undefined
  /** The keyfile: an absolute path. */
  readonly keyfile?: string | undefined
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * Returns the location that the environment names, else the one in the settings, else the
 * platform's own: the XDG base directories on Linux.
 * @throws KeymgmtError STORE_UNAVAILABLE for a relative path, an unsupported URL, or if both
 * KEYMGMT_STORE and KEYMGMT_HOME are set.
 */
export function locate(
  env: Env,
  platform: string,
  homeDirectory: () => string,
  settings: LocationSettings = {},
): Location {
  const paths = pathsOf(platform)
  const usual = () => usualPlaces(env, platform, homeDirectory)
  const store = locateStore(env, platform, settings, () => usual().storeDir())
  const { KEYMGMT_KEYFILE } = env
  if (isS3Url(store.path))
    return locateOnS3(env, platform, store, (name) => paths.join(usual().config(), name))
  const keyfile = KEYMGMT_KEYFILE
    ? at(absolutePath(KEYMGMT_KEYFILE, 'KEYMGMT_KEYFILE', platform), 'KEYMGMT_KEYFILE')
    : store.source === 'KEYMGMT_HOME'
      ? // Such a store must open with its own keyfile, also for a user who has a setting.
        at(paths.join(store.path, 'keyfile'), 'KEYMGMT_HOME')
      : settings.keyfile
        ? at(absolutePath(settings.keyfile, 'the setting keyfile', platform), 'settings')
        : at(paths.join(usual().config(), 'keyfile'), 'default')
  return {
    storeDir: store.path,
    keyfile: keyfile.path,
    sources: { store: store.source, keyfile: keyfile.source },
  }
}

const SELECTED_BY: Readonly<Partial<Record<Source, string>>> = {
  settings: 'the setting store',
  default: 'the default location',
}

/** PURE: the store's folder or URL, and what selected it, for a message. */
export function describeStore(location: Location): string {
  const { store } = location.sources
  return `${nameOfStore(location)} (${SELECTED_BY[store] ?? `from ${store}`})`
}

/** PURE: the function that locates the keyfile of a store in this place. */
export function keyfilesOf(location: Location): S3Location['keyfileOf'] {
  return 's3' in location ? location.keyfileOf : () => location.keyfile
}

/** PURE: the store's folder or URL. */
export function nameOfStore(location: Location): string {
  return 's3' in location ? formatS3Url(location.s3) : location.storeDir
}

const SETTING_STORE = 'the setting store'

/** Each store on S3 has a keyfile with its id, unless KEYMGMT_KEYFILE names another one. */
function locateOnS3(
  { KEYMGMT_KEYFILE }: Env,
  platform: string,
  { path, source }: Place<Source>,
  inConfig: (name: string) => string,
): S3Location {
  const keyfile = KEYMGMT_KEYFILE
    ? absolutePath(KEYMGMT_KEYFILE, 'KEYMGMT_KEYFILE', platform)
    : undefined
  return {
    s3: parseS3Url(path, source === 'settings' ? SETTING_STORE : source),
    keyfileOf: (storeId) => keyfile ?? inConfig(`${storeId}.keyfile`),
    sources: { store: source, keyfile: keyfile ? 'KEYMGMT_KEYFILE' : 'default' },
  }
}

/**
 * The file of the user's settings.
 * @throws KeymgmtError STORE_UNAVAILABLE if KEYMGMT_SETTINGS is a relative path.
 */
export function settingsFile(env: Env, platform: string, homeDirectory: () => string): string {
  const { KEYMGMT_SETTINGS } = env
  if (KEYMGMT_SETTINGS) return absolutePath(KEYMGMT_SETTINGS, 'KEYMGMT_SETTINGS', platform)
  return pathsOf(platform).join(usualPlaces(env, platform, homeDirectory).config(), 'config.json')
}

/** @throws KeymgmtError STORE_UNAVAILABLE, which names `name`, for a relative path. */
export function absolutePath(value: string, name: string, platform: string): string {
  const paths = pathsOf(platform)
  if (paths.isAbsolute(value)) return paths.resolve(value)
  throw new KeymgmtError('STORE_UNAVAILABLE', `${name} is a relative path`, {
    hints: ['specify an absolute path, which does not depend on the current folder'],
  })
}

/**
 * Checks the name of a store: an absolute path, or a `file:` or `s3:` URL. Returns the folder or
 * the URL.
 * @throws KeymgmtError STORE_UNAVAILABLE, which names `name`, for anything else.
 */
export function storeLocation(value: string, name: string, platform: string): string {
  if (isS3Url(value)) return formatS3Url(parseS3Url(value, name))
  return storeFolder(value, name, platform, 'an absolute path, or a file: or s3: URL')
}

/**
 * Returns the folder of a store that is named by an absolute path or a `file:` URL.
 * @throws KeymgmtError STORE_UNAVAILABLE, which names `name`, for anything else.
 */
export function storeFolder(
  value: string,
  name: string,
  platform: string,
  forms = 'an absolute path or a file: URL',
): string {
  // A single letter before the colon is a drive of Windows.
  const [, scheme] = /^([a-z][a-z0-9+.-]+):/i.exec(value) ?? []
  if (scheme === undefined) return absolutePath(value, name, platform)
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (scheme.toLowerCase() !== 'file') {
    throw new KeymgmtError('STORE_UNAVAILABLE', `${name} has the unsupported scheme ${scheme}:`, {
      hints: [`specify ${forms}, such as file:///srv/keymgmt`],
    })
  }
  try {
    // `new URL` takes file:a for file:///a, and fileURLToPath drops what follows the path.
    if (!/^file:\/[^?#]*$/i.test(value) || url === undefined) throw new TypeError('not a path')
    return pathsOf(platform).resolve(fileURLToPath(url, { windows: platform === 'win32' }))
  } catch (cause) {
    throw new KeymgmtError('STORE_UNAVAILABLE', `${name} is not a file: URL of a local folder`, {
      hints: ['specify an absolute path, or a URL such as file:///srv/keymgmt'],
      cause,
    })
  }
}

interface Place<S extends Source> {
  readonly path: string
  readonly source: S
}

function at<S extends Source>(path: string, source: S): Place<S> {
  return { path, source }
}

function locateStore(
  { KEYMGMT_STORE, KEYMGMT_HOME }: Env,
  platform: string,
  settings: LocationSettings,
  usual: () => string,
): Place<Source> {
  if (KEYMGMT_STORE && KEYMGMT_HOME) {
    throw new KeymgmtError('STORE_UNAVAILABLE', 'KEYMGMT_STORE and KEYMGMT_HOME are both set', {
      hints: ['unset one of them: each of them names the store'],
    })
  }
  if (KEYMGMT_STORE)
    return at(storeLocation(KEYMGMT_STORE, 'KEYMGMT_STORE', platform), 'KEYMGMT_STORE')
  if (KEYMGMT_HOME) return at(absolutePath(KEYMGMT_HOME, 'KEYMGMT_HOME', platform), 'KEYMGMT_HOME')
  if (settings.store) return at(storeLocation(settings.store, SETTING_STORE, platform), 'settings')
  return at(usual(), 'default')
}

function pathsOf(platform: string): PlatformPath {
  return platform === 'win32' ? win32 : posix
}

/** The folders of the store, and of the keyfile and the settings. */
function usualPlaces(
  env: Env,
  platform: string,
  homeDirectory: () => string,
): { readonly storeDir: () => string; readonly config: () => string } {
  const paths = pathsOf(platform)
  const inHome = (...parts: string[]) => paths.join(homeFolder(platform, homeDirectory), ...parts)
  if (platform === 'darwin') {
    return {
      storeDir: () => inHome('Library', 'Application Support', 'keymgmt'),
      config: () => inHome('Library', 'Preferences', 'keymgmt'),
    }
  }
  if (platform === 'win32') {
    const local = () => env.LOCALAPPDATA ?? inHome('AppData', 'Local')
    const roaming = () => env.APPDATA ?? inHome('AppData', 'Roaming')
    return {
      storeDir: () => paths.join(local(), 'keymgmt', 'Data'),
      config: () => paths.join(roaming(), 'keymgmt'),
    }
  }
  // The XDG specification says that a relative value is ignored.
  const xdg = (value: string | undefined, ...fallback: string[]) =>
    value && paths.isAbsolute(value) ? value : inHome(...fallback)
  return {
    storeDir: () => paths.join(xdg(env.XDG_DATA_HOME, '.local', 'share'), 'keymgmt'),
    config: () => paths.join(xdg(env.XDG_CONFIG_HOME, '.config'), 'keymgmt'),
  }
}

/**
 * Returns the user's home folder.
 * @throws KeymgmtError STORE_UNAVAILABLE if the user has none of their own.
 */
function homeFolder(platform: string, homeDirectory: () => string): string {
  const paths = pathsOf(platform)
  let home
  try {
    home = homeDirectory()
  } catch (cause) {
    throw noHomeError('HOME is not set, and the system knows no home folder of this user', cause)
  }
  if (home === '') throw noHomeError('HOME is empty')
  if (!paths.isAbsolute(home)) throw noHomeError('HOME is a relative path')
  if (paths.resolve(home) === paths.parse(home).root)
    throw noHomeError(`HOME is ${home}, which is not a home folder of a user`)
  return home
}

function noHomeError(problem: string, cause?: unknown): KeymgmtError {
  return new KeymgmtError('STORE_UNAVAILABLE', `the store has no default location: ${problem}`, {
    hints: ['set KEYMGMT_HOME to the absolute path of a folder for the store'],
    cause,
  })
}

/** Returns true if the user has a home folder, in which the default locations are. */
export function hasHome(platform: string, homeDirectory: () => string): boolean {
  try {
    return homeFolder(platform, homeDirectory) !== ''
  } catch {
    return false
  }
}
