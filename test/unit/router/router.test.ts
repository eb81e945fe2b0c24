import { describe, expect, test } from '@jest/globals'
import { KeymgmtError } from '../../../src/errors.js'
import type { Operation } from '../../../src/router/path.js'
import { rawOf } from './raw.js'
import { sampleRouter } from './sample.js'

/** Resolves a request whose values are arguments. */
function resolve(operation: Operation, path: string, data: Record<string, unknown> = {}) {
  const entries = Object.entries(data).map(([name, value]) => [name, rawOf(value)] as const)
  return sampleRouter.resolve(operation, path, new Map(entries), new Set(Object.keys(data)))
}

function failure(operation: Operation, path: string, data?: Record<string, unknown>) {
  try {
    resolve(operation, path, data)
  } catch (error) {
    if (error instanceof KeymgmtError)
      return { code: error.code, message: error.message, hints: error.hints }
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a good request', () => {
  test('reaches its handler with typed fields', async () => {
    const seen: unknown[] = []
    const data = { type: 'rsa-2048', min_enabled_version: '2', deletion_allowed: 't' }
    await expect(resolve('write', 'keymgmt/key/app', data).run({ seen })).resolves.toEqual({})
    expect(seen).toEqual(['app', 'rsa-2048', 2, true])
  })

  test('has every name in its path', async () => {
    const seen: unknown[] = []
    await resolve('write', 'keymgmt/kms/aws/key/app', { purpose: 'encrypt, decrypt' }).run({ seen })
    expect(seen).toEqual(['aws', 'app', ['encrypt', 'decrypt']])
  })

  test.each(['keymgmt//key/./x/../app', '/keymgmt/key/app/', ' keymgmt/key/app '])(
    'has the path %j',
    async (path) => {
      await expect(resolve('read', path).run({ seen: [] })).resolves.toEqual({
        data: { name: 'app' },
      })
    },
  )

  test('omits fields that the request does not have', () => {
    expect(resolve('write', 'keymgmt/key/app', {}).fields).toEqual({})
  })

  test('may repeat a name of its path', () => {
    expect(resolve('write', 'keymgmt/key/app', { name: 'app' }).params).toEqual({ name: 'app' })
  })
})

describe('a path', () => {
  test('is required', () => {
    const empty = {
      code: 'PATH_UNSUPPORTED',
      message: 'the path is empty',
      hints: ['paths begin with keymgmt/'],
    }
    expect(failure('read', ' // ')).toEqual(empty)
    expect(failure('read', 'keymgmt/..')).toEqual(empty)
  })

  test.each([
    ['foo/bar', []],
    ['key/app', ['did you mean "keymgmt/key/app"?']],
    ['keymgt/key/app', ['did you mean "keymgmt/key/app"?']],
    ['keymgmt/../sys/key', []],
  ])('outside the mount is refused: %s', (path, hints) => {
    expect(failure('read', path)).toEqual({
      code: 'PATH_UNSUPPORTED',
      message: `no handler for route "${path === 'keymgmt/../sys/key' ? 'sys/key' : path}"`,
      hints: ['paths begin with keymgmt/', ...hints],
    })
  })

  test.each([
    ['keymgmt/keys/app', ['did you mean "keymgmt/key/app"?']],
    ['keymgmt/keys', ['did you mean "keymgmt/key"?']],
    ['keymgmt/kms/a/keys/b', ['did you mean "keymgmt/kms/a/key/b"?']],
    ['keymgmt/zzzzzz/app', []],
    ['keymgmt', []],
    ['keymgmt/key/a/b/c/d', []],
  ])('that is unknown is refused: %s', (path, hints) => {
    expect(failure('read', path)).toEqual({
      code: 'PATH_UNSUPPORTED',
      message: `unsupported path "${path}"`,
      hints: [...hints, 'to list all paths: keymgmt path-help keymgmt'],
    })
  })

  test.each(['-a', 'a-', '.a', 'a:b'])('with %j for a name is refused', (name) => {
    const { code, message, hints } = failure('read', `keymgmt/key/${name}/../${name}x/../${name}/.`)
    expect([code, message]).toEqual([
      'PATH_UNSUPPORTED',
      `unsupported path ${JSON.stringify(`keymgmt/key/${name}`)}: ${JSON.stringify(name)} is not a valid name`,
    ])
    expect(hints[0]).toContain('a name has at most 110 characters: ASCII letters')
  })

  test.each(['a b', 'é', 'a\n', 'a?b', 'a'.repeat(111)])(
    'with %j for a name is refused, and not repeated',
    (name) => {
      expect(failure('read', `keymgmt/key/${name}/.`).message).toMatch(
        /^unsupported path "keymgmt\/key\/…": a text of \d+ characters? is not a valid name$/,
      )
    },
  )

  test.each(['a', '_', 'a.b-c_d', 'a--b', '0'])('with %j for a name is accepted', (name) => {
    expect(resolve('read', `keymgmt/key/${name}`).params).toEqual({ name })
  })

  test('without the operation is refused, with its operations', () => {
    expect(failure('read', 'keymgmt/key')).toEqual({
      code: 'OPERATION_UNSUPPORTED',
      message: 'unsupported operation "read" on "keymgmt/key"',
      hints: ['keymgmt/key supports list'],
    })
  })
})

