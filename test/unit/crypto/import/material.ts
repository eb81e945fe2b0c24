import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { recogniseMaterial } from '../../../../src/crypto/import/recognise.js'
import { KeymgmtError } from '../../../../src/errors.js'

/** A file that is read, or refused with a matching message. The keys are published test keys. */
export interface MaterialVector {
  readonly name: string
  /** The RFC that contains it, or the command that generated it. */
  readonly source: string
  readonly text?: string
  readonly base64?: string
  readonly passphrase?: string
  readonly type?: string
  readonly format?: string
  /** Its public key according to OpenSSL: SubjectPublicKeyInfo. */
  readonly public?: string
  readonly refused?: string
}

export const MATERIAL_VECTORS = JSON.parse(
  readFileSync('test/vectors/material.json', 'utf8'),
) as readonly MaterialVector[]

/** The bytes of a vector. */
export function fileOf({ text, base64 }: MaterialVector): Buffer {
  return text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text)
}

/** The public key of material, as SubjectPublicKeyInfo. */
export function publicHalf(material: Uint8Array): Buffer {
  const key = createPrivateKey({ key: Buffer.from(material), format: 'der', type: 'pkcs8' })
  return createPublicKey(key).export({ format: 'der', type: 'spki' })
}

/** The message of a refusal with at least one hint. Throws any other error. */
export function refusalOf(...given: Parameters<typeof recogniseMaterial>): string {
  try {
    recogniseMaterial(...given)
  } catch (error) {
    if (
      !(error instanceof KeymgmtError) ||
      error.code !== 'FIELD_INVALID' ||
      error.cause !== undefined
    )
      throw error
    const said = [error.message, ...error.hints]
    if (said.length < 2 || said.includes(''))
      throw new Error('it was refused without a word, or without a next step', { cause: error })
    return said.join('\n')
  }
  throw new Error('it was not refused')
}
