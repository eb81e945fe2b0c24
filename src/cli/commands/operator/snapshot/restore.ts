import { Option } from 'commander'
import { dirname, join, resolve } from 'node:path'
import type { Surplus } from '../../../../core/operations/snapshot-contents.js'
import type { Snapshot } from '../../../../core/operations/snapshot-file.js'
import { recordPath } from '../../../../core/records/model.js'
import { KeymgmtError } from '../../../../errors.js'
import type { OpenedEngine } from '../../../../open-engine.js'
import { isS3Url } from '../../../../store/s3/address.js'
import { composeEngine } from '../../../engine.js'
import { loadFormat, type Format, type FormatName } from '../../../output/index.js'
import type { Terminal } from '../../../terminal.js'
import { KeymgmtCommand, type Context } from '../../command.js'
import { forceOption, formatOption } from '../../flags.js'
import { countsData, formatted, surplusData, surplusRow } from './print.js'

interface RestoreFlags {
  readonly format: FormatName
  readonly check?: boolean
  readonly force?: boolean
}

/** `keymgmt operator snapshot restore FILE` */
export function defineRestore(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('restore')
    .summary('Bring the store to the state of a snapshot')
    .description(
      'Replaces the records of the store with the records of the snapshot. Lists the items that the store has and the snapshot lacks, and refuses to remove them without -force. Material always stays. An empty location takes the id and the seals of the store in the snapshot. Run an interrupted restore again: until it is done, every other command is refused. Afterwards, keymgmt asks AWS for newer versions.',
    )
    .example(
      'List what a restore would lose',
      'keymgmt operator snapshot restore -check backup.snapshot',
    )
    .example(
      'Restore to a new location',
      'KEYMGMT_KEYFILE=$KEYMGMT_HOME/keyfile KEYMGMT_HOME=$PWD/restored keymgmt operator snapshot restore backup.snapshot',
    )
    .argument('<FILE>')
    .addOption(
      new Option(
        '--check',
        'Only list the items that the store has and the snapshot lacks. Exit with 3 if the list is not empty.',
      ).conflicts('force'),
    )
    .addOption(
      forceOption(
        'Restore even if the store has items that the snapshot lacks. First saves a snapshot of the current store, and prints its name.',
      ),
    )
    .addOption(formatOption())
    .action((file: string, flags: RestoreFlags) => restore(context, file, flags))
}

/** The common input of the functions below. */
interface Restore {
  readonly terminal: Terminal
  readonly format: Format
  readonly opened: OpenedEngine
  readonly file: string
  readonly snapshot: Snapshot
}

async function restore(context: Context, file: string, flags: RestoreFlags): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(flags.format)
  const opened = composeEngine(context)
  const { readSnapshot } = await import('./file.js')
  const snapshot = await readSnapshot(terminal, opened, file)
  const run: Restore = { terminal, format, opened, file, snapshot }
  if (flags.check) return opened.seals.restoring(snapshot.seal, () => check(run))
  await opened.seals.restoring(snapshot.seal, (begin) => replace(run, flags.force ?? false, begin))
  return lookForNewer(run)
}

/** Prints the items that the snapshot lacks. Returns the exit status. */
async function check({ terminal, format, opened, snapshot }: Restore): Promise<number> {
  const { compareWithSnapshot } = await import('../../../../core/operations/snapshot-restore.js')
  const surplus = await compareWithSnapshot(opened.engine.store, snapshot)
  if (surplus.length > 0 || !format.humanReadable)
    terminal.out(
      formatted(terminal, format, {
        data: { not_in_snapshot: surplus.map(surplusData) },
        rows: surplus.map(surplusRow),
      }),
    )
  else terminal.out('The snapshot has everything that the store has.\n')
  return surplus.length === 0 ? 0 : new KeymgmtError('CHECK_FAILED', '').exitStatus
}

