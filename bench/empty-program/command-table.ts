import { COMMANDS } from '../../src/cli/commands/index.js'

/** A command as commander declares it. */
export interface CommandDeclaration {
  readonly name: string
  readonly summary: string
  readonly description: string
  /** In commander's notation, such as `<path>` or `[data...]`. */
  readonly args: readonly string[]
  readonly options: readonly OptionDeclaration[]
}

/** An option as commander declares it. */
export interface OptionDeclaration {
  /** In commander's notation, such as `-f, --force` or `--field <value>`. */
  readonly flags: string
  readonly description: string
  readonly choices?: readonly string[] | undefined
  readonly default?: string | undefined
  readonly env?: string | undefined
}

/**
 * Returns every command of keymgmt with its arguments and options. Nothing else in the bench reads
 * keymgmt's own table of commands.
 */
export function readCommandTable(): readonly CommandDeclaration[] {
  return COMMANDS.map(({ name, summary, description, usage, flags }) => ({
    name,
    summary,
    description,
    args: argumentsOf(usage),
    options: Object.entries(flags).map(([long, flag]) => ({
      flags: [
        flag.alias === undefined ? '' : `-${flag.alias}, `,
        `--${long}`,
        flag.kind === 'bool' ? '' : flag.many ? ' <value...>' : ' <value>',
      ].join(''),
      description: flag.usage,
      choices: flag.choices,
      default: flag.default,
      env: flag.environment?.[0],
    })),
  }))
}

/** `PATH [DATA K=V...]` becomes `<path>` and `[data...]`. */
function argumentsOf(usage: string): readonly string[] {
  return [...usage.matchAll(/\[[^\]]*\]|[A-Z]+/g)].map(([word]) => {
    const name = /[A-Z]+/.exec(word)?.[0].toLowerCase() ?? 'argument'
    if (!word.startsWith('[')) return `<${name}>`
    return word.endsWith('...]') ? `[${name}...]` : `[${name}]`
  })
}
