import { KeymgmtError, type ErrorCode } from '../../errors.js'
import type { KmsLastUse } from '../../kms/kms-key.js'
import { openProvider, type Engine } from '../engine.js'
import { isFinal } from '../reconcile/outcomes.js'
import type { CreatedKmsKey, KmsKeyPlace } from '../records/model.js'
import { requireProvider } from '../records/repository.js'

/** The last use of one KMS key. */
export interface KmsKeyUse extends KmsKeyPlace {
  /** Name of the provider. */
  readonly providerName: string
  /** Id of the KMS key. */
  readonly kmsKeyId: string
  /** The last use, or the reason why it is unknown. */
  readonly use: KmsLastUse | { readonly unknown: string }
}

/** Errors that are about one KMS key, and not about every request to its Region. */
const OF_ONE_KMS_KEY: readonly ErrorCode[] = ['KMS_ACCESS_DENIED', 'KMS_KEY_NOT_FOUND']

/**
 * Asks AWS for the last use of KMS keys. A failed request is not an error: the last use is then
 * unknown.
 * @throws KeymgmtError INTERRUPTED, KMS_TIMEOUT; errors of the store.
 */
export async function readLastUse(
  engine: Engine,
  providerName: string,
  entries: readonly CreatedKmsKey[],
): Promise<KmsKeyUse[]> {
  const provider = await openProvider(engine, await requireProvider(engine, providerName))
  const inRegion = async (region: string): Promise<KmsKeyUse[]> => {
    let unknown: string | undefined
    const ask = async ({ key }: CreatedKmsKey): Promise<KmsKeyUse['use']> => {
      if (unknown !== undefined) return { unknown }
      try {
        return await provider.lastUse(region, key)
      } catch (error) {
        if (!(error instanceof KeymgmtError) || isFinal(error)) throw error
        if (!OF_ONE_KMS_KEY.includes(error.code)) unknown = error.message
        return { unknown: error.message }
      }
    }
    const uses: KmsKeyUse[] = []
    for (const entry of entries.filter((each) => each.region === region)) {
      const { version, key } = entry
      uses.push({ version, region, providerName, kmsKeyId: key.id, use: await ask(entry) })
    }
    return uses
  }
  const regions = new Set(entries.map(({ region }) => region))
  return (await Promise.all([...regions].map(inRegion))).flat()
}
