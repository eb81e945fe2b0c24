import {
  CreateKeyCommand,
  DescribeKeyCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  KMSClient,
  KMSServiceException,
  type CreateKeyCommandInput,
  type ImportKeyMaterialCommandInput,
  type WrappingKeySpec,
} from '@aws-sdk/client-kms'
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import { startDevKms, type DevKms, type DevKmsOptions } from '../../../src/dev-kms/index.js'

export const HOME = 'us-east-1'
export const ABROAD = 'eu-west-1'

/** Differences from a usual import. */
export interface Putting extends Partial<ImportKeyMaterialCommandInput> {
  readonly region?: string
  readonly algorithm?: string
  readonly wrapWith?: WrappingKeySpec
}

/** A running KMS with its own clock, and the tests' actions on it. */
export interface Lab {
  readonly kms: DevKms
  client(region?: string): KMSClient
  create(input?: CreateKeyCommandInput, region?: string): Promise<string>
  put(KeyId: string, material: Uint8Array, options?: Putting): Promise<string | undefined>
  stateOf(KeyId: string, region?: string): Promise<string | undefined>
  /** Advances the clock. */
  wait(ms: number): void
  close(): Promise<void>
}

/** Wraps as AWS documents, without the product's code. */
export function wrap(algorithm: string, publicKey: Uint8Array, material: Uint8Array): Buffer {
  const oaep = {
    key: createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' }),
    padding: constants.RSA_PKCS1_OAEP_PADDING,
    oaepHash: algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256',
  }
  if (algorithm.startsWith('RSAES')) return publicEncrypt(oaep, material)
  const ephemeral = randomBytes(32)
  const cipher = createCipheriv('id-aes256-wrap-pad', ephemeral, Buffer.from('A65959A6', 'hex'))
  return Buffer.concat([publicEncrypt(oaep, ephemeral), cipher.update(material), cipher.final()])
}

export async function createLab(options: DevKmsOptions = {}): Promise<Lab> {
  // The clock advances only in wait(), so that transient states last as long as a test needs.
  const start = Date.now()
  let ahead = 0
  const kms = await startDevKms({ now: () => new Date(start + ahead), ...options })
  const client = (region = HOME) =>
    new KMSClient({
      region,
      endpoint: kms.endpoint,
      credentials: kms.credentials,
      maxAttempts: 1,
      systemClockOffset: ahead,
    })
  return {
    kms,
    client,
    create: async (input = {}, region) =>
      (await client(region).send(new CreateKeyCommand({ Origin: 'EXTERNAL', ...input })))
        .KeyMetadata?.KeyId ?? '',
    put: async (KeyId, material, { region, algorithm, wrapWith = 'RSA_4096', ...rest } = {}) => {
      const WrappingAlgorithm =
        algorithm ?? (material.length > 128 ? 'RSA_AES_KEY_WRAP_SHA_256' : 'RSAES_OAEP_SHA_256')
      const { PublicKey, ImportToken } = await client(region).send(
        new GetParametersForImportCommand({
          KeyId,
          WrappingAlgorithm: WrappingAlgorithm as 'RSAES_OAEP_SHA_256',
          WrappingKeySpec: wrapWith,
        }),
      )
      const { KeyMaterialId } = await client(region).send(
        new ImportKeyMaterialCommand({
          KeyId,
          ImportToken,
          EncryptedKeyMaterial: wrap(WrappingAlgorithm, PublicKey ?? new Uint8Array(), material),
          ...(rest.ValidTo ? {} : { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }),
          ...rest,
        }),
      )
      return KeyMaterialId
    },
    stateOf: async (KeyId, region) =>
      (await client(region).send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState,
    wait: (ms) => {
      ahead += ms
    },
    close: () => kms.close(),
  }
}

/** The error that the KMS returned to the attempt. */
export async function refusalOf(
  attempt: Promise<unknown>,
): Promise<{ readonly name: string; readonly message: string }> {
  try {
    await attempt
  } catch (error) {
    if (error instanceof KMSServiceException) return error
    throw error
  }
  return { name: 'none', message: '' }
}

/** The name of the attempt's error. */
export async function errorOf(attempt: Promise<unknown>): Promise<string> {
  return (await refusalOf(attempt)).name
}
