import type { AwsOutput, AwsRequest } from './middleware.js'
import { factsOf, keyIdOf, textOf } from './operations.js'

/** AWS charges only for the first two rotations of a KMS key. */
const CHARGED_ROTATIONS = 2

/**
 * Adds up how the requests of a dry run change the monthly bill. A KMS key costs $1 a month in each
 * Region, and $1 more for each of its first two rotations: at most $3.
 * @see https://aws.amazon.com/kms/pricing/
 */
export class Prices {
  /** The rotations of a KMS key that AWS has listed or that are planned. */
  readonly #rotations = new Map<string, number>()
  /** The Regions with pending material. */
  readonly #pending = new Map<string, Set<string>>()

  /** Learns the rotations of a KMS key from AWS's reply. */
  learn({ operation, input }: AwsRequest, output: AwsOutput): void {
    if (operation !== 'ListKeyRotations' || !Array.isArray(output.Rotations)) return
    const rotated = (output.Rotations as readonly { readonly RotationDate?: unknown }[]).filter(
      ({ RotationDate }) => RotationDate !== undefined,
    )
    this.#rotations.set(keyIdOf(textOf(input, 'KeyId')), rotated.length)
  }

  /** Returns US dollars a month; negative if the request reduces the bill. */
  of({ operation, region, input }: AwsRequest): number {
    const key = keyIdOf(textOf(input, 'KeyId'))
    const rotations = this.#rotations.get(key) ?? 0
    if (operation === 'ImportKeyMaterial') {
      this.#pending.set(key, (this.#pending.get(key) ?? new Set()).add(region))
      return 0
    }
    if (operation === 'RotateKeyOnDemand') {
      const regions = this.#pending.get(key)?.size ?? 1
      this.#rotations.set(key, rotations + 1)
      this.#pending.delete(key)
      return rotations < CHARGED_ROTATIONS ? regions : 0
    }
    const ofKey = factsOf(operation).monthlyCost ?? 0
    return ofKey * (1 + Math.min(rotations, CHARGED_ROTATIONS))
  }
}
