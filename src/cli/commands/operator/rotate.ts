import { composeEngine } from '../../engine.js'
import { loadFormat, type FormatName } from '../../output/index.js'
import { KeymgmtCommand, type Context } from '../command.js'
import { formatOption } from '../flags.js'

/** `keymgmt operator rotate` */
export function defineRotate(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('rotate')
    .summary('Give the store a new root key')
    .description(
      'Creates a new root key, which all seals of the store wrap, and seals each record under it. The seals stay the same: each of them must be available here. Other commands can use the store meanwhile. Run an interrupted rotation again to complete it. To rotate a key in AWS, use keymgmt write -f keymgmt/key/NAME/rotate instead.',
    )
    .example('Replace the root key after somebody has left', 'keymgmt operator rotate')
    .addOption(formatOption())
    .action(({ format }: { format: FormatName }) => rotate(context, format))
}

async function rotate(context: Context, formatName: FormatName): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(formatName)
  const { rotateRootKey } = await import('../../../store/rotate.js')
  const opened = composeEngine(context)
  const place = await opened.place()
  const { storeId, records, resealed } = await rotateRootKey({
    place,
    seals: opened.seals,
    progress: terminal.progress,
  })
  const { printResult } = await import('../../output/store-report.js')
  const data = { records, resealed, store: place.name, store_id: storeId }
  printResult(terminal, format, data, [])
  return 0
}
