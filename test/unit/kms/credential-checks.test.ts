import { describe, expect, it } from '@jest/globals'
import { KeymgmtError } from '../../../src/errors.js'
import { assertCredentials } from '../../../src/kms/aws/credential-checks.js'

const ID = 'AKIAIOSFODNN7EXAMPLE'
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const PAIR = { access_key: ID, secret_key: SECRET }
const ROLE = 'arn:aws:iam::111122223333:role/service/keymgmt'

/** The refusal, which must not contain a value. */
function refusal(credentials: Readonly<Record<string, string>>): readonly string[] {
  try {
    assertCredentials(credentials)
  } catch (error) {
    if (!(error instanceof KeymgmtError)) throw error
    const said = [error.message, ...error.hints]
    for (const value of Object.values(credentials))
      if (value.length > 2 && value !== ID) expect(said.join('\n')).not.toContain(value)
    return said
  }
  throw new Error('they were accepted')
}

describe('credentials', () => {
  it.each<Record<string, string>>([
    {},
    PAIR,
    { ...PAIR, session_token: 'FwoGZXIvYXdzEXAMPLE==' },
    { profile: 'my team' },
    { role_arn: ROLE, external_id: 'a:b/c' },
    { use_fips: 'true', use_dualstack: 'False' },
    { use_fips: 'false', endpoint: 'https://kms.example.com' },
    { role_arn: 'arn:aws-us-gov:iam::111122223333:role/x', profile: 'p' },
    { endpoint: 'https://vpce-0-x.kms.us-west-1.vpce.amazonaws.com' },
    { access_key: 'test', secret_key: 'test', endpoint: 'http://127.0.0.1:4566' },
  ])('can be %j', (credentials) => {
    expect(() => {
      assertCredentials(credentials)
    }).not.toThrow()
  })

  it.each<[problem: string, credentials: Record<string, string>]>([
    ['access_key needs secret_key', { access_key: ID }],
    ['secret_key needs access_key', { secret_key: SECRET }],
    ['session_token needs access_key', { session_token: SECRET }],
    ['external_id needs role_arn', { external_id: 'abc' }],
    ['profile and access_key are two sources', { ...PAIR, profile: 'p' }],
    ['secret_key is empty', { ...PAIR, secret_key: '' }],
    ['profile is empty', { profile: '' }],
    ['secret_key begins or ends with white space', { ...PAIR, secret_key: `${SECRET}\r` }],
    ['secret_key begins or ends with white space', { ...PAIR, secret_key: `${SECRET}\n` }],
    ['profile begins or ends with white space', { profile: ' team' }],
    ['profile contains a control character', { profile: 'a\nb' }],
    ['access_key has the wrong form', { ...PAIR, access_key: 'AKIA IOSFODNN7EXAMPLE' }],
    ['access_key has the wrong form', { access_key: SECRET, secret_key: ID }],
    ['secret_key has the wrong form', { access_key: 'AKIAI44QH8DHBEXAMPLE', secret_key: ID }],
    ['secret_key has the wrong form', { ...PAIR, secret_key: 'two words' }],
    ['session_token has the wrong form', { ...PAIR, session_token: 'two words' }],
    ['role_arn has the wrong form', { role_arn: 'keymgmt' }],
    ['role_arn has the wrong form', { role_arn: 'arn:aws:iam::111122223333:user/keymgmt' }],
    ['role_arn has the wrong form', { role_arn: 'arn:aws:iam::1111:role/keymgmt' }],
    ['external_id has the wrong form', { role_arn: ROLE, external_id: '!' }],
    ['use_fips has the wrong form', { use_fips: 'yes' }],
    ['use_dualstack is empty', { use_dualstack: '' }],
    [
      'use_fips selects an endpoint of AWS, but endpoint selects another one',
      { use_fips: 'true', endpoint: 'https://kms.example.com' },
    ],
    ['the endpoint of credentials=endpoint is not a URL', { endpoint: 'localhost:4566' }],
    ['the endpoint of credentials=endpoint is not a URL', { endpoint: 'kms.example.com' }],
  ])('%s: %j', (problem, credentials) => {
    const [message, ...hints] = refusal(credentials)
    expect(message).toContain(problem)
    expect(hints).not.toEqual([])
  })

  it('of a session are recognised: its role is suggested', () => {
    const role_arn = 'arn:aws:sts::111122223333:assumed-role/keymgmt/ci'
    expect(refusal({ role_arn })[1]).toContain('"arn:aws:iam::111122223333:role/keymgmt"')
  })
})
