import {
  CreateAliasCommand,
  DeleteAliasCommand,
  ListAliasesCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { KeymgmtError } from '../../errors.js'
import type { AliasOwner, KmsKey } from '../provider.js'
import { entriesOf, pages, unless, type Reach } from './session.js'

/**
 * Whether the alias exists is only what we last wrote down: CreateAlias and UpdateAlias each say
 * when it is not so.
 */
export async function pointAlias(
  reach: Reach,
  alias: string,
  key: KmsKey,
  { keys, exists }: AliasOwner,
): Promise<void> {
  const { region, client, call } = reach
  const input = { AliasName: alias, TargetKeyId: key.id }
  const at = (operation: string) => ({ operation, region, subject: alias })
  const update = () =>
    call(at('UpdateAlias'), (abortSignal) =>
      client.send(new UpdateAliasCommand(input), { abortSignal }),
    )
  const create = () =>
    call(
      at('CreateAlias'),
      (abortSignal) => client.send(new CreateAliasCommand(input), { abortSignal }),
      { fresh: true },
    )
  if (exists) {
    const gone = await unless('NotFoundException', update)
    if (!gone) return
  }
  const taken = await unless('AlreadyExistsException', create)
  if (!taken) return
  const target = (await aliasTargets(reach, new Set([alias]))).get(alias)
  if (target === key.id) return
  if (!exists && (target === undefined || !keys.has(target))) {
    throw new KeymgmtError(
      'KMS_FAILED',
      `${alias} in ${region} exists and names a KMS key that is not of this distribution`,
      {
        hints: ['remove or rename that alias, then run the same command again'],
      },
    )
  }
  await update()
}

export async function aliasTargets(
  { region, client, call }: Reach,
  names: ReadonlySet<string>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const context = { operation: 'ListAliases', region, subject: [...names].join(', ') }
  const ask = (from: object) =>
    call(context, (abortSignal) =>
      client.send(new ListAliasesCommand({ Limit: 100, ...from }), { abortSignal }),
    )
  for await (const page of pages('ListAliases', ask)) {
    for (const { AliasName = '', TargetKeyId } of entriesOf(page.Aliases))
      if (names.has(AliasName) && TargetKeyId) found.set(AliasName, TargetKeyId)
    if (found.size === names.size) break
  }
  return found
}

export async function removeAlias(
  { region, client, call }: Reach,
  AliasName: string,
): Promise<void> {
  const context = { operation: 'DeleteAlias', region, subject: AliasName }
  await unless('NotFoundException', () =>
    call(context, (abortSignal) =>
      client.send(new DeleteAliasCommand({ AliasName }), { abortSignal }),
    ),
  )
}
