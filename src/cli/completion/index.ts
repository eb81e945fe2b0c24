import { PATHS } from '../../paths/index.js'
import { createRouter } from '../../router/router.js'
import type { Context, KeymgmtCommand } from '../commands/command.js'
import { composeEngine } from '../engine.js'
import { readSettings } from '../settings.js'
import { complete } from './complete.js'

/**
 * Prints the completions of a shell's `COMP_LINE` up to `COMP_POINT`, one candidate per line.
 * Prints no errors, and asks for no passphrase. Returns the exit status.
 */
export async function printCandidates(
  { terminal, signal }: Context,
  program: KeymgmtCommand,
  line: string,
  point: string | undefined,
): Promise<number> {
  const router = createRouter(PATHS)
  const list = async (path: string) => {
    try {
      const settings = await readSettings(terminal)
      const quiet = { ...terminal, stdinIsTty: false, progress: () => undefined }
      const { engine } = composeEngine(
        { terminal: quiet, signal, settings },
        { timeoutMs: 0, notice: () => undefined },
      )
      const { data } = await router.resolve('list', path, null).run(engine)
      return data?.keys as readonly string[]
    } catch {
      return []
    }
  }
  const end = /^\d+$/.test(point ?? '') ? Number(point) : line.length
  for (const candidate of await complete(line.slice(0, end), {
    program,
    paths: PATHS,
    list,
  }))
    terminal.out(`${candidate}\n`)
  return 0
}
