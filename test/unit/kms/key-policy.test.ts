import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  assertNoLockout,
  assertPolicyForm,
  defaultPolicy,
} from '../../../src/kms/aws/key-policy.js'
import { isSamePolicy } from '../../../src/kms/aws/same-policy.js'

const ACCOUNT = { account: '111122223333', partition: 'aws' }
const ROOT = 'arn:aws:iam::111122223333:root'
const USER = 'arn:aws:iam::111122223333:user/app'

const statement = (change: object = {}) => ({
  Effect: 'Allow',
  Principal: { AWS: ROOT },
  Action: 'kms:*',
  Resource: '*',
  ...change,
})
const policy = (...statements: object[]) => ({
  document: JSON.stringify({ Version: '2012-10-17', Statement: statements }),
})
const deny = (change: object) => policy(statement(), statement({ Effect: 'Deny', ...change }))

describe('the root of the account', () => {
  it.each([
    ['by its ARN', statement()],
    ['by the account', statement({ Principal: { AWS: ['x', '111122223333'] } })],
    ['as everybody', statement({ Principal: '*' })],
    ['as every AWS principal', statement({ Principal: { AWS: '*' } })],
    ['by name of the action', statement({ Action: ['KMS:putkeypolicy'] })],
    ['by a pattern', statement({ Action: 'kms:Put*y?olicy' })],
    ['by a pattern with many stars', statement({ Action: `${'*'.repeat(30_000)}y` })],
  ])('is allowed to change the policy %s', (_title, allowed) => {
    expect(() => {
      assertNoLockout(policy(statement({ Principal: { AWS: USER } }), allowed), ACCOUNT)
    }).not.toThrow()
    expect(() => {
      assertNoLockout({ document: JSON.stringify({ Statement: allowed }) }, ACCOUNT)
    }).not.toThrow()
  })

  it.each([
    ['a user', { Principal: { AWS: USER } }],
    ['the root of another account', { Principal: { AWS: 'arn:aws:iam::444455556666:root' } }],
    ['the root in another partition', { Principal: { AWS: ROOT.replace('aws', 'aws-cn') } }],
    ['a service', { Principal: { Service: '*' } }],
    ['everybody but a user', { Principal: undefined, NotPrincipal: { AWS: USER } }],
    ['a condition', { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }],
    ['an empty condition', { Condition: {} }],
    ['other actions', { Action: ['kms:Put', 'kms:PutKeyPolicyX', 'kms:?', 'kms:*z'] }],
    ['all actions but one', { Action: undefined, NotAction: 'kms:Decrypt' }],
    ['another resource', { Resource: 'arn:aws:kms:us-west-1:111122223333:key/1' }],
    ['all resources but one', { Resource: undefined, NotResource: 'x' }],
    ['a denial', { Effect: 'Deny' }],
  ])('is not allowed by %s', (_title, change) => {
    expect(() => {
      assertNoLockout(policy(statement(change)), ACCOUNT)
    }).toThrow(`no statement lets ${ROOT}`)
  })

  it.each([
    ['to everybody', { Principal: '*' }],
    ['to the account', { Principal: { AWS: '111122223333' } }],
    ['to a pattern', { Principal: { AWS: 'arn:aws:iam::111122223333:*' } }],
    ['to a principal of another kind', { Principal: { aws: ROOT } }],
    ['under a condition', { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'false' } } }],
    ['with TLS', { Condition: { Bool: { 'aws:SecureTransport': 'true' } } }],
    ['by TLS or not', { Condition: { Bool: { 'aws:SecureTransport': ['false', 'true'] } } }],
    ['by a negated TLS', { Condition: { StringNotEquals: { 'aws:SecureTransport': 'false' } } }],
    ['to everybody but a user', { Principal: undefined, NotPrincipal: { AWS: USER } }],
    ['for all actions but one', { Action: undefined, NotAction: 'kms:Decrypt' }],
    ['for a resource', { Resource: 'arn:aws:kms:us-west-1:111122223333:key/1' }],
  ])('may be denied %s', (_title, change) => {
    expect(() => {
      assertNoLockout(deny(change), ACCOUNT)
    }).toThrow(`statement 2 may deny ${ROOT}`)
  })

  it('may be denied, and the hint does not suggest to add a statement', () => {
    const hints = [expect.stringMatching(/^remove that statement/), expect.any(String)]
    expect(() => {
      assertNoLockout(deny({ Principal: '*' }), ACCOUNT)
    }).toThrow(expect.objectContaining({ hints }))
  })

  it.each([
    ['a user', { Principal: { AWS: USER } }],
    ['requests without TLS', { Condition: { Bool: { 'aws:SecureTransport': 'false' } } }],
    ['such requests, if known', { Condition: { BoolIfExists: { 'AWS:securetransport': false } } }],
    ['a service', { Principal: { Service: 'ec2.amazonaws.com' } }],
    ['other actions', { Action: 'kms:Decrypt' }],
    ['all actions but this one', { Action: undefined, NotAction: 'kms:Put*' }],
  ])('is not denied by a denial of %s', (_title, change) => {
    expect(() => {
      assertNoLockout(deny(change), ACCOUNT)
    }).not.toThrow()
  })

  it('can not be checked if the account is unknown', () => {
    expect(() => {
      assertNoLockout(policy(statement()), undefined)
    }).toThrow('the AWS account is unknown')
  })

  it("can change AWS's default policy", () => {
    const document = defaultPolicy('arn:aws:kms:us-west-1:111122223333:key/1')
    expect(() => {
      assertNoLockout({ document }, ACCOUNT)
    }).not.toThrow()
  })
})

