import { describe, expect, it } from '@jest/globals'
import { NotSentError, readFailure } from '../../../src/aws/failure.js'
import { lookupHint } from '../../../src/aws/hints.js'
import { translate } from '../../../src/kms/aws/errors.js'
import type { RequestPlace } from '../../../src/kms/aws/advice.js'
import type { AwsOperation } from '../../../src/kms/aws/operations.js'

const PLACE = { provider: 'k', host: 'kms.us-west-1.amazonaws.com' }

interface Options {
  readonly operation?: AwsOperation
  readonly region?: string
  readonly status?: number
  readonly place?: RequestPlace
}

/** The error for a reply of AWS of that name and message. */
function errorFor(
  name: string,
  message: string,
  { operation = 'EnableKey', region = 'us-west-1', status = 400, place = PLACE }: Options = {},
) {
  const reply = Object.assign(new Error(message), {
    name,
    $metadata: { httpStatusCode: status, requestId: 'r-1' },
  })
  return translate(readFailure(reply), { operation, region, input: { KeyId: 'x' } }, place)
}

const NO_POLICY =
  'User: arn:aws:iam::1:user/u is not authorized to perform: kms:CreateKey because no'
const DENY =
  'User: arn:aws:iam::1:user/u is not authorized to perform: kms:X with an explicit deny in'

describe('an error of AWS', () => {
  it('names the call, the Region, the host and the provider', () => {
    const { message, requestId, awsError } = errorFor('DisabledException', 'x is disabled')
    expect(message).toBe(
      'EnableKey in us-west-1 at kms.us-west-1.amazonaws.com (provider k) for KMS key x: DisabledException: x is disabled',
    )
    expect([requestId, awsError]).toEqual(['r-1', 'DisabledException'])
  })

  it('names fewer if no provider or host is known', () => {
    const { message, hints } = errorFor('AccessDeniedException', 'no', { place: {} })
    expect(message).toBe('EnableKey in us-west-1 for KMS key x: AccessDeniedException: no')
    expect(hints).toHaveLength(1)
  })
})

describe('an exhausted quota', () => {
  it('can be raised, unless it is the quota of rotations in place', () => {
    const { code, hints } = errorFor('LimitExceededException', 'no', { operation: 'CreateKey' })
    expect([code, hints]).toEqual(['KMS_LIMIT', [expect.stringContaining('Service Quotas')]])
    const rotation = errorFor('LimitExceededException', 'no', { operation: 'RotateKeyOnDemand' })
    expect([rotation.code, rotation.hints]).toEqual([
      'KMS_LIMIT',
      [expect.stringContaining('AWS does not raise this quota')],
    ])
  })
})

describe('a denied request', () => {
  it.each([
    [
      `${NO_POLICY} identity-based policy allows it`,
      'allow kms:EnableKey in the IAM policy of the user or role',
    ],
    [`${NO_POLICY} resource-based policy allows it`, "allow kms:EnableKey in the KMS key's policy"],
    [
      `${NO_POLICY} service control policy allows it`,
      'allow kms:EnableKey in the service control policies (SCPs)',
    ],
    [
      `${DENY} a service control policy: arn:aws:organizations::1:policy/p`,
      'remove the statement that denies kms:EnableKey from the service control policies (SCPs)',
    ],
    [`${DENY} a resource control policy`, 'from the resource control policies (RCPs)'],
    [`${DENY} a VPC endpoint policy`, 'from the policy of the VPC endpoint'],
    [`${DENY} a permissions boundary`, 'from the permissions boundary of the IAM user or role'],
    [`${DENY} a session policy`, 'from the session policy with which the role was assumed'],
    [`${DENY} an identity-based policy`, 'from the IAM policy of the user or role'],
    ['The tag policy does not allow the specified value', 'a tag policy of your AWS organization'],
    ['MultiFactorAuthentication failed', 'aws sts get-session-token'],
    [
      'no',
      "allow kms:EnableKey in the IAM policy of the user or role, and in the KMS key's policy",
    ],
  ])('%s', (message, hint) => {
    const { code, hints } = errorFor('AccessDeniedException', message)
    expect([code, hints[0]]).toEqual(['KMS_ACCESS_DENIED', expect.stringContaining(hint)])
    expect(hints[1]).toBe('to print a sufficient IAM policy: keymgmt policy keymgmt/kms/k')
  })

  it.each(['CreateKey', 'ListKeys', 'ListAliases'] as const)(
    "for %s never asks for a KMS key's policy: there is no KMS key",
    (operation) => {
      const { hints } = errorFor('AccessDeniedException', 'no', { operation })
      expect(hints[0]).toBe(`allow kms:${operation} in the IAM policy of the user or role`)
    },
  )
})

