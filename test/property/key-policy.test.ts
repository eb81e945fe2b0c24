import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { asList, matches, type Statement } from '../../src/dev-kms/policy-document.js'
import { assertNoLockout } from '../../src/kms/aws/key-policy.js'
import { isSamePolicy } from '../../src/kms/aws/same-policy.js'

const ACCOUNT = { account: '111122223333', partition: 'aws' }
const ROOT = 'arn:aws:iam::111122223333:root'
const ROOTS = [ROOT, ACCOUNT.account, '*']

const oneOrMore = (...values: readonly string[]) =>
  fc.oneof(
    fc.constantFrom(...values),
    fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 }),
  )
const principals = fc.oneof(
  fc.constant<string>('*'),
  oneOrMore(...ROOTS, 'arn:aws:iam::111122223333:user/app', 'arn:aws:iam::444455556666:root').map(
    (AWS) => ({ AWS }),
  ),
  fc.constant({ Service: 'ec2.amazonaws.com' }),
)
const actions = oneOrMore(
  'kms:*',
  '*',
  'kms:Put*',
  'KMS:putkeypolicy',
  'kms:Decrypt',
  'kms:?',
  'k*y',
)
const statement: fc.Arbitrary<Statement> = fc
  .record({
    Effect: fc.constantFrom('Allow' as const, 'Deny' as const),
    who: fc.record({ isNot: fc.boolean(), principals }),
    what: fc.record({ isNot: fc.boolean(), actions }),
    Resource: oneOrMore('*', 'arn:aws:kms:us-west-1:111122223333:key/other'),
    condition: fc.boolean(),
  })
  .map(({ Effect, who, what, Resource, condition }) => ({
    Effect,
    [who.isNot ? 'NotPrincipal' : 'Principal']: who.principals,
    [what.isNot ? 'NotAction' : 'Action']: what.actions,
    Resource,
    ...(condition && { Condition: { StringEquals: { 'aws:SourceVpce': 'vpce-1' } } }),
  }))
const statements = fc.array(statement, { minLength: 1, maxLength: 5 })
/** Chooses statements, some of them twice. */
const picks = fc.array(fc.nat(2), { minLength: 1, maxLength: 4 })
const textOf = (Statement: unknown) => JSON.stringify({ Version: '2012-10-17', Statement })

function isRefused(document: string): boolean {
  try {
    assertNoLockout({ document }, ACCOUNT)
    return false
  } catch {
    return true
  }
}

/** True if the statement applies to PutKeyPolicy by the root, if its condition is met or not. */
function appliesToRoot(
  each: Statement & { readonly NotPrincipal?: Statement['Principal'] },
  isMet: boolean,
): boolean {
  const namesRoot = (who: Statement['Principal']) =>
    (typeof who === 'string' ? [who] : asList(who?.AWS)).some((name) => ROOTS.includes(name))
  const namesAction = (what: Statement['Action']) =>
    asList(what).some((pattern) => matches(pattern, 'kms:PutKeyPolicy', 'i'))
  return (
    (each.Principal ? namesRoot(each.Principal) : !namesRoot(each.NotPrincipal)) &&
    (each.Action ? namesAction(each.Action) : !namesAction(each.NotAction)) &&
    asList(each.Resource).includes('*') &&
    (each.Condition === undefined || isMet)
  )
}

/** IAM's rule: a denial outweighs every permission. */
function lets(all: readonly Statement[], isMet: boolean): boolean {
  const effects = all.filter((each) => appliesToRoot(each, isMet)).map(({ Effect }) => Effect)
  return effects.includes('Allow') && !effects.includes('Deny')
}

describe('a key policy that is not refused', () => {
  it('lets the root change it, whether conditions are met or not', () => {
    let accepted = 0
    fc.assert(
      fc.property(statements, (all) => {
        if (isRefused(textOf(all))) return
        accepted++
        expect([lets(all, true), lets(all, false)]).toEqual([true, true])
      }),
      { numRuns: 3_000 },
    )
    expect(accepted).toBeGreaterThan(50)
  })

  it('is not refused with more permissions, and a refused one is refused with more denials', () => {
    fc.assert(
      fc.property(statements, statement, (all, more) => {
        const [before, after] = [all, [...all, more]].map((each) => isRefused(textOf(each)))
        if (more.Effect === 'Allow' && before === false) expect(after).toBe(false)
        if (more.Effect === 'Deny' && before === true) expect(after).toBe(true)
      }),
    )
  })
})

describe('the same key policy', () => {
  it('is refused in every order of its statements, or in none', () => {
    fc.assert(
      fc.property(statements, (all) => {
        const [document, other] = [textOf(all), textOf([...all].reverse())]
        expect(isSamePolicy(document, other)).toBe(true)
        expect(isRefused(other)).toBe(isRefused(document))
      }),
    )
  })

  it('is never one that lets the root change it while the other does not', () => {
    fc.assert(
      fc.property(statements, picks, picks, (all, first, second) => {
        const [one, other] = [first, second].map((numbers) =>
          numbers.flatMap((number) => all[number % all.length] ?? []),
        ) as [Statement[], Statement[]]
        fc.pre(isSamePolicy(textOf(one), textOf(other)))
        for (const isMet of [true, false]) expect(lets(one, isMet)).toBe(lets(other, isMet))
      }),
    )
  })

  it('is another one without a statement that occurs once', () => {
    fc.assert(
      fc.property(statements, ([first, ...others]) => {
        fc.pre(!others.some((each) => isSamePolicy(JSON.stringify(each), JSON.stringify(first))))
        expect(isSamePolicy(textOf([first, ...others]), textOf(others))).toBe(false)
      }),
    )
  })
})
