import { defineProgram } from './commands/index.js'
import type { Context, KeymgmtCommand } from './commands/command.js'
import { asksForHelp, fromGoFlags } from './go-flags.js'
import { printError } from './output/error.js'
import { parseFormat, type FormatName } from './output/index.js'
import { toRefusal } from './refusals.js'

/** Runs the command that the arguments ask for; returns the exit status. */
export async function runProgram(args: readonly string[], context: Context): Promise<number> {
  const { env, out } = context.terminal
  const program = defineProgram(context).hook('preAction', (_program, action) => {
    action.setOptionValue('format', parseFormat(formatName(program, env)))
  })
  const { command, argv } = fromGoFlags(args, program)
  try {
    if (env.COMP_LINE) {
      const { printCandidates } = await import('./completion/index.js')
      return await printCandidates(context, program, env.COMP_LINE, env.COMP_POINT)
    }
    if (asksForHelp(args)) {
      out((await import('./help/subjects.js')).helpOn(command))
      return 0
    }
    await program.parseAsync(argv, { from: 'user' })
    return command.exitStatus
  } catch (error) {
    return printError(
      context.terminal,
      toRefusal(error, command),
      undefined,
      errorFormat(program, env),
    )
  }
}

type Env = Context['terminal']['env']

/** The flag comes first; then the variables. An empty one counts as unset. */
function formatName(program: KeymgmtCommand, env: Env): string {
  const { format } = program.opts<{ format?: string }>()
  return [format, env.KEYMGMT_FORMAT, env.VAULT_FORMAT].find(Boolean) ?? ''
}

/** The format of an error: the usual one where the format itself is refused. */
function errorFormat(program: KeymgmtCommand, env: Env): FormatName {
  try {
    return parseFormat(formatName(program, env))
  } catch {
    return 'table'
  }
}
