import { createPublicKey, randomBytes } from 'node:crypto'
import { KeymgmtError } from '../../errors.js'
import type { PlannedCall } from '../planned-call.js'
import type { AwsMiddleware, AwsRequest, AwsOutput } from './middleware.js'
import {
  factsOf,
  isAccountLookup,
  keyIdOf,
  newKeyName,
  textOf,
  type AwsOperation,
} from './operations.js'
import { Prices } from './prices.js'

/** Replies to requests that are not sent, for operations whose reply the command reads. */
const PLANNED: Readonly<Partial<Record<AwsOperation, (request: AwsRequest) => AwsOutput>>> = {
  CreateKey: describeNew,
  ReplicateKey: (request) => ({ ReplicaKeyMetadata: describeNew(request).KeyMetadata }),
  DescribeKey: describeNew,
  GetParametersForImport: () => ({ PublicKey: wrappingKey(), ImportToken: new Uint8Array(1) }),
  GenerateMac: showNothing,
  GetPublicKey: showNothing,
}

/**
 * Returns middleware that sends no request which would change AWS, and none about a KMS key or
 * alias that such a request would have created. Adds the changes to `calls`, and replies as AWS
 * would. Sends all other requests.
 */
export function planCalls(calls: PlannedCall[]): AwsMiddleware {
  const isPlanned = createPlan()
  const prices = new Prices()
  return async (request, next) => {
    const { operation, region, input } = request
    // Return no account, so that a rehearsal works without credentials.
    if (isAccountLookup(request)) return {}
    if (!isPlanned(request)) {
      const output = await next()
      prices.learn(request, output)
      return output
    }
    const alias = textOf(input, 'AliasName')
    calls.push({
      operation,
      region,
      kmsKey: keyIn(request),
      ...(alias && { alias }),
      monthlyCost: factsOf(operation).changesAws ? prices.of(request) : 0,
    })
    return PLANNED[operation]?.(request) ?? {}
  }
}

/** Returns the id of the request's KMS key or, if the request creates one, its key and version. */
function keyIn({ operation, input }: AwsRequest): string {
  return operation === 'CreateKey'
    ? `(${newKeyName(input)})`
    : keyIdOf(textOf(input, 'KeyId') || textOf(input, 'TargetKeyId'))
}

/**
 * Returns a test for requests that are not sent. It remembers what earlier requests would have
 * created.
 */
function createPlan(): (request: AwsRequest) => boolean {
  const made = new Set<string>()
  const imported = new Set<string>()
  return (request) => {
    const { operation, region, input } = request
    const key = `${region} ${keyIn(request)}`
    // A dry run can't predict AWS's replies about a KMS key that it would rotate.
    if (operation === 'CreateKey' || operation === 'RotateKeyOnDemand') made.add(key)
    if (operation === 'ReplicateKey')
      made.add(`${textOf(input, 'ReplicaRegion')} ${keyIn(request)}`)
    // It can't predict AWS's replies about the moved primary either.
    if (operation === 'UpdatePrimaryRegion')
      for (const each of [region, textOf(input, 'PrimaryRegion')])
        made.add(`${each} ${keyIn(request)}`)
    if (operation === 'ImportKeyMaterial') imported.add(key)
    return (
      factsOf(operation).changesAws === true ||
      made.has(key) ||
      (PLANNED[operation] === showNothing && imported.has(key))
    )
  }
}

function describeNew(request: AwsRequest): AwsOutput {
  const id = keyIn(request)
  return { KeyMetadata: { KeyId: id, Arn: id, KeyState: 'PendingImport' } }
}

/**
 * Throws AWS's error for a disabled KMS key: a dry run has imported nothing that could be compared.
 */
export function showNothing({ operation }: AwsRequest): never {
  throw new KeymgmtError('KMS_FAILED', `${operation} was not sent`, {
    awsError: 'DisabledException',
  })
}

/**
 * Returns a wrapping key whose private key is discarded, so that nobody can unwrap the material.
 */
function wrappingKey(): Uint8Array {
  const modulus = randomBytes(512)
  modulus[0] = 0xff
  modulus[511] = 0xff
  const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' }
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' })
}
