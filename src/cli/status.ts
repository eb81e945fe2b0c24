import { randomUUID } from 'node:crypto'
import { distributionCounts } from '../core/status.js'
import { composeEngine } from './engine.js'
import { loadFormat, type FormatName } from './format/index.js'
import type { Session } from './program.js'

/** Prints where the store is, how it is sealed and what it holds; secrets stay where they are. */
export async function status({ io, signal }: Session, name: FormatName): Promise<number> {
  const { engine, home } = composeEngine(io, { signal, notice: (message) => { io.err(`${message}\n`) } })
  const seal = await home.seal()
  const data = { ...(await distributionCounts(engine)), seal: seal.kind, seal_keyfile: seal.keyfile ?? '', store: seal.path }
  const format = await loadFormat(name)
  io.out(`${format.secret({ requestId: randomUUID(), data, warnings: [] }, { escapeControls: io.stdoutIsTty })}\n`)
  return 0
}
