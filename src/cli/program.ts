import { CommanderError } from 'commander'
import { defineProgram } from './commands/index.js'
import type { Context, Environment, KeymgmtCommand } from './commands/command.js'
import { asksForHelp, fromGoFlags } from './go-flags.js'
import { withArgumentHints } from './input/argument-hints.js'
import { printError } from './output/error.js'
import type { FormatName } from './output/index.js'
import { toRefusal } from './refusals.js'
import { effectiveFormat, readSettings } from './settings.js'
import { vaultCommandError } from './vault-commands.js'

/** Runs the command in the arguments. Returns the exit status. */
export async function runProgram(
  args: readonly string[],
  environment: Environment,
): Promise<number> {
  const context: Context = { ...environment, settings: {} }
  const { env, out } = context.terminal
  const program = (await defineProgram(context, args[0])).hook(
    'preAction',
    async (_program, action) => {
      context.command = withPath(line.command.fullName, action.args)
      // A damaged settings file must not block commands that do not depend on it.
      if (hasFormat(action)) context.settings = await readSettings(context.terminal)
      const { value, source } = effectiveFormat(formatFlag(program), env, context.settings)
      action.setOptionValueWithSource('format', value, source)
    },
  )
  const line = fromGoFlags(args, program)
  const { command, argv } = line
  try {
    if (env.COMP_LINE) {
      const { printCandidates } = await import('./completion/index.js')
      const all = await defineProgram(context)
      return await printCandidates(context, all, env.COMP_LINE, env.COMP_POINT)
    }
    if (asksForHelp(args)) {
      out((await import('./help/subjects.js')).helpOn(command))
      return 0
    }
    const vaultOnly = vaultCommandError(line)
    if (vaultOnly) throw vaultOnly
    await program.parseAsync(argv, { from: 'user' })
    return command.exitStatus
  } catch (error) {
    // Its hints name the other commands, too.
    const refusal =
      error instanceof CommanderError
        ? toRefusal(error, command, await defineProgram(context))
        : error
    return printError(
      context.terminal,
      withArgumentHints(refusal, args),
      undefined,
      errorFormat(program, context),
    )
  }
}

/** The name of a command and, if its first argument is a path, that path. */
function withPath(name: string, [path = '']: readonly string[]): string {
  return /^keymgmt(\/[\w.-]+)*$/.test(path) ? `${name} ${path}` : name
}

function hasFormat(command: { readonly options: KeymgmtCommand['options'] }): boolean {
  return command.options.some((option) => option.attributeName() === 'format')
}

/**
 * Returns the value of the flag `-format` alone, because commander also takes it from the
 * environment.
 */
function formatFlag(program: KeymgmtCommand): string | undefined {
  const { format } = program.opts<{ format?: string }>()
  return program.getOptionValueSource('format') === 'cli' ? format : undefined
}

/** Returns the format for an error: a table if the format itself is invalid. */
function errorFormat(program: KeymgmtCommand, { terminal, settings }: Context): FormatName {
  try {
    return effectiveFormat(formatFlag(program), terminal.env, settings).value
  } catch {
    return 'table'
  }
}
