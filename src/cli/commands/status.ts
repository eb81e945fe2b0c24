import { randomUUID } from 'node:crypto'
import { distributionCounts } from '../../core/operations/status.js'
import { composeEngine } from '../engine.js'
import { loadFormat } from '../output/index.js'
import { printOptions } from '../verbs.js'
import { defineCommand } from './command.js'
import { FORMAT } from './flags.js'

/** `keymgmt status` */
export const status = defineCommand({
  name: 'status',
  summary: 'Say where the store is and what it holds',
  usage: '',
  description:
    'Says where the store is, how it is sealed, and in which states the distributed keys are. Opens nothing, and does not ask AWS.',
  examples: [{ does: 'Where the keyfile is, to keep a copy of it apart', line: 'keymgmt status' }],
  flags: { format: FORMAT },
  run: async ({ terminal, signal, format: name }) => {
    const { engine, home } = composeEngine(terminal, {
      signal,
      notice: (message) => {
        terminal.err(`${message}\n`)
      },
    })
    const seal = await home.seal()
    const data = {
      ...(await distributionCounts(engine)),
      seal: seal.kind,
      seal_keyfile: seal.keyfile ?? '',
      store: seal.path,
    }
    const format = await loadFormat(name)
    terminal.out(
      `${format.secret({ requestId: () => randomUUID(), data, warnings: [] }, printOptions(terminal))}\n`,
    )
    return 0
  },
})
