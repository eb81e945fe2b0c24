import { Argument } from 'commander'
import { KeymgmtError } from '../../errors.js'
import { didYouMean } from '../../router/suggest.js'
import { KeymgmtCommand, type Context } from './command.js'

/** `keymgmt help [COMMAND | TOPIC]` */
export function defineHelp({ terminal }: Context): KeymgmtCommand {
  const command = new KeymgmtCommand('help')
  const subjects = async () => (await import('../help/subjects.js')).subjects(programOf(command))
  return command
    .summary('Show help for a command or a topic')
    .description('Lists the commands and topics, or describes one of them.')
    .example('List the commands and topics', 'keymgmt help')
    .example('Describe a command', 'keymgmt help write')
    .example('Describe a topic', 'keymgmt help credentials')
    .completing({ words: async () => [...(await subjects()).keys()] })
    .addArgument(new Argument('[COMMAND | TOPIC]'))
    .action(async (subject: string | undefined) => {
      terminal.out(
        subject === undefined
          ? (await import('../help/program-help.js')).programHelp(programOf(command))
          : helpOn(subject, await subjects()),
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
