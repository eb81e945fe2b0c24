import { callerArn, rootArn, type Place } from '../arn.js'
import { AwsError, invalid, notFound } from '../errors.js'
import { openKey } from '../find.js'
import type { Context, Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { asList, matches, readStatements, type Statement } from '../policy-document.js'

const POLICY_NAME = 'default'

/** The default key policy, as in AWS: the account's IAM policies decide. */
export function defaultPolicy(region: Place): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: rootArn(region) },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  })
}

/**
 * Reads the key policy in a request; undefined if the request has none.
 * @throws AwsError LimitExceededException; MalformedPolicyDocumentException if it is not a key
 * policy, or locks the caller out
 */
export function readPolicy(
  { region, limits }: Context,
  input: Input,
  place: Place = region,
): string | undefined {
  const policy = input.text('Policy')
  if (policy === undefined) return undefined
  if (Buffer.byteLength(policy) > limits.policyBytes)
    throw new AwsError('LimitExceededException', 'The key policy is too long.')
  const statements = readKeyPolicy(policy)
  if (
    input.flag('BypassPolicyLockoutSafetyCheck') !== true &&
    (!statements.some((statement) => concernsPutKeyPolicy(statement, 'Allow', place)) ||
      statements.some((statement) => concernsPutKeyPolicy(statement, 'Deny', place)))
  ) {
    throw malformed('The new key policy will not allow you to update the key policy in the future.')
  }
  return policy
}

const malformed = (message: string) => new AwsError('MalformedPolicyDocumentException', message)

function readKeyPolicy(policy: string): readonly Statement[] {
  try {
    return readStatements(JSON.parse(policy), ['Principal', 'NotPrincipal'])
  } catch (cause) {
    throw malformed(`The policy is not a valid key policy: ${(cause as Error).message}`)
  }
}

/** True if this statement alone decides unconditionally about PutKeyPolicy by the caller. */
function concernsPutKeyPolicy(
  { Effect, Principal, Action, Condition }: Statement,
  effect: Statement['Effect'],
  place: Place,
): boolean {
  if (Effect !== effect || Condition !== undefined || Principal === undefined) return false
  const principals = typeof Principal === 'string' ? [Principal] : asList(Principal.AWS)
  const caller = [rootArn(place), callerArn(place), place.account, '*']
  return (
    principals.some((principal) => caller.includes(principal)) &&
    asList(Action).some((action) => matches(action, 'kms:PutKeyPolicy', 'i'))
  )
}

/** Key policies. They are validated and stored, but only the server's IAM policies grant access. */
export const keyPolicyHandlers: Handlers = {
  GetKeyPolicy: (context, input) => {
    const { policy } = openKey(context, input.required('KeyId'))
    if ((input.text('PolicyName') ?? POLICY_NAME) !== POLICY_NAME)
      throw notFound('No such policy exists')
    return { Policy: policy, PolicyName: POLICY_NAME }
  },
  PutKeyPolicy: (context, input) => {
    const key = openKey(context, input.required('KeyId'))
    const name = input.text('PolicyName') ?? POLICY_NAME
    if (name !== POLICY_NAME) throw invalid(`PolicyName ${name} can not be set`)
    key.policy = readPolicy(context, input) ?? key.policy
    return {}
  },
  ListKeyPolicies: (context, input) => {
    openKey(context, input.required('KeyId'))
    if (input.has('Marker'))
      throw new AwsError('InvalidMarkerException', 'The marker is not valid.')
    return { PolicyNames: [POLICY_NAME], Truncated: false }
  },
}
