import type { AccessKeyId } from './aws.js'
import { LINES } from './steps.js'
import type { CommandError, Ran, World } from './world.js'

/** A command in a hint, unless the user has to fill in something. */
const COMMAND =
  /keymgmt ((?:write|read|delete|list) (?:-f )?keymgmt\/[\w/.-]+(?: [a-z_]+=[^\s;]+)*)/g

/**
 * Follows each hint of a failed command, as if it had been followed at once: it works, or leads to
 * a different message.
 */
export async function followHints(world: World, ran: Ran): Promise<string[]> {
  const { error, line, store, as } = ran
  if (!error) return []
  // The first hint of this error says to use the credentials of the other account.
  const right = error.code === 'KMS_ACCOUNT_DIFFERS' ? otherAccount(as) : as
  const problems: string[] = []
  for (const hint of error.hints)
    for (const command of commandsIn(hint, line)) {
      if (isRepetition(command, ran)) continue
      const next = await world.pretend(() => world.run({ line: command, store, as: right }))
      if (next.error && same(next.error, error))
        problems.push(`"${line}" failed: ${error.message}; its hint "${hint}" leads to the same`)
    }
  return problems
}

function otherAccount(as: AccessKeyId): AccessKeyId {
  return as === 'AKIAEXAMPLE000000001' ? 'AKIAEXAMPLE000000002' : 'AKIAEXAMPLE000000001'
}

function commandsIn(hint: string, line: string): string[] {
  if (hint.startsWith('run the same command again')) return [line]
  return [...hint.matchAll(COMMAND)]
    .map(([, command = '']) => command)
    .filter((command) => !/[A-Z@…]/.test(command.replaceAll(/key_id=\S+/g, '')))
}

function same(one: CommandError, other: CommandError): boolean {
  return one.code === other.code && cause(one) === cause(other)
}

/** The failed command itself, after other hints, is for the time when those were followed. */
function isRepetition(command: string, { line, error }: Ran): boolean {
  const isSame = command === line || (line === LINES.rotateDue && command.endsWith('/rotate'))
  return isSame && (error?.hints.length ?? 0) > 1
}

/** The message without the path of the command, and without dates. */
function cause({ message }: CommandError): string {
  return message
    .replace(/^Error \w+( data)?( to)? \S+: /, '')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '')
}
