import type { CommandError, Ran, World } from './world.js'

/** A command in a hint, unless the user has to fill in something. */
const COMMAND =
  /keymgmt ((?:write|read|delete|list) (?:-f )?keymgmt\/[\w/.-]+(?: [a-z_]+=[^\s;]+)*)/g

/**
 * Follows each hint of a failed command, as if it had been followed at once: it works, or leads to
 * a different message.
 */
export async function followHints(world: World, ran: Ran): Promise<string[]> {
  const { error, line } = ran
  if (!error) return []
  const problems: string[] = []
  for (const hint of error.hints)
    for (const command of hint.startsWith('run the same command again')
      ? [line]
      : commandsIn(hint)) {
      const next = await world.pretend(() =>
        world.run({ line: command, store: ran.store, as: ran.as }),
      )
      if (next.error && same(next.error, error))
        problems.push(`"${line}" failed: ${error.message}; its hint "${hint}" leads to the same`)
    }
  return problems
}

function commandsIn(hint: string): string[] {
  return [...hint.matchAll(COMMAND)]
    .map(([, command = '']) => command)
    .filter((command) => !/[A-Z@…]/.test(command.replaceAll(/key_id=\S+/g, '')))
}

function same(one: CommandError, other: CommandError): boolean {
  return one.code === other.code && cause(one) === cause(other)
}

/** The message without the path of the command, and without dates. */
function cause({ message }: CommandError): string {
  return message
    .replace(/^Error \w+( data)?( to)? \S+: /, '')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '')
}
