import type { KeymgmtCommand } from '../commands/command.js'
import { commandHelp } from './command-help.js'
import { programHelp } from './program-help.js'
import { TOPICS, topicHelp } from './topics.js'

/** Returns the help texts of `keymgmt help` by name, such as `write` or `operator snapshot`. */
export function subjects(program: KeymgmtCommand): ReadonlyMap<string, () => string> {
  return new Map([
    ...program.commands
      .flatMap(({ all }) => all)
      .map((command) => [command.nameBelow(program), () => commandHelp(command)] as const),
    ...TOPICS.map((topic) => [topic.name, () => topicHelp(topic)] as const),
  ])
}

/** Returns the help of a command or of the program. */
export function helpOn(command: KeymgmtCommand): string {
  return command.parent === null ? programHelp(command) : commandHelp(command)
}
