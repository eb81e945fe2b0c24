import type { Argument, Option } from 'commander'
import type { Example, KeymgmtCommand } from '../commands/command.js'
import { wrapEvenly } from '../output/warnings.js'

/** Columns of text without its indentation. A line has at most 80. */
const WIDTH = 72

/** Returns the help of one command, in Vault's layout. */
export function commandHelp(command: KeymgmtCommand): string {
  const { commands, examples, options } = command
  return [
    `Usage: ${command.fullName}${usage(command)}\n`,
    paragraph(command.description(), 2),
    ...examples.map(exampleHelp),
    ...(commands.length > 0 ? ['Commands:\n', rows(commandRows(command))] : []),
    ...(options.length > 0 ? ['Command Options:\n', ...options.map(flagHelp)] : []),
  ].join('\n')
}

/** Returns the usage after the name of a command, such as ` [options] PATH`. */
export function usage({ isGroup, options, registeredArguments }: KeymgmtCommand): string {
  const parts = [
    ...(isGroup ? ['<command>'] : []),
    ...(options.length > 0 ? ['[options]'] : []),
    ...registeredArguments.map(argumentForm),
  ]
  return parts.map((part) => ` ${part}`).join('')
}

function argumentForm(argument: Argument): string {
  const form = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? form : `[${form}]`
}

/** Returns the rows for the commands of a group, including those of its subgroups. */
function commandRows(group: KeymgmtCommand): readonly (readonly [string, string])[] {
  return group.commands
    .flatMap(({ runnable }) => runnable)
    .map((command) => [command.nameBelow(group), command.summary()])
}

/** Returns the row of a command in a list of commands. */
export function summaryRow(command: KeymgmtCommand): readonly [name: string, summary: string] {
  return [command.name(), command.summary()]
}

/** Formats names, with their meanings in a second column. */
export function rows(entries: readonly (readonly [name: string, summary: string])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length)) + 6
  return entries.map(([name, summary]) => `    ${name.padEnd(width)}${summary}\n`).join('')
}

/** Wraps text to lines of at most 80 columns, indented. */
export function paragraph(text: string, indent: number): string {
  return wrapEvenly(text, WIDTH + 6 - indent)
    .map((line) => `${' '.repeat(indent)}${line}\n`)
    .join('')
}

/** Formats an example: its purpose, and its line. Continues a long line as in a shell. */
export function exampleHelp({ does, line }: Example): string {
  const shown =
    line.length <= WIDTH - 2 ? line : wrapEvenly(line, WIDTH - 8).join(' \\\n            ')
  return `  ${does}:\n\n      $ ${shown}\n`
}

function flagHelp(option: Option): string {
  return `  ${flagForm(option)}\n${paragraph(flagUsage(option), 6)}`
}

/** Returns a flag in the form `-force` or `-format=<string>`. */
export function flagForm(option: Option): string {
  const [, value] = /<(\w+)/.exec(option.flags) ?? []
  return `-${option.name()}${value === undefined ? '' : `=<${value}>`}`
}

/** Returns the usage of a flag, with the sentences that Vault appends, in Vault's order. */
export function flagUsage(option: Option): string {
  const { description, short, envVar, defaultValueDescription } = option
  const preset: unknown = option.isBoolean()
    ? 'false'
    : (defaultValueDescription ?? option.defaultValue)
  return [
    description,
    ...(short === undefined ? [] : [`This is aliased as "${short}".`]),
    ...(typeof preset === 'string' ? [`The default is ${preset}.`] : []),
    ...(envVar === undefined
      ? []
      : [`This can also be specified via the ${envVar} environment variable.`]),
  ].join(' ')
}
