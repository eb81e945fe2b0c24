import { randomUUID } from 'node:crypto'
import { distributionCounts } from '../../core/operations/status.js'
import { composeEngine } from '../engine.js'
import { loadFormat, type FormatName } from '../output/index.js'
import { printOptions } from '../output/response.js'
import { KeymgmtCommand, type Context } from './command.js'
import { formatOption } from './flags.js'

/** `keymgmt status` */
export function defineStatus(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('status')
    .summary('Say where the store is and what it holds')
    .description(
      'Says where the store is, how it is sealed, and in which states the distributed keys are. Opens nothing, and does not ask AWS.',
    )
    .example('Where the keyfile is, to keep a copy of it apart', 'keymgmt status')
    .addOption(formatOption())
    .action(({ format }: { format: FormatName }) => printStatus(context, format))
}

async function printStatus({ terminal, signal }: Context, name: FormatName): Promise<number> {
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
}