describe('the form of a policy', () => {
  it.each([
    ['text', 'x'],
    ['a list', '[]'],
    ['null', 'null'],
    ['no statement', '{"Statement":[]}'],
    ['a statement that is text', '{"Statement":["x"]}'],
    ['an effect in lower case', JSON.stringify({ Statement: statement({ Effect: 'allow' }) })],
    ['an unknown element', JSON.stringify({ Statement: statement({ action: '*' }) })],
    ['no principal', JSON.stringify({ Statement: statement({ Principal: undefined }) })],
    ['two kinds of principals', JSON.stringify({ Statement: statement({ NotPrincipal: '*' }) })],
    ['no action', JSON.stringify({ Statement: statement({ Action: undefined }) })],
  ])('is not %s', (_title, document) => {
    expect(() => {
      assertPolicyForm({ document })
    }).toThrow('is not a key policy')
  })
})

describe('two policies', () => {
  const texts = fc.array(fc.constantFrom('kms:Decrypt', 'kms:Encrypt', '*'), { minLength: 1 })
  const made = fc.array(
    fc.record({
      Effect: fc.constantFrom('Allow', 'Deny'),
      Principal: fc.record({ AWS: fc.constantFrom<string | string[]>(ROOT, USER, [ROOT, USER]) }),
      Action: texts,
      Resource: fc.constant('*'),
      Condition: fc.option(fc.constant({ Bool: { 'aws:SecureTransport': true } }), {
        nil: undefined,
      }),
    }),
    { minLength: 1, maxLength: 4 },
  )

  /** The same value in another form. */
  function reformed(value: unknown): unknown {
    if (value === ROOT) return ACCOUNT.account
    if (Array.isArray(value)) {
      const elements = value.map(reformed).reverse()
      return elements.length === 1 ? elements[0] : elements
    }
    if (typeof value !== 'object' || value === null) return String(value)
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, each]) => each !== undefined)
        .reverse()
        .map(([name, each]) => [name, reformed(each)]),
    )
  }

  it('are the same in any form', () => {
    fc.assert(
      fc.property(made, (statements) => {
        const { document } = policy(...statements)
        const other = JSON.stringify(reformed(JSON.parse(document)), undefined, 2)
        expect(isSamePolicy(document, other)).toBe(true)
      }),
    )
  })

  it('differ if any statement has another effect', () => {
    fc.assert(
      fc.property(made, ([first, ...others]) => {
        const changed = { ...first, Effect: first?.Effect === 'Allow' ? 'Deny' : 'Allow' }
        fc.pre(!others.some((each) => each.Effect === changed.Effect))
        expect(
          isSamePolicy(
            policy({ ...first }, ...others).document,
            policy(changed, ...others).document,
          ),
        ).toBe(false)
      }),
    )
  })

  it.each([
    ['another action', { Action: 'kms:Decrypt' }],
    ['another principal', { Principal: { AWS: USER } }],
    ['a condition', { Condition: { Bool: { 'aws:SecureTransport': 'true' } } }],
    ['the root of another partition as a condition', { Condition: ROOT }],
  ])('differ by %s', (_title, change) => {
    expect(isSamePolicy(policy(statement()).document, policy(statement(change)).document)).toBe(
      false,
    )
  })

  it('differ if one is not JSON', () => {
    expect([isSamePolicy('', ''), isSamePolicy('{', '{')]).toEqual([false, false])
  })
})
