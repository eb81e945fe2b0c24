import { AwsError, throttled } from './errors.js'
import type { FaultKind } from './faults.js'
import type { Context, Handler } from './handler.js'
import { aliasHandlers } from './handlers/aliases.js'
import { customKeyStoreHandlers } from './handlers/custom-key-stores.js'
import { deletionHandlers } from './handlers/deletion.js'
import { encryptionHandlers } from './handlers/encryption.js'
import { grantHandlers } from './handlers/grants.js'
import { importHandlers } from './handlers/import.js'
import { keyPolicyHandlers } from './handlers/key-policies.js'
import { keyHandlers } from './handlers/keys.js'
import { replicaHandlers } from './handlers/replicas.js'
import { rotationHandlers } from './handlers/rotation.js'
import { signingHandlers } from './handlers/signing.js'
import { tagHandlers } from './handlers/tags.js'
import { readInput, type Input } from './input.js'
import { OPERATIONS, type Operation } from './model/operations.js'
import { validate } from './model/validate.js'
import { callerArn, type Place } from './arn.js'
import type { IamPolicy } from './policy.js'
import { conditionValues } from './policy-values.js'
import type { Limits, Quotas } from './quotas.js'
import type { Account } from './account.js'

const HANDLERS: ReadonlyMap<string, Handler> = new Map(
  Object.entries({
    ...keyHandlers,
    ...importHandlers,
    ...aliasHandlers,
    ...encryptionHandlers,
    ...signingHandlers,
    ...replicaHandlers,
    ...deletionHandlers,
    ...rotationHandlers,
    ...tagHandlers,
    ...keyPolicyHandlers,
    ...grantHandlers,
    ...customKeyStoreHandlers,
  }),
)

/** The state and settings that requests are carried out with. */
export interface Service {
  readonly account: Account
  readonly quotas: Quotas
  readonly limits: Limits
  /** Duration of the states `Creating` and `Updating`, and of a rotation, in milliseconds. */
  readonly transitionMs: number
  /** By access key id. An id without a policy may do everything. */
  readonly policies: ReadonlyMap<string, IamPolicy>
  readonly faultOf: (operation: string) => FaultKind | undefined
}

/** A request with a verified signature. */
export interface Call {
  readonly operation: string
  readonly region: string
  readonly accessKeyId: string
  readonly requestId: string
  readonly body: Buffer
}

const INTERNAL =
  'The request was rejected because an internal exception occurred. The request can be retried.'

/** Errors of the faults that prevent a request. The other faults take effect after it. */
const PREVENTING: Readonly<Partial<Record<FaultKind, (call: Call, region: Place) => AwsError>>> = {
  denied: ({ operation }, region) =>
    new AwsError(
      'AccessDeniedException',
      `User: ${callerArn(region)} is not authorized to perform: kms:${operation} because no identity-based policy allows the kms:${operation} action`,
    ),
  throttle: () => throttled(),
  error: () => new AwsError('KMSInternalException', INTERNAL, 500),
  limit: () =>
    new AwsError(
      'LimitExceededException',
      'The request was rejected because a quota was exceeded.',
    ),
  'expired-token': () =>
    new AwsError('ExpiredTokenException', 'The security token included in the request is expired'),
}

/**
 * Carries out a request. Returns the reply, or 'dropped' if a fault loses it.
 * @throws AwsError
 */
export async function perform(service: Service, call: Call): Promise<object | 'dropped'> {
  const { operation, region } = call
  const handler = HANDLERS.get(operation)
  if (!handler || !isOperation(operation))
    throw new AwsError('UnknownOperationException', `${operation} is not an operation of this KMS`)
  service.quotas.request(operation, region)
  const fault = service.faultOf(operation)
  const prevented = fault && PREVENTING[fault]
  if (prevented) throw prevented(call, { account: service.account.id, name: region })
  if (fault === 'drop-before') return 'dropped'
  const body = parse(call.body)
  validate(OPERATIONS[operation], body)
  const input = readInput(body)
  const answer = await handler(contextOf(service, call, operation, input), input)
  if (fault === 'error-after') throw new AwsError('KMSInternalException', INTERNAL, 500)
  return fault === 'drop' ? 'dropped' : answer
}

function isOperation(name: string): name is Operation {
  return Object.hasOwn(OPERATIONS, name)
}

function contextOf(
  { account, quotas, limits, transitionMs, policies }: Service,
  call: Call,
  operation: Operation,
  input: Input,
): Context {
  const region = account.region(call.region)
  const policy = policies.get(call.accessKeyId)
  return {
    account,
    region,
    operation,
    quotas,
    limits,
    transitionMs,
    requestId: call.requestId,
    authorize(wanted) {
      const action = wanted.action ?? operation
      policy?.assertAllows({
        action: action.includes(':') ? action : `kms:${action}`,
        resource: wanted.resource ?? wanted.key?.arn ?? '*',
        region,
        values: conditionValues(account.now(), operation, region, input, wanted),
      })
    },
  }
}

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body.toString() || '{}')
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>
  } catch {
    // Refused below, like a body that is not an object.
  }
  throw new AwsError('SerializationException', 'the body is not a JSON object')
}
