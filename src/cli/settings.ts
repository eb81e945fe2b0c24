import { homedir } from 'node:os'
import { basename, dirname, extname } from 'node:path'
import { KeymgmtError } from '../errors.js'
import { quotePlain } from '../router/quote.js'
import { didYouMean } from '../suggest.js'
import { makeFolder } from '../store/files.js'
import { assertFoldersAbove } from '../store/folders-above.js'
import {
  absolutePath,
  hasHome,
  locate,
  nameOfStore,
  settingsFile,
  storeLocation,
} from '../store/locate.js'
import { assertPrivate } from '../store/permissions.js'
import { readPrivateFile } from '../store/private-file.js'
import { FORMAT_VARIABLES, parseFormat, type FormatName } from './output/index.js'
import type { Context } from './commands/command.js'
import type { Terminal } from './terminal.js'

/** Checks a value; throws a KeymgmtError for one that the setting can't have. */
type Check = (value: string, name: string, platform: string) => unknown

/** Every setting, and the check of its values. */
const CHECKS = {
  format: (value) => parseFormat(value),
  keyfile: absolutePath,
  store: storeLocation,
} as const satisfies Readonly<Record<string, Check>>

/** The name of a setting. */
export type SettingName = keyof typeof CHECKS

/** The names of all settings, sorted. */
export const SETTING_NAMES = Object.keys(CHECKS) as readonly SettingName[]

/** The settings that the user has saved. */
export type Settings = Readonly<Partial<Record<SettingName, string>>>

/** A value in force, and its source: a flag, a variable, `settings` or `default`. */
export interface Effective<V extends string = string> {
  readonly value: V
  readonly source: string
}

type Surroundings = Pick<Terminal, 'env' | 'platform'>

/**
 * Reads the saved settings; empty if there is no settings file. Never changes an invalid file.
 * @throws KeymgmtError SETTINGS_INVALID, or STORE_PERMISSIONS if others can reach the file.
 */
export async function readSettings(io: Surroundings): Promise<Settings> {
  const file = fileOf(io)
  return file !== undefined && exists(file) ? (await open(file, io.platform)).store : {}
}

/**
 * Saves a setting, or removes it if `value` is empty. Returns the path of the settings file.
 * @throws KeymgmtError USAGE for a value that the setting can't have; else as readSettings.
 */
export async function saveSetting(
  io: Surroundings,
  name: SettingName,
  value: string,
): Promise<string> {
  const file = fileOf(io)
  if (file === undefined)
    throw new KeymgmtError(
      'SETTINGS_INVALID',
      'the settings have no location: no home folder is known',
      {
        hints: ['set HOME to your home folder, or XDG_CONFIG_HOME to a folder for the settings'],
      },
    )
  if (!exists(file) && value === '') return file
  if (value !== '') assertValue(name, value, io.platform)
  try {
    // Create the folder here, because conf would use the mode of the umask.
    makeFolder(dirname(file))
    const conf = await open(file, io.platform)
    if (value === '') conf.delete(name)
    else conf.set(name, value)
  } catch (error) {
    throw unusable(file, error)
  }
  return file
}

function assertValue(name: SettingName, value: string, platform: string): void {
  try {
    CHECKS[name](value, `the setting ${name}`, platform)
  } catch (error) {
    const { message, hints } = error as KeymgmtError
    throw new KeymgmtError('USAGE', message, { hints })
  }
}

/** @throws KeymgmtError USAGE for a name that is not a setting. */
export function assertSettingName(name: string): asserts name is SettingName {
  if (!isSettingName(name))
    throw new KeymgmtError('USAGE', `unknown setting ${quotePlain(name)}`, {
      hints: [...didYouMean(name, SETTING_NAMES), `the settings are ${SETTING_NAMES.join(', ')}`],
    })
}

/**
 * Returns the output format in force: from the flag, the environment, the settings or the default.
 */
export function effectiveFormat(
  flag: string | undefined,
  env: Terminal['env'],
  settings: Settings,
): Effective<FormatName> {
  const candidates = [
    ['-format', flag] as const,
    ...FORMAT_VARIABLES.map((variable) => [variable, env[variable]] as const),
    ['settings', settings.format] as const,
  ]
  const [source, value] = candidates.find(([, given]) => Boolean(given)) ?? ['default', '']
  return { value: parseFormat(value ?? ''), source }
}

