import { paginateListAliases, type AliasListEntry, type KMSClient } from '@aws-sdk/client-kms'

/** The aliases of a Region, except those that AWS reserves for its services. */
export async function ownAliases(client: KMSClient): Promise<AliasListEntry[]> {
  const found: AliasListEntry[] = []
  for await (const { Aliases = [] } of paginateListAliases({ client }, {}))
    found.push(...Aliases.filter(({ AliasName }) => !AliasName?.startsWith('alias/aws/')))
  return found
}
