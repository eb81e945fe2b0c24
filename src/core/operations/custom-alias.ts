import { KeymgmtError } from '../../errors.js'
import { openProvider, type Engine } from '../engine.js'
import { archivedOf } from '../records/archive.js'
import type { DistributionRecord, KeyRecord, KmsRecord } from '../records/model.js'

/**
 * Refuses an alias that points to somebody else's KMS key in any Region of the distribution, before
 * the alias becomes part of the desired state. Without the permission to list aliases, the step
 * that points the alias refuses it.
 * @throws KeymgmtError FIELD_INVALID; errors of the KMS.
 */
export async function assertAliasFree(
  engine: Engine,
  provider: KmsRecord,
  key: KeyRecord,
  alias: string,
  existing: DistributionRecord | undefined,
): Promise<void> {
  const kms = await openProvider(engine, provider)
  const archived = await archivedOf(engine, key, provider.name)
  const own = new Set(
    [...(existing ? [existing] : []), ...archived.map(({ record }) => record)]
      .flatMap(({ kmsKeys }) => kmsKeys)
      .flatMap((entry) => (entry.state === 'creating' ? [] : [entry.key.id])),
  )
  for (const region of existing?.regions ?? [provider.keyCollection]) {
    const targets = await kms.aliasTargets(region, new Set([alias])).catch(ifDenied)
    const target = targets?.get(alias)
    if (target === undefined || own.has(target)) continue
    throw new KeymgmtError(
      'FIELD_INVALID',
      `field "custom_alias": ${alias} in ${region} points to KMS key ${target}, which does not belong to ${key.name} in ${provider.name}`,
      {
        hints: [
          `choose another name, or, if nobody needs the alias, delete it: aws kms delete-alias --region ${region} --alias-name ${alias}`,
        ],
      },
    )
  }
}

function ifDenied(error: unknown): undefined {
  if (error instanceof KeymgmtError && error.code === 'KMS_ACCESS_DENIED') return undefined
  throw error
}
