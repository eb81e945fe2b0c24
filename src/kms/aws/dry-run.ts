import { createPublicKey, randomBytes } from 'node:crypto'
import { KeymgmtError } from '../../errors.js'
import type { PlannedCall } from '../planned-call.js'
import type { AwsMiddleware, AwsRequest, AwsOutput } from './middleware.js'
import { factsOf, isAccountLookup, keyIdOf, textOf, type AwsOperation } from './operations.js'

/**
 * Replies to the requests that are not sent, where the command reads the reply. It reads nothing of
 * the others.
 */
const PLANNED: Readonly<Partial<Record<AwsOperation, (request: AwsRequest) => AwsOutput>>> = {
  CreateKey: describeNew,
  ReplicateKey: (request) => ({ ReplicaKeyMetadata: describeNew(request).KeyMetadata }),
  DescribeKey: describeNew,
  GetParametersForImport: () => ({ PublicKey: wrappingKey(), ImportToken: new Uint8Array(1) }),
  GenerateMac: showNothing,
  GetPublicKey: showNothing,
}

/**
 * Replaces the requests that would change AWS, and those about what they would have made: each is
 * added to `calls` and answered as if it had been sent. The others pass.
 */
export function planCalls(calls: PlannedCall[]): AwsMiddleware {
  const isPlanned = createPlan()
  return async (request, next) => {
    const { operation, region, input } = request
    // Without an account, nothing is compared: a rehearsal works without credentials.
    if (isAccountLookup(request)) return {}
    if (!isPlanned(request)) return next()
    const alias = textOf(input, 'AliasName')
    calls.push({
      operation,
      region,
      kmsKey: keyIn(request),
      ...(alias && { alias }),
      monthlyCost: factsOf(operation).monthlyCost ?? 0,
    })
    return PLANNED[operation]?.(request) ?? {}
  }
}

/** The id of the KMS key that a request is about; of one that it makes, its description. */
function keyIn({ operation, input }: AwsRequest): string {
  return operation === 'CreateKey'
    ? `(${textOf(input, 'Description')})`
    : keyIdOf(textOf(input, 'KeyId') || textOf(input, 'TargetKeyId'))
}

/** True for requests that are not sent; remembers what the ones so far would have made. */
function createPlan(): (request: AwsRequest) => boolean {
  const made = new Set<string>()
  const imported = new Set<string>()
  return (request) => {
    const { operation, region, input } = request
    const key = `${region} ${keyIn(request)}`
    if (operation === 'CreateKey') made.add(key)
    if (operation === 'ReplicateKey')
      made.add(`${textOf(input, 'ReplicaRegion')} ${keyIn(request)}`)
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

/** Material that was not imported can't be compared with ours: AWS's error for such a question. */
export function showNothing({ operation }: AwsRequest): never {
  throw new KeymgmtError('KMS_FAILED', `${operation} was not sent`, {
    awsError: 'DisabledException',
  })
}

/** A wrapping key whose private half nobody has: what is wrapped under it leaves nothing behind. */
function wrappingKey(): Uint8Array {
  const modulus = randomBytes(512)
  modulus[0] = 0xff
  modulus[511] = 0xff
  const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' }
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' })
}
