import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import {
  PERMISSIONS,
  toPolicy,
  toStatements,
  type PolicyDocument,
  type Statement,
} from '../../../src/kms/aws/policy/permissions.js'

const list = (value: string | readonly string[]) => (typeof value === 'string' ? [value] : value)
const shown = ({ action, resource, condition }: Statement) =>
  `${action} ${resource} ${JSON.stringify(condition)}`

function allowed({ Statement }: PolicyDocument): string[] {
  return Statement.flatMap(({ Action, Resource, Condition }) =>
    list(Action).flatMap((action) =>
      list(Resource).map((resource) => shown({ action, resource, condition: Condition })),
    ),
  )
}

describe('a policy', () => {
  const grant = fc.record({
    action: fc.constantFrom('kms:EnableKey', 'kms:DisableKey', 'kms:DescribeKey'),
    resource: fc.constantFrom('*', 'one', 'two', 'three'),
    condition: fc.constantFrom(
      undefined,
      { StringEquals: { 'kms:KeyOrigin': 'EXTERNAL' } },
      { Bool: { 'kms:MultiRegion': 'true' } },
    ),
  })
  it('allows exactly the requested permissions', () => {
    fc.assert(
      fc.property(fc.array(grant, { minLength: 1 }), (statements) => {
        const policy = toPolicy(statements)
        expect(new Set(policy && allowed(policy))).toEqual(new Set(statements.map(shown)))
        expect(policy && allowed(policy)).toHaveLength(new Set(statements.map(shown)).size)
      }),
    )
  })
  it('does not depend on the order of the requests', () => {
    fc.assert(
      fc.property(fc.array(grant), (statements) => {
        expect(toPolicy([...statements].reverse())).toEqual(toPolicy(statements))
      }),
    )
  })
  it('is undefined if no permission is needed: IAM has no policy without a statement', () => {
    expect(toPolicy([])).toBeUndefined()
  })
})

describe('a resource', () => {
  const key = [{ name: 'key/mrk-1', values: {} }]
  it.each([
    ['us-west-1', 'arn:aws:kms:us-west-1:111122223333:key/mrk-1'],
    ['cn-north-1', 'arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1'],
    ['us-gov-west-1', 'arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1'],
    ['us-iso-east-1', 'arn:aws-iso:kms:us-iso-east-1:111122223333:key/mrk-1'],
    ['us-isob-east-1', 'arn:aws-iso-b:kms:us-isob-east-1:111122223333:key/mrk-1'],
    ['eusc-de-east-1', 'arn:aws-eusc:kms:eusc-de-east-1:111122223333:key/mrk-1'],
  ])('is in the partition of %s', (region, resource) => {
    expect(
      toStatements({ operation: 'EnableKey', regions: [region], keys: key }, '111122223333'),
    ).toEqual([{ action: 'kms:EnableKey', resource, condition: undefined }])
  })
  it('that is an alias has no conditions, which AWS does not support there', () => {
    const scope = [{ name: 'key/*', values: { 'kms:KeyOrigin': ['EXTERNAL'] } }]
    expect(
      toStatements(
        { operation: 'CreateAlias', regions: ['us-west-1'], alias: 'alias/a', keys: scope },
        '*',
      ),
    ).toEqual([
      {
        action: 'kms:CreateAlias',
        resource: 'arn:aws:kms:us-west-1:*:alias/a',
        condition: undefined,
      },
      {
        action: 'kms:CreateAlias',
        resource: 'arn:aws:kms:us-west-1:*:key/*',
        condition: { StringEquals: { 'kms:KeyOrigin': 'EXTERNAL' } },
      },
    ])
  })
})

it("docs/permissions.md lists each permission's resource and conditions", () => {
  const rows = Object.entries(PERMISSIONS).map(
    ([name, { action, on, conditions }]) =>
      `| ${name} | \`${action}\` | ${on} | ${conditions.map((key) => `\`${key}\``).join(', ')} |`,
  )
  expect(readFileSync('docs/permissions.md', 'utf8')).toContain(
    ['| call | permission | on | narrowed by |', '|---|---|---|---|', ...rows, ''].join('\n'),
  )
})