async function replace(
  { terminal, format, opened, file: snapshotFile, snapshot }: Restore,
  force: boolean,
  begin: () => Promise<void>,
): Promise<void> {
  const { compareWithSnapshot, restoreSnapshot, surplusError } =
    await import('../../../../core/operations/snapshot-restore.js')
  const { writeSnapshot } = await import('./file.js')
  const surplus = await compareWithSnapshot(opened.engine.store, snapshot)
  if (format.humanReadable) printSurplus(terminal, format, surplus)
  if (surplus.length > 0 && !force) throw surplusError(surplus)
  const { path } = await opened.seal()
  let saved = ''
  const { removed, changes } = await restoreSnapshot(opened.engine.store, snapshot, {
    force,
    begin,
    saveFirst: async (store) => {
      // A store on S3 has no folder: the file goes next to the snapshot.
      const folder = isS3Url(path) ? dirname(resolve(snapshotFile)) : path
      const file = join(folder, `before-restore-${stampOf(opened.engine.now())}.snapshot`)
      await writeSnapshot(terminal, opened, file, store)
      saved = file
      terminal.err(`Saved the current store in ${file}\n`)
    },
  })
  const { describeSnapshot } = await import('../../../../core/operations/snapshot-contents.js')
  const { created, store_id, keys, versions } = countsData(describeSnapshot(snapshot))
  terminal.out(
    formatted(terminal, format, {
      data: {
        changes,
        created,
        keys,
        saved_before: saved,
        store_id,
        versions,
        ...(!format.humanReadable && { not_in_snapshot: removed.map(surplusData) }),
      },
    }),
  )
}

/**
 * Records the KMS keys that AWS has and the snapshot lacks, and reports them. Returns the exit
 * status. The restore stays valid even if AWS can't be reached.
 */
async function lookForNewer({ terminal, opened, snapshot }: Restore): Promise<number> {
  const { describeSnapshot } = await import('../../../../core/operations/snapshot-contents.js')
  const { recordNewerVersions } = await import('../../../../core/operations/snapshot-newer.js')
  let status = 0
  for (const { name } of describeSnapshot(snapshot).keys) {
    try {
      for (const { provider, region, version, kmsKeyId } of await recordNewerVersions(
        opened.engine,
        name,
      ))
        terminal.err(
          `AWS has version ${version} of ${name} in ${provider} (${region}, KMS key ${kmsKeyId}), which the snapshot lacks. It is recorded; its material is not in this store.\n`,
        )
    } catch (error) {
      if (!(error instanceof KeymgmtError)) throw error
      status = error.exitStatus
      terminal.err(
        `The store is restored, but keymgmt could not find out if AWS has newer versions of ${name}: ${error.message}\n  hint: do not rotate ${name} before you run the restore again, with -force if necessary\n`,
      )
    }
  }
  await lookByTag({ terminal, opened })
  return status
}

/**
 * Looks by tag for KMS keys that no alias names, and records and reports them. The search needs
 * more permissions than keymgmt has by default, so a failed search is only reported.
 */
async function lookByTag({
  terminal,
  opened,
}: Pick<Restore, 'terminal' | 'opened'>): Promise<void> {
  const { engine } = opened
  const { recordTaggedVersions } = await import('../../../../core/operations/snapshot-newer.js')
  const reported = new Set<string>()
  const report = (subject: string, text: string) => {
    if (!reported.has(subject)) terminal.err(`${text}\n`)
    reported.add(subject)
  }
  for (const provider of await engine.store.list(recordPath.providers)) {
    const reportFailed = (error: unknown, where: string) => {
      if (!(error instanceof KeymgmtError)) throw error
      report(where, `Could not look by tag for KMS keys in ${where}: ${error.message}`)
    }
    const search = await recordTaggedVersions(engine, provider).catch((error: unknown) => {
      reportFailed(error, provider)
      return { orphans: [], unchecked: [] }
    })
    for (const { region, error } of search.unchecked) reportFailed(error, `${provider}, ${region}`)
    for (const { arn, key = '?', version = '?', nextStep } of search.orphans)
      report(
        arn,
        `No restored record names KMS key ${arn}, which has the tags of version ${version} of ${key}.${nextStep === undefined ? '' : ` Next step: ${nextStep}`}`,
      )
  }
}

function printSurplus(terminal: Terminal, format: Format, surplus: readonly Surplus[]): void {
  if (surplus.length === 0) return
  terminal.err(`${formatted(terminal, format, { data: {}, rows: surplus.map(surplusRow) })}\n`)
}

/** Returns a time in a form that every platform allows in a file name. */
function stampOf(time: Date): string {
  return time.toISOString().replace(/[:.]/g, '-')
}
