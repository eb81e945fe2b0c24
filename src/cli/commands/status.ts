import { randomUUID } from 'node:crypto'
import { distributionCounts } from '../../core/operations/status.js'
import { composeEngine } from '../engine.js'
import { loadFormat } from '../output/index.js'
import { effectiveSettings } from '../settings.js'
import { printOptions } from '../verbs.js'
import { defineCommand } from './command.js'
import { FORMAT } from './flags.js'

/** `keymgmt status` */
export const status = defineCommand({
  name: 'status',
  summary: 'Say where the store is and what it holds',
  usage: '',
  description:
    'Says where the store is, how it is sealed, and in which states the distributed keys are; and which settings are in force, with their sources. Opens nothing, and does not ask AWS.',
  examples: [{ does: 'Where the keyfile is, to keep a copy of it apart', line: 'keymgmt status' }],
  flags: { format: FORMAT },
  run: async ({ io, signal, format: name }, _args, flags) => {
    const settings = effectiveSettings(io, flags.format)
    const opened = composeEngine(io, {
      signal,
      notice: (message) => {
        io.err(`${message}\n`)
      },
    })
    const seal = await opened.seal()
    const data = {
      ...(await distributionCounts(opened.engine)),
      format: settings.format.value,
      format_source: settings.format.source,
      keyfile: settings.keyfile.value,
      keyfile_source: settings.keyfile.source,
      seal: seal.kind,
      seal_keyfile: seal.keyfile ?? '',
      store: seal.path,
      store_source: settings.store.source,
    }
    const format = await loadFormat(name)
    io.out(
      `${format.secret({ requestId: () => randomUUID(), data, warnings: [] }, printOptions(io))}\n`,
    )
    return 0
  },
})
