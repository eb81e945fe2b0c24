import type { KmsKey, KmsKeyRequest, KmsKind, KmsProvider } from '../provider.js'
import { proofFor } from './key-specs.js'
import type { RehearsedCall } from '../planned-call.js'

/**
 * What a KMS key costs in a month, in US dollars, in each Region; imported ones as any other. One
 * that is scheduled for deletion costs nothing, unless that is taken back.
 * @see https://aws.amazon.com/kms/pricing/
 */
const MONTHLY_COST: Readonly<Record<string, number>> = {
  CreateKey: 1,
  ReplicateKey: 1,
  CancelKeyDeletion: 1,
  ScheduleKeyDeletion: -1,
}

/**
 * AWS KMS as far as it can be had without changing anything there: what only asks is asked of
 * `kind`'s provider, and what would change something is written to `calls` and taken as done.
 */
export function rehearseAwsKms(kind: KmsKind, calls: RehearsedCall[]): KmsKind {
  return { ...kind, open: async (settings) => rehearse(await kind.open(settings), calls) }
}

function rehearse(provider: KmsProvider, calls: RehearsedCall[]): KmsProvider {
  const { region: home } = provider
  /** KMS keys that got material here: the provider can't be asked about it. */
  const filled = new Set<string>()
  const record = (
    region: string,
    kmsKey: string,
    operations: readonly string[],
    alias?: string,
  ) => {
    for (const operation of operations) {
      calls.push({
        operation,
        region,
        kmsKey,
        ...(alias && { alias }),
        monthlyCost: MONTHLY_COST[operation] ?? 0,
      })
    }
    return Promise.resolve()
  }
  const made = ({ description }: KmsKeyRequest): KmsKey => ({ id: `(${description})`, arn: '' })
  const fill = async (region: string, { id }: KmsKey) => {
    filled.add(`${region} ${id}`)
    await record(region, id, ['GetParametersForImport', 'ImportKeyMaterial'])
  }
  return {
    ...provider,
    create: async (request) => {
      await record(home, made(request).id, ['CreateKey'])
      return made(request)
    },
    replicate: async (key, toRegion) => {
      await record(home, key.id, ['ReplicateKey'])
      await record(toRegion, key.id, ['DescribeKey'])
      return key
    },
    importMaterial: async (region, key) => {
      await fill(region, key)
      return {}
    },
    accepts: async (region, key) => {
      await fill(region, key)
      return true
    },
    holds: async (region, key, type, material) => {
      if (!filled.has(`${region} ${key.id}`)) return provider.holds(region, key, type, material)
      const operation = proofFor(type)
      if (operation) await record(region, key.id, [operation])
      return operation && true
    },
    deleteMaterial: (region, { id }) => record(region, id, ['DeleteImportedKeyMaterial']),
    tag: (region, { id }) => record(region, id, ['TagResource']),
    pointAlias: (region, alias, { id }, { exists }) =>
      record(region, id, [exists ? 'UpdateAlias' : 'CreateAlias'], alias),
    removeAlias: (region, alias) => record(region, '', ['DeleteAlias'], alias),
    enable: (region, { id }) => record(region, id, ['EnableKey']),
    disable: (region, { id }) => record(region, id, ['DisableKey']),
    scheduleDeletion: async (region, { id }) => {
      await record(region, id, ['ScheduleKeyDeletion'])
      return undefined
    },
    cancelDeletion: (region, { id }) => record(region, id, ['CancelKeyDeletion']),
  }
}
