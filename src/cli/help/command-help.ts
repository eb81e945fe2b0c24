import type { Command, Example } from '../commands/command.js'
import type { FlagDefinition } from '../go-flags.js'
import { wrapEvenly } from '../output/warnings.js'

/** Columns of text after its indentation, so that a line has at most 80. */
const WIDTH = 72

/** The help of one command, in Vault's layout. */
export function commandHelp({ name, usage, description, examples, flags }: Command): string {
  const [options, details] = [
    Object.entries(flags),
    Object.entries(flags).map(([flag, definition]) => flagHelp(flag, definition)),
  ]
  return [
    `Usage: ${['keymgmt', name, ...(options.length > 0 ? ['[options]'] : []), ...(usage === '' ? [] : [usage])].join(' ')}\n`,
    paragraph(description, 2),
    ...examples.map(exampleHelp),
    ...(details.length > 0 ? ['Command Options:\n', ...details] : []),
  ].join('\n')
}

/** Text in lines of at most 80 columns, indented. */
export function paragraph(text: string, indent: number): string {
  return wrapEvenly(text, WIDTH + 6 - indent)
    .map((line) => `${' '.repeat(indent)}${line}\n`)
    .join('')
}

/** What an example does, and its line; a long one goes on as a shell reads it. */
export function exampleHelp({ does, line }: Example): string {
  const shown =
    line.length <= WIDTH - 2 ? line : wrapEvenly(line, WIDTH - 8).join(' \\\n            ')
  return `  ${does}:\n\n      $ ${shown}\n`
}

function flagHelp(name: string, definition: FlagDefinition): string {
  return `  ${flagForm(name, definition)}\n${paragraph(flagUsage(definition), 6)}`
}

/** `-force`, or `-format=<string>`. */
export function flagForm(name: string, { kind }: FlagDefinition): string {
  return `-${name}${kind === 'bool' ? '' : `=<${kind}>`}`
}

/** What a flag does, with what Vault appends, in its order. */
export function flagUsage({
  kind,
  usage,
  alias,
  default: preset,
  environment = [],
}: FlagDefinition): string {
  return [
    usage,
    ...(alias === undefined ? [] : [`This is aliased as "-${alias}".`]),
    ...(kind === 'bool' ? ['The default is false.'] : preset ? [`The default is ${preset}.`] : []),
    ...(environment.length === 0
      ? []
      : [`This can also be specified via the ${environment.join(' or ')} environment variable.`]),
  ].join(' ')
}
