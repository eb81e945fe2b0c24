import { randomUUID, type KeyObject } from 'node:crypto'
import { AwsError, invalid, unsupported } from '../errors.js'
import { invalidUsage } from '../find.js'
import type { Context, Handler } from '../handler.js'
import type { Input } from '../input.js'
import { algorithmsOf } from '../key-specs.js'
import { openPrivateKey } from '../private-keys.js'
import { currentMaterial, type Key, type Material } from '../state.js'

/** The current material of a usable key. A key without its material is not usable. */
export function materialOf(key: Key): Material & { bytes: Buffer } {
  const material = currentMaterial(key)
  if (!material?.bytes)
    throw new AwsError('KMSInternalException', 'a usable key without material', 500)
  return { ...material, bytes: material.bytes }
}

/** The private key of a usable asymmetric key. */
export function privateKeyOf(key: Key): KeyObject {
  return openPrivateKey(materialOf(key).bytes)
}

/** @throws AwsError InvalidKeyUsageException if the key does not support the algorithm */
export function assertAlgorithm(key: Key, algorithm: string): void {
  if (!algorithmsOf(key).includes(algorithm))
    throw invalidUsage(`Algorithm ${algorithm} is incompatible with key spec ${key.keySpec}.`)
}

/** Records the use of keys for GetKeyLastUsage, except in a dry run. */
export function recordUse(context: Context, input: Input, ...keys: readonly Key[]): void {
  if (input.flag('DryRun') === true) return
  for (const key of keys)
    key.lastUsage = {
      operation: context.operation,
      at: context.account.now(),
      requestId: context.requestId,
      eventId: randomUUID(),
    }
}

/**
 * Ends a successful dry run as AWS does, with an error.
 * @throws AwsError DryRunOperationException
 */
export function assertNotDry(input: Input): void {
  if (input.flag('DryRun') === true) {
    throw new AwsError(
      'DryRunOperationException',
      'The request would have succeeded, but the DryRun option is set.',
    )
  }
}

/**
 * Adds the checks that all cryptographic operations share: attestation, grant tokens and dry runs.
 */
export function use(handler: Handler): Handler {
  return async (context, input) => {
    assertPlainAnswer(input)
    assertGrantTokens(context, input)
    const answer = await handler(context, input)
    assertNotDry(input)
    return answer
  }
}

function assertPlainAnswer(input: Input): void {
  if (input.has('Recipient'))
    throw unsupported('attestation documents are not supported by this KMS')
  if (input.texts('DryRunModifiers').length > 0 && input.flag('DryRun') !== true)
    throw invalid('DryRunModifiers are valid with DryRun only')
}

/** @throws AwsError InvalidGrantTokenException if a token is not one of a grant in this Region */
export function assertGrantTokens({ region }: Context, input: Input): void {
  const tokens = input.texts('GrantTokens')
  if (tokens.length === 0) return
  const known = new Set(
    [...region.keys.values()].flatMap(({ grants }) =>
      [...grants.values()].map(({ token }) => token),
    ),
  )
  if (tokens.some((token) => !known.has(token)))
    throw new AwsError('InvalidGrantTokenException', 'A grant token is not valid.')
}
