import { ListAliasesCommand } from '@aws-sdk/client-kms'
import { accountIn, type KmsAccount } from '../provider.js'
import { catchAwsError } from './errors.js'
import { ACCOUNT_LOOKUP_LIMIT } from './operations.js'
import { entriesOf, type Session } from './session.js'

/**
 * The account at the session's endpoint, from the ARN of any alias: AWS's own aliases are in every
 * Region. Undefined without an alias, or if the caller may not list them.
 */
export async function readAccount({ client }: Session): Promise<KmsAccount | undefined> {
  const listed = client.send(new ListAliasesCommand({ Limit: ACCOUNT_LOOKUP_LIMIT }))
  const reply = await catchAwsError(listed, 'AccessDeniedException')
  for (const { AliasArn } of entriesOf(reply?.Aliases)) {
    const account = typeof AliasArn === 'string' ? accountIn(AliasArn) : undefined
    if (account) return account
  }
  return undefined
}
