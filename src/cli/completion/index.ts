import { PATHS } from '../../paths/index.js'
import { createRouter } from '../../router/router.js'
import type { Session } from '../commands/command.js'
import { COMMANDS } from '../commands/index.js'
import { composeEngine } from '../engine.js'
import { complete } from './complete.js'

/**
 * Answers a shell that asks, by `COMP_LINE` and `COMP_POINT`, what a line could become: candidates,
 * one a line. Nothing is said of what goes wrong, and nobody is asked for a passphrase.
 */
export async function printCandidates(
  { terminal, signal }: Omit<Session, 'format'>,
  line: string,
  point: string | undefined,
): Promise<number> {
  const { engine } = composeEngine(
    { ...terminal, stdinIsTty: false, progress: () => undefined },
    { signal, timeoutMs: 0, notice: () => undefined },
  )
  const router = createRouter(PATHS)
  const list = async (path: string) => {
    try {
      const { data } = await router.resolve('list', path, null).run(engine)
      return data?.keys as readonly string[]
    } catch {
      return []
    }
  }
  const end = /^\d+$/.test(point ?? '') ? Number(point) : line.length
  for (const candidate of await complete(line.slice(0, end), {
    commands: COMMANDS,
    paths: PATHS,
    list,
  }))
    terminal.out(`${candidate}\n`)
  return 0
}