/**
 * Returns every setting in force, for a command with this format.
 * @throws KeymgmtError STORE_UNAVAILABLE if the store has no location.
 */
export function effectiveSettings(
  { terminal, settings }: Pick<Context, 'terminal' | 'settings'>,
  format: Effective<FormatName>,
): Readonly<Record<SettingName, Effective>> {
  const location = locate(terminal.env, terminal.platform, homedir, settings)
  const { sources } = location
  // The keyfile of a store on S3 depends on its id, which is in the bucket.
  const keyfile = 's3' in location ? (terminal.env.KEYMGMT_KEYFILE ?? '') : location.keyfile
  return {
    format,
    keyfile: { value: keyfile, source: sources.keyfile },
    store: { value: nameOfStore(location), source: sources.store },
  }
}

/** Returns every setting in force, with empty locations for a user without a home folder. */
export function knownSettings(
  context: Pick<Context, 'terminal' | 'settings'>,
  format: Effective<FormatName>,
): Readonly<Record<SettingName, Effective>> {
  try {
    return effectiveSettings(context, format)
  } catch (error) {
    if (hasHome(context.terminal.platform, homedir)) throw error
    const unknown = { value: '', source: 'default' }
    return { format, keyfile: unknown, store: unknown }
  }
}

/**
 * Undefined for a user without a home folder.
 * @throws KeymgmtError STORE_UNAVAILABLE if KEYMGMT_SETTINGS is a relative path.
 */
function fileOf({ env, platform }: Surroundings): string | undefined {
  try {
    return settingsFile(env, platform, homedir)
  } catch (error) {
    if (env.KEYMGMT_SETTINGS) throw error
    return undefined
  }
}

/**
 * Returns true if there is a settings file. conf opens it by its name: nobody else can put another
 * file there after this check.
 * @throws KeymgmtError SETTINGS_INVALID, or STORE_PERMISSIONS if others can reach the file.
 */
function exists(file: string): boolean {
  try {
    assertFoldersAbove(dirname(file), 'keep')
    assertPrivate(dirname(file))
    return readPrivateFile(file) !== undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false
    throw unusable(file, error)
  }
}

/** Loads conf only for a user with settings, because that takes longer than a local command. */
async function open(file: string, platform: string) {
  try {
    const { default: Conf } = await import('conf')
    return new Conf<Partial<Record<SettingName, string>>>({
      cwd: dirname(file),
      configName: basename(file, extname(file)),
      fileExtension: extname(file).slice(1),
      configFileMode: 0o600,
      accessPropertiesByDotNotation: false,
      clearInvalidConfig: false,
      deserialize: (text) => parse(text, file, platform),
    })
  } catch (error) {
    throw unusable(file, error)
  }
}

/** @throws SyntaxError, or KeymgmtError SETTINGS_INVALID */
function parse(text: string, file: string, platform: string): Settings {
  const settings: unknown = JSON.parse(text)
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw damaged(file, 'it is not a JSON object')
  for (const [name, value] of Object.entries(settings)) {
    if (!isSettingName(name))
      throw damaged(file, `unknown setting ${quotePlain(name)}`, didYouMean(name, SETTING_NAMES))
    if (typeof value !== 'string') throw damaged(file, `the setting ${name} is not a string`)
    try {
      CHECKS[name](value, `the setting ${name}`, platform)
    } catch (error) {
      throw damaged(file, (error as KeymgmtError).message)
    }
  }
  return settings
}

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(CHECKS, name)
}

function damaged(file: string, problem: string, hints: readonly string[] = []): KeymgmtError {
  return new KeymgmtError('SETTINGS_INVALID', `the settings file ${file} is damaged: ${problem}`, {
    hints: [
      ...hints,
      'correct the file, or remove it to return to the defaults; nothing was changed',
    ],
  })
}

/** Returns the error for a settings file that can't be read or written. */
function unusable(file: string, error: unknown): Error {
  if (error instanceof KeymgmtError) return error
  if (error instanceof SyntaxError) return damaged(file, 'it is not valid JSON')
  const { code, name } = error as NodeJS.ErrnoException
  return new KeymgmtError(
    'SETTINGS_INVALID',
    `the settings file ${file} can't be used: ${code ?? name}`,
    { hints: ['check the permissions and the disk, then run the command again'], cause: error },
  )
}
