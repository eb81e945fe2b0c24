import { KeymgmtError } from '../../../errors.js'
import type { SealName } from '../../../store/seals/index.js'
import type { Rekeyed } from '../../../store/seals/rekey.js'
import { composeEngine } from '../../engine.js'
import { loadFormat, type FormatName } from '../../output/index.js'
import { KeymgmtCommand, type Context } from '../command.js'
import { formatOption } from '../flags.js'
import { sealOption } from './seals.js'

interface RekeyFlags {
  readonly format: FormatName
  readonly add?: readonly SealName[]
  readonly remove?: readonly SealName[]
}

/** `keymgmt operator rekey` */
export function defineRekey(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('rekey')
    .summary('Add seals to the store, and remove seals from it')
    .description(
      'Wraps the root key of the store with further seals, and removes seals, in one write of the header. A new seal must open the root key once before the store relies on it. Refuses to remove the last seal, or the last one that opens the store here. To replace a passphrase, add and remove it in one command. Run an interrupted command again. Removing a seal does not change the root key: somebody who has opened the store before may have kept it.',
    )
    .example(
      'Let a passphrase open the store, too',
      'KEYMGMT_PASSPHRASE_FILE=passphrase keymgmt operator rekey -add=passphrase',
    )
    .addOption(sealOption('add', 'A seal to add.'))
    .addOption(formatOption())
    .addOption(sealOption('remove', 'A seal to remove.'))
    .action((flags: RekeyFlags) => runRekey(context, flags))
}

async function runRekey(context: Context, flags: RekeyFlags): Promise<number> {
  const { add = [], remove = [] } = flags
  if (add.length + remove.length === 0)
    throw new KeymgmtError('USAGE', 'neither -add nor -remove is given', {
      hints: ['name a seal to add or to remove; to see the seals: keymgmt operator seal-status'],
    })
  const format = await loadFormat(flags.format)
  const opened = composeEngine(context)
  const { rekey } = await import('../../../store/seals/rekey.js')
  const rekeyed = await rekey(await opened.place(), opened.seals, { add, remove })
  const { path, keyfile = '' } = await opened.seal()
  const data = {
    added: [...rekeyed.added],
    keyfile,
    removed: [...rekeyed.removed],
    seals: [...rekeyed.seals],
    store: path,
  }
  const { printResult } = await import('../../output/store-report.js')
  printResult(context.terminal, format, data, warningsOf(rekeyed))
  return 0
}

function warningsOf({ added, removed, unproven }: Rekeyed): string[] {
  return [
    ...(added.length + removed.length === 0
      ? ['Nothing was changed: the store already has the seals to add, and has no seal to remove.']
      : []),
    ...unproven.map(
      (name) =>
        `Nothing here opens ${name}, so keymgmt could not prove that it opens the store. Try it: keymgmt operator seal-status`,
    ),
    ...(removed.length > 0
      ? [
          'The root key is still the same. Somebody who has opened the store with a removed seal may have kept it, and an earlier copy of the header still has the seal. To replace the root key: keymgmt operator rotate',
        ]
      : []),
  ]
}