describe('a field', () => {
  test('that is unknown is refused, with the one that was meant', () => {
    expect(failure('write', 'keymgmt/key/app', { min_enbled_version: 'VALUE' })).toEqual({
      code: 'FIELD_UNKNOWN',
      message: 'unknown parameter "min_enbled_version"',
      hints: [
        'did you mean "min_enabled_version"?',
        'parameters of this path: type, min_enabled_version, deletion_allowed',
      ],
    })
  })

  test.each(['constructor', '__proto__', 'toString'])(
    '%s is an unknown field like any other',
    (name) => {
      const data = new Map([[name, 'x']])
      expect(() => sampleRouter.resolve('write', 'keymgmt/key/app', data)).toThrow(
        /^unknown parameter /,
      )
    },
  )

  test('is not repeated unless its value was typed as an argument', () => {
    const data = new Map([['type', 'hunter2']])
    expect(() => sampleRouter.resolve('write', 'keymgmt/key/app', data)).toThrow(
      'field "type": a text of 7 characters is not one of',
    )
  })

  test('of another operation is refused, with the operation', () => {
    expect(failure('read', 'keymgmt/key/app', { type: 'x' }).hints).toEqual([
      'only write accepts type',
      'parameters of this path: detail',
    ])
    expect(failure('list', 'keymgmt/key', { x: 'x' }).hints).toEqual([
      'this operation takes no parameters',
    ])
  })

  test('that contradicts the path is refused', () => {
    expect(failure('write', 'keymgmt/key/app', { name: 'other' })).toEqual({
      code: 'FIELD_INVALID',
      message: 'parameter "name" differs from the one in the path',
      hints: ['leave name out: the path already specifies it'],
    })
  })

  test.each([[undefined], [{}], [{ purpose: '' }], [{ purpose: [] }], [{ purpose: null }]])(
    'that is required is reported as missing in %j',
    (data) => {
      expect(failure('write', 'keymgmt/kms/aws/key/app', data)).toEqual({
        code: 'FIELD_MISSING',
        message: 'missing required parameter "purpose"',
        hints: ['purpose takes a comma-separated list of encrypt, decrypt, sign'],
      })
    },
  )

  test('of another type is refused, with the expected one', () => {
    expect(failure('write', 'keymgmt/key/app', { deletion_allowed: 'maybe' })).toEqual({
      code: 'FIELD_INVALID',
      message: 'field "deletion_allowed": expected true or false, not "maybe"',
      hints: [],
    })
    expect(failure('write', 'keymgmt/key/app', { min_enabled_version: 'x' })).toEqual({
      code: 'FIELD_INVALID',
      message: 'field "min_enabled_version": expected a whole number, not "x"',
      hints: ['min_enabled_version takes a whole number of at least 0'],
    })
  })

  test.each([
    [
      { type: 'aes' },
      'field "type": "aes" is not one of aes256-gcm96, rsa-2048',
      ['did you mean "aes256-gcm96"?'],
    ],
    [
      { type: 'rsa-2048\n' },
      'field "type": a text of 9 characters is not one of aes256-gcm96, rsa-2048',
      ['did you mean "rsa-2048"?'],
    ],
    [{ type: 'zzz' }, 'field "type": "zzz" is not one of aes256-gcm96, rsa-2048', []],
    [
      { min_enabled_version: -1 },
      'field "min_enabled_version": -1 is less than 0',
      ['min_enabled_version takes a whole number of at least 0'],
    ],
  ])('with a value that it does not allow is refused: %j', (data, message, hints) => {
    expect(failure('write', 'keymgmt/key/app', data)).toEqual({
      code: 'FIELD_INVALID',
      message,
      hints,
    })
  })

  test('of the wrong form is refused, with an example', () => {
    expect(failure('write', 'keymgmt/kms/aws', { key_collection: 'x' })).toEqual({
      code: 'FIELD_INVALID',
      message: 'field "key_collection": "x" has the wrong form',
      hints: ['key_collection takes text such as us-east-1'],
    })
  })

  test('declared first is reported first', () => {
    const data = { deletion_allowed: 'maybe', min_enabled_version: 'x', type: 'y' }
    expect(failure('write', 'keymgmt/key/app', data).message).toContain('field "type"')
  })
})

describe('a secret field', () => {
  test.each([
    ['SECRET', 'field "credentials": expected name=value'],
    ['{"access_key":"SECRET="}', 'field "credentials": expected name=value'],
    ['SECRET=x', 'field "credentials": unknown name; the names are access_key, secret_key'],
    ['acces_key=SECRET', 'field "credentials": unknown name; the names are access_key, secret_key'],
    [[{ access_key: ['SECRET'] }], 'field "credentials": expected text, not a list'],
    [{ SECRET: 'x' }, 'field "credentials": unknown name; the names are access_key, secret_key'],
  ])('is not shown when it is wrong: %j', (credentials, message) => {
    const error = failure('write', 'keymgmt/kms/aws', { credentials })
    expect(error.message).toBe(message)
    expect(JSON.stringify(error)).not.toContain('SECRET')
  })

  test('still gets a suggestion for a mistyped name', () => {
    expect(failure('write', 'keymgmt/kms/aws', { credentials: 'acces_key=SECRET' }).hints).toEqual([
      'did you mean "access_key"?',
    ])
  })
})
