import { Argument } from 'commander'
import { KeymgmtError } from '../../errors.js'
import { didYouMean } from '../../router/suggest.js'
import { KeymgmtCommand, type Context } from './command.js'

/** `keymgmt help [COMMAND | TOPIC...]` */
export function defineHelp({ terminal }: Context): KeymgmtCommand {
  const command = new KeymgmtCommand('help')
  const subjects = async () => (await import('../help/subjects.js')).subjects(programOf(command))
  return command
    .summary('Help on a command, or on a topic')
    .description('Says what there is, what a command does, or all about a topic.')
    .example('What there is', 'keymgmt help')
    .example('A command', 'keymgmt help write')
    .example('A command of a group', 'keymgmt help operator snapshot save')
    .example('A topic', 'keymgmt help credentials')
    .completing({
      words: async () => [...(await subjects()).keys()].filter((name) => !name.includes(' ')),
    })
    .addArgument(new Argument('[COMMAND | TOPIC...]'))
    .action(async (words: readonly string[]) => {
      terminal.out(
        words.length === 0
          ? (await import('../help/program-help.js')).programHelp(programOf(command))
          : helpOn(words.join(' '), await subjects()),
      )
      return 0
    })
}

/** The command that holds all others. */
function programOf(command: KeymgmtCommand): KeymgmtCommand {
  return command.parent === null ? command : programOf(command.parent)
}

function helpOn(subject: string, subjects: ReadonlyMap<string, () => string>): string {
  const help = subjects.get(subject)
  if (help) return help()
  // An argument with a value in it is not repeated.
  throw new KeymgmtError(
    'USAGE',
    subject.includes('=')
      ? 'there is no help on that'
      : `there is no help on ${JSON.stringify(subject)}`,
    {
      hints: [...didYouMean(subject, [...subjects.keys()]), 'see on what there is: keymgmt help'],
    },
  )
}
