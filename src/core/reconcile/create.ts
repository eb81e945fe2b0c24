import { randomUUID } from 'node:crypto'
import { KeymgmtError } from '../../errors.js'
import { OPERATION_TAG, type KmsKey } from '../../kms/provider.js'
import { copiesOf } from './plan.js'
import type { CopyRecord } from '../records/model.js'
import { dropCopy, keyRequest, kmsKeyOf, updateCopy, type Work } from './context.js'

/**
 * How often one command makes a KMS key anew after AWS did not answer and was found not to have
 * made it.
 */
const ATTEMPTS = 3

/**
 * Makes the KMS key of one version and writes it down. AWS has no idempotency token for it, so the
 * operation id is on record before the call, on the KMS key as a tag from its first moment, and
 * looked for before another one is made.
 */
export async function createPrimary(work: Work, version: number): Promise<void> {
  const { region } = work.provider
  for (let attempt = 1; ; attempt++) {
    const operation_id = await begin(work, version, region)
    try {
      const key = await work.provider.create(await keyRequest(work, version, operation_id))
      await updateCopy(work, version, region, (copy) => ({ ...copy, key }))
      return
    } catch (error) {
      if (!(error instanceof KeymgmtError) || error.code === 'INTERRUPTED') throw error
      if (error.code !== 'KMS_AMBIGUOUS') {
        // After a refusal there is no KMS key, and a later run need not look for one.
        await dropCopy(work, version, region)
        throw error
      }
      await findUnrecordedKmsKeys(work, (placed) => placed.version === version)
      if (work.handle.current.copies[version]?.[region]?.key) return
      if (attempt >= ATTEMPTS) throw error
    }
  }
}

/**
 * Makes the replica of one version in one Region and writes it down. It can be repeated: a replica
 * has its primary's id.
 */
export async function createReplica(work: Work, version: number, region: string): Promise<void> {
  const operation_id = await begin(work, version, region)
  const primary = kmsKeyOf(work, version, work.provider.region)
  const key = await work.provider.replicate(
    primary,
    region,
    await keyRequest(work, version, operation_id),
  )
  await updateCopy(work, version, region, (copy) => ({ ...copy, key }))
}

async function begin(work: Work, version: number, region: string): Promise<string> {
  const operation_id = randomUUID()
  const begun = work.engine.now().toISOString()
  await updateCopy(work, version, region, () => ({
    operation_id,
    begun,
    imported: false,
    enabled: true,
  }))
  return operation_id
}

/**
 * Looks for the KMS keys whose making was begun without an answer on record: those that are found
 * are written down, the others are forgotten.
 * @throws KeymgmtError KMS_ACCESS_DENIED when they can't be looked for, saying what may have been
 * left.
 */
export async function findUnrecordedKmsKeys(
  work: Work,
  among: (placed: { version: number }) => boolean = () => true,
): Promise<void> {
  const lost = copiesOf(work.handle.current).filter((placed) => !placed.copy.key && among(placed))
  for (const region of new Set(lost.map((placed) => placed.region))) {
    const here = lost.filter((placed) => placed.region === region)
    work.engine.progress(`looking in ${region} for KMS keys that AWS may have made without telling`)
    const found =
      region === work.provider.region
        ? await findPrimaries(work, here)
        : await findReplicas(work, region, here)
    for (const { version } of here) {
      const key = found.get(version)
      if (key) await updateCopy(work, version, region, (known) => ({ ...known, key }))
      else await dropCopy(work, version, region)
    }
  }
}

/** A copy whose KMS key may exist. */
interface Lost {
  readonly version: number
  readonly copy: CopyRecord
}

async function findReplicas(
  { provider, handle }: Work,
  region: string,
  lost: readonly Lost[],
): Promise<Map<number, KmsKey>> {
  const found = new Map<number, KmsKey>()
  for (const { version, copy } of lost) {
    const primary = handle.current.copies[version]?.[provider.region]?.key
    const replica = primary && (await provider.findReplica(primary, region, new Date(copy.begun)))
    if (replica) found.set(version, replica)
  }
  return found
}

async function findPrimaries(
  { provider }: Work,
  lost: readonly Lost[],
): Promise<Map<number, KmsKey>> {
  const versions = new Map(lost.map(({ version, copy }) => [copy.operation_id, version]))
  const latest =
    lost
      .map(({ copy }) => copy.begun)
      .sort()
      .at(-1) ?? ''
  const found = await provider
    .findByOperation(new Set(versions.keys()), new Date(latest))
    .catch((error: unknown) => {
      throw explainLost(error, provider.region, [...versions.keys()])
    })
  return new Map([...found].map(([operation, key]) => [versions.get(operation) ?? 0, key]))
}

function explainLost(error: unknown, region: string, operations: readonly string[]): unknown {
  if (!(error instanceof KeymgmtError) || error.code !== 'KMS_ACCESS_DENIED') return error
  return new KeymgmtError(
    'KMS_ACCESS_DENIED',
    `KMS keys that AWS may have made in ${region} can't be looked for: ${error.message}`,
    {
      hints: [
        'allow kms:ListKeys and kms:ListResourceTags, then run the same command again',
        `or look yourself for KMS keys with the tag ${OPERATION_TAG}=${operations.join(' or ')}`,
      ],
      requestId: error.requestId,
      cause: error,
    },
  )
}
