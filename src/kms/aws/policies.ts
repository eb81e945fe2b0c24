import { GetKeyPolicyCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms'
import type { KeyPolicy, KmsKey } from '../kms-key.js'
import { defaultPolicy } from './key-policy.js'
import { isSamePolicy } from './same-policy.js'
import { keyIdIn, type Session } from './session.js'

/** The only name of a key policy. AWS does not need it, but LocalStack does. */
const PolicyName = 'default'

/** Returns the input of a request that creates a KMS key with this key policy. */
export function policyInput(policy: KeyPolicy | undefined): {
  readonly Policy?: string
  readonly BypassPolicyLockoutSafetyCheck?: true
} {
  if (!policy || policy.document === '') return {}
  return {
    Policy: policy.document,
    ...(policy.allowLockout && { BypassPolicyLockoutSafetyCheck: true }),
  }
}

export async function hasPolicy(
  session: Session,
  key: KmsKey,
  { document }: KeyPolicy,
): Promise<boolean> {
  const command = new GetKeyPolicyCommand({ KeyId: keyIdIn(session, key), PolicyName })
  const { Policy = '' } = await session.client.send(command)
  return isSamePolicy(Policy, document || defaultPolicy(key.arn))
}

export async function putPolicy(session: Session, key: KmsKey, policy: KeyPolicy): Promise<void> {
  const input = { Policy: defaultPolicy(key.arn), ...policyInput(policy) }
  await session.client.send(
    new PutKeyPolicyCommand({ KeyId: keyIdIn(session, key), PolicyName, ...input }),
  )
}
