import { COMMANDS } from '../commands/index.js'
import { commandHelp } from './command-help.js'
import { TOPICS, topicHelp } from './topics.js'

/** Everything that there is help on, by name. */
export const SUBJECTS: Readonly<Record<string, () => string>> = Object.fromEntries([
  ...COMMANDS.map((command) => [command.name, () => commandHelp(command)] as const),
  ...TOPICS.map((topic) => [topic.name, () => topicHelp(topic)] as const),
])
