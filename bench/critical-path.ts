import { constants, publicEncrypt, randomBytes } from 'node:crypto'
import {
  CreateAliasCommand,
  CreateKeyCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  KMSClient,
} from '@aws-sdk/client-kms'

// node critical-path.js REGION: sends the requests that distribute one version, one after the
// other, with the bare SDK. More versions need not take longer, because they need not wait for each
// other.

const client = new KMSClient({ region: process.argv[2] ?? '' })
const { KeyMetadata: { KeyId = '' } = {} } = await client.send(
  new CreateKeyCommand({ Origin: 'EXTERNAL' }),
)
const { PublicKey = new Uint8Array(), ImportToken } = await client.send(
  new GetParametersForImportCommand({
    KeyId,
    WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
    WrappingKeySpec: 'RSA_4096',
  }),
)
const wrappingKey = {
  key: Buffer.from(PublicKey),
  format: 'der',
  type: 'spki',
  padding: constants.RSA_PKCS1_OAEP_PADDING,
  oaepHash: 'sha256',
} as const
await client.send(
  new ImportKeyMaterialCommand({
    KeyId,
    ImportToken,
    EncryptedKeyMaterial: publicEncrypt(wrappingKey, randomBytes(32)),
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
  }),
)
await client.send(new CreateAliasCommand({ AliasName: 'alias/critical-path', TargetKeyId: KeyId }))
