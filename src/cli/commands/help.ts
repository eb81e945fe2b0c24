import { Argument } from 'commander'
import { KeymgmtError } from '../../errors.js'
import { quotePlain } from '../../router/quote.js'
import { didYouMean } from '../../suggest.js'
import { KeymgmtCommand, type Context } from './command.js'

/** `keymgmt help [COMMAND | TOPIC...]` */
export function defineHelp(context: Context): KeymgmtCommand {
  const { terminal } = context
  // The program that runs has only this command.
  const wholeProgram = async () => (await import('./index.js')).defineProgram(context)
  const subjects = async () => (await import('../help/subjects.js')).subjects(await wholeProgram())
  return new KeymgmtCommand('help')
    .summary('Show help for a command or a topic')
    .description('Lists the commands and topics, or describes one of them.')
    .example('List the commands and topics', 'keymgmt help')
    .example('Describe a command', 'keymgmt help write')
    .example('Describe a command of a group', 'keymgmt help operator snapshot save')
    .example('Describe a topic', 'keymgmt help credentials')
    .completing({
      words: async () => [...(await subjects()).keys()].filter((name) => !name.includes(' ')),
    })
    .addArgument(new Argument('[COMMAND | TOPIC...]'))
    .action(async (words: readonly string[]) => {
      terminal.out(
        words.length === 0
          ? (await import('../help/program-help.js')).programHelp(await wholeProgram())
          : helpOn(words.join(' '), await subjects()),
      )
      return 0
    })
}

function helpOn(subject: string, subjects: ReadonlyMap<string, () => string>): string {
  const help = subjects.get(subject)
  if (help) return help()
  throw new KeymgmtError('USAGE', `no help exists for ${quotePlain(subject)}`, {
    hints: [
      ...didYouMean(subject, [...subjects.keys()]),
      'to list the commands and topics: keymgmt help',
    ],
  })
}
