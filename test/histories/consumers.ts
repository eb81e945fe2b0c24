import type { Key } from '../../src/dev-kms/state.js'

/** A request that an application can repeat as long as a KMS key works. */
export interface Probe {
  readonly operation: 'Decrypt' | 'Verify' | 'VerifyMac'
  readonly input: object
}

const MESSAGE = Buffer.from('written before').toString('base64')

/** Encrypts, signs or MACs with a KMS key, as applications do. */
export async function consume(
  call: (operation: string, input: object) => Promise<Record<string, unknown>>,
  { arn: KeyId, usage }: Key,
): Promise<Probe> {
  if (usage === 'ENCRYPT_DECRYPT') {
    const { CiphertextBlob } = await call('Encrypt', { KeyId, Plaintext: MESSAGE })
    return { operation: 'Decrypt', input: { KeyId, CiphertextBlob } }
  }
  if (usage === 'GENERATE_VERIFY_MAC') {
    const input = { KeyId, Message: MESSAGE, MacAlgorithm: 'HMAC_SHA_256' }
    const { Mac } = await call('GenerateMac', input)
    return { operation: 'VerifyMac', input: { ...input, Mac } }
  }
  const input = { KeyId, Message: MESSAGE, SigningAlgorithm: 'ECDSA_SHA_256' }
  const { Signature } = await call('Sign', input)
  return { operation: 'Verify', input: { ...input, Signature } }
}
