/** @see https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html */
const PER_SECOND: Readonly<Record<string, number>> = {
  GetParametersForImport: 1, ImportKeyMaterial: 15, DeleteImportedKeyMaterial: 15, CreateKey: 5, CreateAlias: 5,
  UpdateAlias: 5, DeleteAlias: 15, EnableKey: 5, DisableKey: 5, ScheduleKeyDeletion: 15, CancelKeyDeletion: 5,
  TagResource: 10, UntagResource: 5, ReplicateKey: 5, DescribeKey: 2000, GetPublicKey: 2000, ListResourceTags: 2000,
  ListAliases: 500, ListKeys: 500, ListKeyRotations: 100, GetKeyRotationStatus: 1000, GetKeyPolicy: 1000, PutKeyPolicy: 15,
  UpdateKeyDescription: 5,
}
const CRYPTOGRAPHIC = 1000

/** Whether a request of `operation` in `region` is within AWS's quota: a bucket of one second's worth for each. */
export function createQuotas(nowMs: () => number): (operation: string, region: string) => boolean {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return (operation, region) => {
    const rate = PER_SECOND[operation] ?? CRYPTOGRAPHIC
    const name = `${region}/${operation}`
    const now = nowMs()
    const { tokens, at } = buckets.get(name) ?? { tokens: rate, at: now }
    const left = Math.min(rate, tokens + ((now - at) / 1000) * rate)
    buckets.set(name, { tokens: left >= 1 ? left - 1 : left, at: now })
    return left >= 1
  }
}
