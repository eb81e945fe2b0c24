import { Argument } from 'commander'
import { loadFormat, type Format, type FormatName } from '../output/index.js'
import { printOptions } from '../output/response.js'
import {
  assertSettingName,
  effectiveSettings,
  knownSettings,
  saveSetting,
  SETTING_NAMES,
  type Effective,
} from '../settings.js'
import type { Terminal } from '../terminal.js'
import { KeymgmtCommand, type Context } from './command.js'
import { formatInForce, formatOption } from './flags.js'

/** `keymgmt config [NAME | NAME=VALUE]` */
export function defineConfig(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('config')
    .summary('List, print and change your settings')
    .description(
      'Lists every setting with its effective value and the source of that value. With NAME, prints that value. With NAME=VALUE, saves the setting; with NAME= and no value, removes it. The settings are store, format and keyfile. A flag takes precedence over the environment, and the environment over a setting.',
    )
    .example('List all settings', 'keymgmt config')
    .example('Print the folder of the store, for a script', 'keymgmt config store')
    .example('Use another store', 'keymgmt config store=/srv/keymgmt')
    .example('Return to the default store', 'keymgmt config store=')
    .completing({ words: () => Promise.resolve(SETTING_NAMES) })
    .addArgument(new Argument('[NAME | NAME=VALUE]'))
    .addOption(formatOption())
    .action((argument: string | undefined, _flags: object, command: KeymgmtCommand) =>
      configure(context, argument, formatInForce(command)),
    )
}

async function configure(
  context: Context,
  argument: string | undefined,
  formatName: Effective<FormatName>,
): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(formatName.value)
  if (argument?.includes('=')) return save(terminal, argument, format)
  if (argument === undefined) return list(terminal, knownSettings(context, formatName), format)
  assertSettingName(argument)
  const { value } = (argument === 'format' ? knownSettings : effectiveSettings)(
    context,
    formatName,
  )[argument]
  print(terminal, value, format)
  return 0
}

async function save(terminal: Terminal, argument: string, format: Format): Promise<number> {
  const at = argument.indexOf('=')
  const [name, value] = [argument.slice(0, at), argument.slice(at + 1)]
  assertSettingName(name)
  const file = await saveSetting(terminal, name, value)
  const done = value === '' ? `Removed ${name} from` : `Saved ${name} in`
  if (format.humanReadable) terminal.out(`Success! ${done} ${file}\n`)
  return 0
}

function list(
  terminal: Terminal,
  settings: Readonly<Record<string, Effective>>,
  format: Format,
): number {
  const entries = Object.entries(settings)
  if (format.humanReadable) {
    const rows = entries.map(([Name, { value, source }]) => ({
      Name,
      Value: value,
      Source: source,
    }))
    const response = { requestId: () => '', data: null, warnings: [], rows }
    terminal.out(`${format.secret(response, printOptions(terminal))}\n`)
  } else {
    print(
      terminal,
      Object.fromEntries(entries.map(([name, { value, source }]) => [name, { value, source }])),
      format,
    )
  }
  return 0
}

function print(terminal: Terminal, value: Parameters<Format['field']>[0], format: Format): void {
  terminal.out(`${format.field(value, printOptions(terminal)).trimEnd()}\n`)
}
