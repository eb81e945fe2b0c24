import { expect, test } from '@jest/globals'
import { KeymgmtError } from '../../src/errors.js'
import { redact, registerSecrets, shorten } from '../../src/redact.js'

test('a registered secret is masked, whole and encoded', () => {
  registerSecrets('a/secret+"value', 'a/secret', undefined)
  expect(redact('x a/secret+"value y a%2Fsecret%2B%22value z {"a/secret+\\"value"}')).toBe(
    'x [secret] y [secret] z {"[secret]"}',
  )
})

test('a text that is too short to be a secret is not masked', () => {
  registerSecrets('aws')
  expect(redact('aws kms')).toBe('aws kms')
})

test('only the latest secrets are kept', () => {
  registerSecrets('the-first-secret')
  registerSecrets(...Array.from({ length: 64 }, (_, index) => `a-later-secret-${index}`))
  expect(redact('the-first-secret a-later-secret-0')).toBe('the-first-secret [secret]')
})

test('a private key is masked by its form, even without its end', () => {
  expect(redact('a -----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY----- b')).toBe(
    'a [secret] b',
  )
  expect(redact('a -----BEGIN PRIVATE KEY-----\nabc')).toBe('a [secret]')
})

test('a text is cut between characters, and states how much is missing', () => {
  expect(shorten('😀😀😀', 2)).toBe('😀😀… (1 more characters)')
  expect(shorten('😀😀', 2)).toBe('😀😀')
})

test('an error is masked in all of its texts', () => {
  registerSecrets('planted-secret')
  const error = new KeymgmtError('KMS_FAILED', 'got planted-secret\u001b[0m', {
    hints: ['see planted-secret\n'],
    requestId: 'planted-secret\u0007',
  })
  expect(error.message).toBe('got [secret]\\x1b[0m')
  expect(error.hints).toEqual(['see [secret]\\n'])
  expect(error.requestId).toBe('[secret]\\x07')
  expect(error.stack).not.toContain('planted-secret')
})
