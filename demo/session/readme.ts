import { normalise } from './normalise.js'
import { record } from './record.js'

/** A block of a page that shows commands with their output. */
const CONSOLE = /^```console\n([^]*?)^```$/gm

/** Command lines of a block: each begins with `$ `, and continues after a backslash. */
const COMMAND = /^\$ ((?:.*\\\n)*.*)$/gm

/** The command lines in all console blocks of a page, in order. */
export function consoleCommands(page: string): readonly string[] {
  return [...page.matchAll(CONSOLE)].flatMap(([, block = '']) =>
    [...block.matchAll(COMMAND)].map(([, line = '']) => line),
  )
}

/** Runs all console blocks of a page in one new store. Returns the page with their real output. */
export async function renewConsoles(page: string): Promise<string> {
  const recorded = [...(await record(consoleCommands(page)))]
  const renewed = page.replace(CONSOLE, (block) => {
    const session = recorded.splice(0, consoleCommands(block).length)
    const text = session.map(({ line, output }) =>
      [`$ ${line}`, ...output.map((each) => each.replace(/\u001b\[\d*m/g, '').trimEnd())].join(
        '\n',
      ),
    )
    return `\`\`\`console\n${text.join('\n\n')}\n\`\`\``
  })
  return normalise(renewed)
}
