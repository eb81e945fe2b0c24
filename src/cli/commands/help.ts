import { KeymgmtError } from '../../errors.js'
import { didYouMean } from '../../router/suggest.js'
import { defineCommand } from './command.js'

/** `keymgmt help [COMMAND | TOPIC]` */
export const help = defineCommand({
  name: 'help',
  summary: 'Help on a command, or on a topic',
  usage: '[COMMAND | TOPIC]',
  description: 'Says what there is, what a command does, or all about a topic.',
  examples: [
    { does: 'What there is', line: 'keymgmt help' },
    { does: 'A command', line: 'keymgmt help write' },
    { does: 'A topic', line: 'keymgmt help credentials' },
  ],
  flags: {},
  first: { words: async () => Object.keys((await import('../help/subjects.js')).SUBJECTS) },
  run: async ({ terminal }, [subject]) => {
    const [{ programHelp }, { SUBJECTS }] = await Promise.all([
      import('../help/program-help.js'),
      import('../help/subjects.js'),
    ])
    terminal.out(subject === undefined ? programHelp() : helpOn(subject, SUBJECTS)())
    return 0
  },
})

function helpOn(subject: string, subjects: Readonly<Record<string, () => string>>): () => string {
  const found = Object.hasOwn(subjects, subject) ? subjects[subject] : undefined
  if (found) return found
  // With a value in it, it is not repeated.
  throw new KeymgmtError(
    'USAGE',
    subject.includes('=')
      ? 'there is no help on that'
      : `there is no help on ${JSON.stringify(subject)}`,
    {
      hints: [...didYouMean(subject, Object.keys(subjects)), 'see on what there is: keymgmt help'],
    },
  )
}
