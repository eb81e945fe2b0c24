import { throttled } from './errors.js'
import type { Family } from './key-specs.js'

/**
 * Requests per second, for each account and Region.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
 */
const PER_SECOND: Readonly<Record<string, number>> = {
  CancelKeyDeletion: 5,
  ConnectCustomKeyStore: 5,
  CreateAlias: 5,
  CreateCustomKeyStore: 5,
  CreateGrant: 50,
  CreateKey: 5,
  DeleteAlias: 15,
  DeleteCustomKeyStore: 5,
  DeleteImportedKeyMaterial: 15,
  DescribeCustomKeyStores: 5,
  DescribeKey: 2000,
  DisableKey: 5,
  DisableKeyRotation: 5,
  DisconnectCustomKeyStore: 5,
  EnableKey: 5,
  EnableKeyRotation: 15,
  GetKeyLastUsage: 5,
  GetKeyPolicy: 1000,
  GetKeyRotationStatus: 1000,
  GetParametersForImport: 1,
  GetPublicKey: 2000,
  ImportKeyMaterial: 15,
  ListAliases: 500,
  ListGrants: 100,
  ListKeyPolicies: 100,
  ListKeyRotations: 100,
  ListKeys: 500,
  ListResourceTags: 2000,
  ListRetirableGrants: 100,
  PutKeyPolicy: 15,
  ReplicateKey: 5,
  RetireGrant: 50,
  RevokeGrant: 50,
  RotateKeyOnDemand: 5,
  ScheduleKeyDeletion: 15,
  TagResource: 10,
  UntagResource: 5,
  UpdateAlias: 5,
  UpdateCustomKeyStore: 5,
  UpdateKeyDescription: 5,
  UpdatePrimaryRegion: 5,
}

/** Requests per second of GenerateDataKeyPair, by key pair spec. */
const PAIRS_PER_SECOND: Readonly<Record<string, number>> = {
  RSA_2048: 20,
  RSA_3072: 4,
  RSA_4096: 1,
}
const OTHER_PAIRS_PER_SECOND = 100

/** Requests per second that symmetric and HMAC keys share, in Regions with a quota of their own. */
const SYMMETRIC: Readonly<Record<string, number>> = {
  'us-east-2': 20_000,
  'ap-southeast-1': 20_000,
  'ap-southeast-2': 20_000,
  'ap-northeast-1': 20_000,
  'eu-central-1': 20_000,
  'eu-west-2': 20_000,
  'us-east-1': 100_000,
  'us-west-2': 100_000,
  'eu-west-1': 100_000,
}
const OTHER_SYMMETRIC = 10_000
const ASYMMETRIC = 1000

/** Counts requests. Each method throws ThrottlingException if a quota is exceeded. */
export interface Quotas {
  /** Counts `count` requests of a management operation. */
  request(operation: string, region: string, count?: number): void
  /** Counts one cryptographic operation with a key of this family. */
  use(family: Family, region: string): void
  pair(keyPairSpec: string, region: string): void
}

/** AWS's request quotas: a token bucket for each, with one second's requests. */
export function createQuotas(nowMs: () => number): Quotas {
  const buckets = new Map<string, { tokens: number; at: number }>()
  const take = (name: string, rate: number, count: number) => {
    const now = nowMs()
    const { tokens, at } = buckets.get(name) ?? { tokens: rate, at: now }
    const left = Math.min(rate, tokens + ((now - at) / 1000) * rate)
    buckets.set(name, { tokens: left >= count ? left - count : left, at: now })
    if (left < count) throw throttled()
  }
  return {
    request(operation, region, count = 1) {
      const rate = PER_SECOND[operation]
      if (rate !== undefined) take(`${region}/${operation}`, rate, count)
    },
    use(family, region) {
      if (family === 'rsa' || family === 'ecc') take(`${region}/${family}`, ASYMMETRIC, 1)
      else take(`${region}/symmetric`, SYMMETRIC[region] ?? OTHER_SYMMETRIC, 1)
    },
    pair(keyPairSpec, region) {
      take(
        `${region}/pair/${keyPairSpec}`,
        PAIRS_PER_SECOND[keyPairSpec] ?? OTHER_PAIRS_PER_SECOND,
        1,
      )
    },
  }
}

/** No request quotas. */
export const UNLIMITED: Quotas = {
  request: () => undefined,
  use: () => undefined,
  pair: () => undefined,
}

/** Maximum numbers of resources, which always apply. */
export interface Limits {
  /** Per account and Region. */
  readonly keys: number
  /** Aliases of one KMS key. */
  readonly aliasesPerKey: number
  /** Grants of one KMS key. */
  readonly grantsPerKey: number
  /** Rotations of one KMS key. */
  readonly rotationsPerKey: number
  /** Size of a key policy, in bytes. */
  readonly policyBytes: number
}

/**
 * AWS's default limits.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
 */
export const AWS_LIMITS: Limits = {
  keys: 100_000,
  aliasesPerKey: 50,
  grantsPerKey: 50_000,
  rotationsPerKey: 25,
  policyBytes: 32_768,
}
