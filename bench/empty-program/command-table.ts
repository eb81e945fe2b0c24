import { programTable } from '../../test/support/program.js'

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

/** Returns every command of keymgmt with its arguments and options. */
export async function readCommandTable(): Promise<readonly CommandDeclaration[]> {
  const { commands } = await programTable()
  return commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    description: command.description(),
    args: command.registeredArguments.map((argument) => {
      const name = `${argument.name()}${argument.variadic ? '...' : ''}`
      return argument.required ? `<${name}>` : `[${name}]`
    }),
    options: command.options.map(({ flags, description, argChoices, defaultValue, envVar }) => ({
      flags,
      description,
      choices: argChoices,
      default: defaultValue as string | undefined,
      env: envVar,
    })),
  }))
}