describe('refused credentials', () => {
  it.each([
    [
      'UnrecognizedClientException',
      'The security token is invalid',
      'us-west-1',
      ['credentials=@FILE'],
    ],
    [
      'UnrecognizedClientException',
      'invalid',
      'eu-south-2',
      ['credentials=@FILE', 'enable eu-south-2'],
    ],
    ['InvalidSignatureException', 'Signature expired: 20260101T000000Z', 'us-west-1', ['clock']],
    ['InvalidSignatureException', 'Signature not yet current', 'us-west-1', ['clock']],
    ['RequestExpired', 'Request has expired', 'us-west-1', ['clock']],
    ['ExpiredTokenException', 'expired', 'us-west-1', ['get new credentials']],
  ])('%s: %s in %s', (name, message, region, says) => {
    const { code, hints } = errorFor(name, message, { region })
    expect([code, hints]).toEqual([
      'KMS_CREDENTIALS',
      says.map((part) => expect.stringContaining(part)),
    ])
  })

  it('a Region that is not enabled is named', () => {
    const { hints } = errorFor('OptInRequired', 'not subscribed', { region: 'me-south-1' })
    expect(hints).toEqual([
      'enable me-south-1 for the AWS account: aws account enable-region --region-name me-south-1',
    ])
  })
})

describe('the advice to run the command again', () => {
  it.each([
    ['KMSInternalException', 500, true],
    ['DependencyTimeoutException', 503, true],
    ['ValidationException', 400, false],
    ['UnsupportedOperationException', 400, false],
    ['AccessDeniedException', 400, false],
  ])('after %s (%d): %s', (name, status, isGiven) => {
    const { hints } = errorFor(name, 'x', { status })
    expect(hints.some((hint) => hint.includes('run the same command again'))).toBe(isGiven)
  })

  it('is not given if nothing was sent', () => {
    const failure = readFailure(new NotSentError(new Error('x')))
    const { hints } = translate(failure, { operation: 'EnableKey', region: 'r', input: {} })
    expect(hints).toEqual(['nothing was sent to AWS; check the AWS configuration'])
  })
})

describe('a lookup of credentials that failed', () => {
  const NOT_ALLOWED = 'User: arn:aws:iam::1:user/u is not authorized to perform: sts:AssumeRole'
  it.each([
    [
      'AccessDenied',
      NOT_ALLOWED,
      'AssumeRole',
      'allow sts:AssumeRole in the IAM policy of the user or role, and in the trust policy of the role that is assumed',
    ],
    [
      'AccessDenied',
      `${NOT_ALLOWED} with an explicit deny in a service control policy`,
      'AssumeRole',
      'remove the statement that denies sts:AssumeRole from the service control policies (SCPs)',
    ],
    [
      'AccessDenied',
      'Not authorized to perform sts:AssumeRoleWithWebIdentity',
      'AssumeRoleWithWebIdentity',
      'allow sts:AssumeRoleWithWebIdentity in the trust policy of the role that is assumed',
    ],
    [
      'AccessDenied',
      'MultiFactorAuthentication failed',
      'AssumeRole',
      'aws sts get-session-token --serial-number',
    ],
    [
      'CredentialsProviderError',
      'Profile p requires multi-factor authentication, but no MFA code callback was provided.',
      undefined,
      'aws sts get-session-token --serial-number',
    ],
    ['ExpiredTokenException', 'Token expired', 'AssumeRole', 'get new credentials'],
    ['ExpiredToken', 'expired', 'AssumeRole', 'get new credentials'],
    ['SignatureDoesNotMatch', 'Signature expired: 2026', 'AssumeRole', "machine's clock"],
    ['RequestTimeTooSkewed', '', 'AssumeRole', "machine's clock"],
    ['CredentialsProviderError', 'nothing found', undefined, 'set AWS_PROFILE'],
  ])('%s: %s', (name, message, action, hint) => {
    const failure = readFailure(Object.assign(new Error(message), { name }))
    expect(lookupHint(failure, action)).toContain(hint)
  })
})
