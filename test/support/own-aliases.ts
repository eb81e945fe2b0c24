import { paginateListAliases, type AliasListEntry, type KMSClient } from '@aws-sdk/client-kms'

/** The aliases of a Region without those that AWS reserves for its own services. */
export async function ownAliases(client: KMSClient): Promise<AliasListEntry[]> {
  const found: AliasListEntry[] = []
  for await (const { Aliases = [] } of paginateListAliases({ client }, {}))
    found.push(...Aliases.filter(({ AliasName }) => !AliasName?.startsWith('alias/aws/')))
  return found
}
