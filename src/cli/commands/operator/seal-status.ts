import { KeymgmtError } from '../../../errors.js'
import type { SealAttempt } from '../../../store/seals/open.js'
import { composeEngine } from '../../engine.js'
import { loadFormat, type FormatName } from '../../output/index.js'
import { KeymgmtCommand, type Context } from '../command.js'
import { formatOption } from '../flags.js'
import { formatted } from './snapshot/print.js'

/** `keymgmt operator seal-status` */
export function defineSealStatus(context: Context): KeymgmtCommand {
  return new KeymgmtCommand('seal-status')
    .summary('Show which seals open the store here')
    .description(
      'Tries each seal of the store with the keyfile, the passphrase in the environment, the age identity or the AWS credentials of this machine. Never prompts. Shows the reason for each seal that does not open the store. Exits with 2 if no seal opens it.',
    )
    .example('See which seals open the store on this machine', 'keymgmt operator seal-status')
    .addOption(formatOption())
    .action(({ format }: { format: FormatName }) => sealStatus(context, format))
}

async function sealStatus(context: Context, formatName: FormatName): Promise<number> {
  const { terminal } = context
  const format = await loadFormat(formatName)
  const opened = composeEngine(context)
  const { path, keyfile = '' } = await opened.seal()
  const header = await opened.seals.header()
  if (!header) {
    const { missingStoreError } = await import('../../../store/operator-lock.js')
    throw missingStoreError(path)
  }
  const attempts = await opened.seals.probe(header)
  terminal.out(
    formatted(terminal, format, {
      data: {
        keyfile,
        seals: attempts.map((attempt) => ({
          seal: attempt.name,
          outcome: attempt.outcome,
          reason: attempt.error?.message ?? '',
          hints: [...(attempt.error?.hints ?? [])],
        })),
        store: path,
        store_id: header.store_id,
      },
      rows: attempts.map(rowOf),
    }),
  )
  const opens = attempts.some(({ outcome }) => outcome === 'opens')
  return opens ? 0 : new KeymgmtError('STORE_SEALED', '').exitStatus
}

const OUTCOMES: Readonly<Record<SealAttempt['outcome'], string>> = {
  opens: 'opens',
  fails: 'does not open',
  untried: 'not tried',
}

function rowOf({ name, outcome, error }: SealAttempt): Readonly<Record<string, string>> {
  return { Seal: name, Here: OUTCOMES[outcome], Reason: error?.message ?? '' }
}
