import { randomUUID } from 'node:crypto'
import { readStatus } from '../../core/operations/status.js'
import { composeEngine } from '../engine.js'
import { describeCredentialsSource } from '../output/credentials-source.js'
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
  run: async ({ io, signal, format: name }) => {
    const { engine, home } = composeEngine(io, {
      signal,
      notice: (message) => {
        io.err(`${message}\n`)
      },
    })
    const seal = await home.seal()
    const { credentials, ...counts } = await readStatus(engine)
    const data = {
      ...counts,
      credentials: Object.fromEntries(
        Object.entries(credentials).map(([name, source]) => [
          name,
          describeCredentialsSource(source),
        ]),
      ),
      seal: seal.kind,
      seal_keyfile: seal.keyfile ?? '',
      store: seal.path,
    }
    const format = await loadFormat(name)
    io.out(
      `${format.secret({ requestId: () => randomUUID(), data, warnings: [] }, printOptions(io))}\n`,
    )
    return 0
  },
})
