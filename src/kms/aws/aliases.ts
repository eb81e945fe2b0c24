import {
  CreateAliasCommand,
  DeleteAliasCommand,
  paginateListAliases,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { KeymgmtError } from '../../errors.js'
import type { KmsKey } from '../kms-key.js'
import type { AliasOwner } from '../provider.js'
import { catchAwsError } from './errors.js'
import { boundedPages, entriesOf, type Session } from './session.js'

/**
 * The record of an alias may be outdated; the error of CreateAlias or UpdateAlias then shows it. If
 * the record says `unknown`, ask AWS first.
 */
export async function pointAlias(
  session: Session,
  alias: string,
  key: KmsKey,
  { keys, exists }: AliasOwner,
): Promise<void> {
  const { client } = session
  // Send the id, not the ARN: LocalStack would return the ARN as the id in ListAliases.
  const input = { AliasName: alias, TargetKeyId: key.id }
  const update = () => client.send(new UpdateAliasCommand(input))
  if (exists === 'unknown' && (await findTarget(session, alias)) === key.id) return
  if (exists === true && (await catchAwsError(update(), 'NotFoundException'))) return
  if (await catchAwsError(client.send(new CreateAliasCommand(input)), 'AlreadyExistsException'))
    return
  const target = (await aliasTargets(session, new Set([alias]))).get(alias)
  if (target === key.id) return
  if (exists !== true && (target === undefined || !keys.has(target)))
    throw takenAlias(session, alias)
  await update()
}

/**
 * Returns the id of the KMS key that the alias points to; undefined if there is none, or the caller
 * may not list aliases.
 */
async function findTarget(session: Session, alias: string): Promise<string | undefined> {
  const targets = aliasTargets(session, new Set([alias]))
  return (await catchAwsError(targets, 'AccessDeniedException'))?.get(alias)
}

function takenAlias({ region }: Session, alias: string): KeymgmtError {
  return new KeymgmtError(
    'KMS_FAILED',
    `${alias} in ${region} already exists, and points to a KMS key of somebody else`,
    {
      hints: [
        `if nobody needs it, delete it: aws kms delete-alias --region ${region} --alias-name ${alias}; then run the same command again`,
      ],
    },
  )
}

export async function aliasTargets(
  { client }: Session,
  names: ReadonlySet<string>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const pages = paginateListAliases({ client }, { Limit: 100 })
  for await (const page of boundedPages('ListAliases', pages)) {
    for (const { AliasName = '', TargetKeyId } of entriesOf(page.Aliases))
      if (names.has(AliasName) && TargetKeyId) found.set(AliasName, TargetKeyId)
    if (found.size === names.size) break
  }
  return found
}

export async function removeAlias({ client }: Session, AliasName: string): Promise<void> {
  await catchAwsError(client.send(new DeleteAliasCommand({ AliasName })), 'NotFoundException')
}
