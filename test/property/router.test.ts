import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { KeymgmtError } from '../../src/errors.js'
import type { Operation } from '../../src/router/path.js'
import { isName, matchPattern, parameterOf, pathSegments } from '../../src/router/pattern.js'
import type { RawValue } from '../../src/router/values.js'
import { samplePaths, sampleRouter } from '../unit/router/sample.js'

const name = fc.stringMatching(/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,12}[A-Za-z0-9_])?$/)
const pattern = fc.constantFrom(...samplePaths.map((path) => path.pattern))
const operation = fc.constantFrom<Operation>('read', 'write', 'list', 'delete')
const { raw } = fc.letrec<{ raw: RawValue }>((tie) => ({
  raw: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', 'access_key=x', '{"access_key":"x="}', 'rsa-2048', 'encrypt', '0x10'),
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.array(tie('raw'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.string(), tie('raw')), { maxLength: 3 })
      .map((entries) => new Map(entries)),
  ),
}))
const fieldName = fc.oneof(
  fc.constantFrom(
    'type',
    'min_enabled_version',
    'deletion_allowed',
    'name',
    'key_collection',
    'credentials',
    'purpose',
  ),
  fc.string(),
)

/** The path that a pattern and its parameters describe. */
function printPattern(of: string, params: Readonly<Record<string, string>>): string {
  return of
    .split('/')
    .map((segment) => params[parameterOf(segment) ?? ''] ?? segment)
    .join('/')
}

/** The error of a request; undefined if it is valid. */
function failure(request: () => unknown): KeymgmtError | undefined {
  try {
    request()
    return undefined
  } catch (error) {
    if (error instanceof KeymgmtError) return error
    throw error
  }
}

test('a pattern matches every path that is built from it', () => {
  fc.assert(
    fc.property(pattern, name, name, (matched, first, second) => {
      const params = matchPattern(matched, matched.split('/')) ?? {}
      const given = Object.fromEntries(
        Object.keys(params).map((key, index) => [key, index === 0 ? first : second]),
      )
      expect(matchPattern(matched, pathSegments(printPattern(matched, given)))).toEqual(given)
      expect(isName(first)).toBe(true)
    }),
  )
})

test('a request fails only with a KeymgmtError', () => {
  const path = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .tuple(pattern, fc.oneof(name, fc.string()), name)
      .map(([matched, first, second]) => printPattern(matched, { name: first, key: second })),
  )
  fc.assert(
    fc.property(
      operation,
      path,
      fc.array(fc.tuple(fieldName, raw), { maxLength: 4 }),
      (verb, requested, entries) => {
        failure(() => sampleRouter.resolve(verb, requested, new Map(entries)))
      },
    ),
    { numRuns: 2000 },
  )
})

test('no error shows any part of a secret field', () => {
  const secret = fc.stringMatching(/^[A-Z0-9/+=]{16}$/).map((part) => `S3CR3T${part}`)
  const wrap = fc.constantFrom<(value: string) => RawValue>(
    (value) => value,
    (value) => `access_kee=${value}`,
    (value) => `${value}=x`,
    (value) => `=${value}`,
    (value) => `{"access_key":"${value}"}`,
    (value) => [`access_key=${value}`, value],
    (value) => [value, new Map([['a', value]])],
    (value) => Buffer.from(value),
    (value) => [Buffer.from(`${value}=x`)],
    (value) => new Map<string, RawValue>([['access_key', [value]]]),
    (value) => new Map<string, RawValue>([[value, value]]),
    (value) => new Map<string, RawValue>([['access_key', new Map([[value, value]])]]),
  )
  fc.assert(
    fc.property(secret, wrap, fc.boolean(), (value, wrapped, known) => {
      const data = new Map([[known ? 'credentials' : 'credential', wrapped(value)]])
      const error = failure(() => sampleRouter.resolve('write', 'keymgmt/kms/aws', data))
      expect(error).toBeInstanceOf(KeymgmtError)
      expect(
        `${error?.message ?? ''}\n${error?.hints.join('\n') ?? ''}\n${error?.stack ?? ''}`,
      ).not.toContain('S3CR3T')
      expect(error?.cause).toBeUndefined()
    }),
    { numRuns: 1000 },
  )
})
