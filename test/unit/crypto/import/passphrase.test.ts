import { describe, expect, it } from '@jest/globals'
import {
  assertNoPassphrase,
  decryptionError,
  requirePassphrase,
} from '../../../../src/crypto/import/passphrase.js'
import { invalidMaterial, wrapError } from '../../../../src/crypto/import/invalid-material.js'

const OTHER_WAY = 'the private key is encrypted in a way that this Node does not support'
const WRONG = 'the passphrase does not open the private key'

describe('the passphrase of an encrypted private key', () => {
  it.each([1, 1023, 1024])(
    'may have %d bytes, and is not copied, because a copy would have to be wiped',
    (length) => {
      const passphrase = new Uint8Array(length).fill(0x61)
      const taken = requirePassphrase({ passphrase })
      passphrase.fill(0x62)
      expect(taken.toString()).toBe('b'.repeat(length))
    },
  )

  it.each([
    [
      'not there',
      undefined,
      [
        'the private key is encrypted, and a passphrase is needed',
        'add passphrase=@FILE with the name of a file that contains the passphrase',
      ],
    ],
    [
      'empty',
      new Uint8Array(),
      ['the passphrase is empty', 'passphrase=@FILE names a file that contains the passphrase'],
    ],
    [
      'longer than OpenSSL reads',
      new Uint8Array(1025),
      [
        'the passphrase is longer than 1024 bytes',
        'passphrase=@FILE names a file that contains the passphrase and nothing else',
      ],
    ],
  ])('is refused: %s', (_name, passphrase, [message, ...hints]) => {
    expect(() => requirePassphrase({ passphrase })).toThrow(
      expect.objectContaining({ code: 'FIELD_INVALID', message, hints }),
    )
  })

  it('is refused with material that is not encrypted, even if it is empty', () => {
    expect(() => {
      assertNoPassphrase({})
    }).not.toThrow()
    for (const passphrase of [new Uint8Array(), new Uint8Array(7)]) {
      expect(() => {
        assertNoPassphrase({ passphrase })
      }).toThrow(
        expect.objectContaining({
          message: 'a passphrase was specified, but the material is not encrypted',
          hints: ['leave passphrase out, or import the encrypted file'],
        }),
      )
    }
  })
})

describe("the error for a private key that can't be decrypted", () => {
  // Observed codes of Node's errors for OpenSSL's reasons.
  it.each([
    ['ERR_OSSL_EVP_UNSUPPORTED', OTHER_WAY],
    ['ERR_OSSL_EVP_UNSUPPORTED_KEY_DERIVATION_FUNCTION', OTHER_WAY],
    ['ERR_OSSL_EVP_UNSUPPORTED_PRF', OTHER_WAY],
    ['ERR_OSSL_EVP_UNKNOWN_PBE_ALGORITHM', OTHER_WAY],
    ['ERR_OSSL_PEM_UNSUPPORTED_ENCRYPTION', OTHER_WAY],
    ['ERR_OSSL_BAD_DECRYPT', WRONG],
    ['ERR_OSSL_ASN1_WRONG_TAG', WRONG],
    ['ERR_OSSL_ASN1_HEADER_TOO_LONG', WRONG],
    ['ERR_OSSL_UNSUPPORTED', WRONG],
    ['', WRONG],
  ])('depends on the code %j: %s', (code, message) => {
    expect(decryptionError(code)).toMatchObject({
      code: 'FIELD_INVALID',
      message,
      hints: [
        message === WRONG
          ? 'check the passphrase; if it is right, the file is damaged'
          : 'encrypt it again: openssl pkcs8 -topk8 -v2 aes-256-cbc -provider legacy -provider default -in FILE -out new.pem; then import new.pem',
      ],
    })
  })

  it.each([
    [
      'the code of what was thrown',
      Object.assign(new Error('its words'), { code: 'ERR_OSSL_UNSUPPORTED' }),
      'ERR_OSSL_UNSUPPORTED',
    ],
    ['nothing, where that has no code', new Error('its words'), ''],
  ])('drops the message of %s', (_name, thrown, code) => {
    expect(() =>
      wrapError(
        () => {
          throw thrown
        },
        (given) => invalidMaterial(`code ${JSON.stringify(given)}`, 'a hint'),
      ),
    ).toThrow(
      expect.objectContaining({ message: `code ${JSON.stringify(code)}`, hints: ['a hint'] }),
    )
  })

  it('is the original KeymgmtError, if there is one', () => {
    const first = invalidMaterial('the first')
    expect(() =>
      wrapError(
        () => {
          throw first
        },
        () => invalidMaterial('the second'),
      ),
    ).toThrow(first)
    expect(
      wrapError(
        () => 7,
        () => invalidMaterial('the second'),
      ),
    ).toBe(7)
  })
})
