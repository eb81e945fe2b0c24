import { ListAliasesCommand } from '@aws-sdk/client-kms'
import { KeymgmtError, type ErrorCode } from '../../errors.js'
import { accountIn, type KmsAccount, type KmsIdentity } from '../provider.js'
import { ACCOUNT_LOOKUP_LIMIT } from './operations.js'
import { entriesOf, type Session } from './session.js'

/**
 * Returns the account at the session's endpoint, from the ARN of any alias: every Region has AWS's
 * own aliases. If there is no alias, or the caller may not list aliases, asks STS. It does so only
 * if the endpoint is AWS's own, because STS does not know the accounts of another service.
 * Undefined if neither can be read.
 */
export async function readAccount(session: Session): Promise<KmsAccount | undefined> {
  const inAlias = await unlessFinal(aliasAccount(session))
  if (inAlias || !session.endpoint.isAws) return inAlias
  return unlessFinal(readIdentity(session).then(({ arn }) => accountIn(arn)))
}

async function aliasAccount({ client }: Session): Promise<KmsAccount | undefined> {
  const { Aliases } = await client.send(new ListAliasesCommand({ Limit: ACCOUNT_LOOKUP_LIMIT }))
  for (const { AliasArn } of entriesOf(Aliases)) {
    const account = typeof AliasArn === 'string' ? accountIn(AliasArn) : undefined
    if (account) return account
  }
  return undefined
}

/** Errors that end the command: no other request would succeed. */
const FINAL: readonly ErrorCode[] = [
  'INTERRUPTED',
  'KMS_TIMEOUT',
  'KMS_CREDENTIALS',
  'PROXY_FAILED',
]

async function unlessFinal<T>(account: Promise<T>): Promise<T | undefined> {
  return account.catch((error: unknown) => {
    if (error instanceof KeymgmtError && !FINAL.includes(error.code)) return undefined
    throw error
  })
}

/** Asks STS in the session's Region for the caller. */
export async function readIdentity({ sts }: Session): Promise<KmsIdentity> {
  const client = await sts()
  const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts')
  // The reply of a dry run is empty.
  const { Account: account = '', Arn: arn = '' } = await client.send(
    new GetCallerIdentityCommand({}),
  )
  return { account, partition: arn.split(':')[1] ?? '', arn }
}
