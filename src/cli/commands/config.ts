import { KeymgmtError } from '../../errors.js'
import { loadFormat, type Format } from '../output/index.js'
import {
  assertSettingName,
  effectiveSettings,
  saveSetting,
  SETTING_NAMES,
  type Effective,
} from '../settings.js'
import { printOptions } from '../verbs.js'
import { defineCommand, type Session } from './command.js'
import { FORMAT } from './flags.js'

/** `keymgmt config [NAME | NAME=VALUE]` */
export const config = defineCommand({
  name: 'config',
  summary: 'List, print and change your settings',
  usage: '[NAME | NAME=VALUE]',
  description:
    'Lists every setting with its effective value and the source of that value. With NAME, prints that value. With NAME=VALUE, saves the setting; with NAME= and no value, removes it. The settings are store, format and keyfile. A flag takes precedence over the environment, and the environment over a setting.',
  examples: [
    { does: 'All settings', line: 'keymgmt config' },
    { does: 'The folder of the store, for a script', line: 'keymgmt config store' },
    { does: 'Use another store', line: 'keymgmt config store=/srv/keymgmt' },
    { does: 'Return to the default store', line: 'keymgmt config store=' },
  ],
  flags: { format: FORMAT },
  first: { words: () => Promise.resolve(SETTING_NAMES) },
  run: async (session, args, flags) => {
    const [argument, ...rest] = args
    if (rest.length > 0)
      throw new KeymgmtError('USAGE', `Too many arguments (expected 1, got ${args.length})`, {
        hints: ['change one setting at a time'],
      })
    const format = await loadFormat(session.format)
    if (argument?.includes('=')) return save(session, argument, format)
    const settings = effectiveSettings(session.io, flags.format)
    if (argument === undefined) return list(session, settings, format)
    assertSettingName(argument)
    print(session, settings[argument].value, format)
    return 0
  },
})

async function save({ io }: Session, argument: string, format: Format): Promise<number> {
  const at = argument.indexOf('=')
  const [name, value] = [argument.slice(0, at), argument.slice(at + 1)]
  assertSettingName(name)
  const file = await saveSetting(io, name, value)
  const done = value === '' ? `Removed ${name} from` : `Saved ${name} in`
  if (format.speaks) io.out(`Success! ${done} ${file}\n`)
  return 0
}

function list(
  session: Session,
  settings: Readonly<Record<string, Effective>>,
  format: Format,
): number {
  if (format.speaks) {
    const rows = Object.entries(settings).map(([Name, { value, source }]) => ({
      Name,
      Value: value,
      Source: source,
    }))
    const response = { requestId: () => '', data: null, warnings: [], rows }
    session.io.out(`${format.secret(response, printOptions(session.io))}\n`)
  } else {
    const values = Object.entries(settings).map(([name, { value, source }]) => [
      name,
      { value, source },
    ])
    print(session, Object.fromEntries(values) as Record<string, Record<string, string>>, format)
  }
  return 0
}

function print({ io }: Session, value: Parameters<Format['field']>[0], format: Format): void {
  io.out(`${format.field(value, printOptions(io)).trimEnd()}\n`)
}
