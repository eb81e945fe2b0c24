import {
  blob,
  flag,
  list,
  map,
  number,
  optional,
  required,
  structure,
  text,
  time,
  word,
  type Members,
} from './shapes.js'

// Names, types and limits come from AWS's API model (botocore, kms 2014-11-01). For
// PendingWindowInDays and Limit, the tighter limits of AWS's documentation apply.

const keyId = text(1, 2048)
const KEY = { KeyId: required(keyId) }
const GRANT_TOKENS = { GrantTokens: optional(list(text(1, 8192), 0, 10)) }
const DRY_RUN = { DryRun: optional(flag) }
const USE = { ...KEY, ...GRANT_TOKENS, ...DRY_RUN }
const RECIPIENT = {
  Recipient: optional(
    structure({
      KeyEncryptionAlgorithm: optional(word('RSAES_OAEP_SHA_256')),
      AttestationDocument: optional(blob(1, 262_144)),
    }),
  ),
}
const DRY_RUN_MODIFIERS = { DryRunModifiers: optional(list(word('IGNORE_CIPHERTEXT'))) }
const page = (most: number) => ({
  Limit: optional(number(1, most)),
  Marker: optional(text(1, 1024, /[ -\u00ff]*/)),
})

const aliasName = text(1, 256, /[a-zA-Z0-9:/_-]+/)
const description = text(0, 8192)
const policy = text(1, 131_072, /[\t\n\r -\u00ff]+/)
const policyName = text(1, 128, /\w+/)
const tags = list(structure({ TagKey: required(text(1, 128)), TagValue: required(text(0, 256)) }))
const region = text(1, 32, /([a-z]+-){2,3}\d+/)
const principal = text(1, 256, /[\w+=,.@:/-]+/)
const servicePrincipal = text(1, 128, /([A-Za-z0-9-]+)\.([A-Za-z0-9-]+)(\.[A-Za-z0-9-]+)+/)
const grantId = text(1, 128)
const materialId = text(64, 64, /[a-f0-9]+/)
const storeId = text(1, 64)
const xksCredential = structure({
  AccessKeyId: required(text(20, 30, /[A-Z2-7]+/)),
  RawSecretAccessKey: required(text(43, 64, /[a-zA-Z0-9/+=]+/)),
})

const PAIR_SPECS = [
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_SECG_P256K1',
  'SM2',
]
const OLD_SPECS = [
  ...PAIR_SPECS,
  'SYMMETRIC_DEFAULT',
  'HMAC_224',
  'HMAC_256',
  'HMAC_384',
  'HMAC_512',
]
const ML_KEM = ['ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024']
const keySpec = word(
  ...OLD_SPECS,
  'ML_DSA_44',
  'ML_DSA_65',
  'ML_DSA_87',
  'ECC_NIST_EDWARDS25519',
  ...ML_KEM,
)
const keyUsage = word(
  'SIGN_VERIFY',
  'ENCRYPT_DECRYPT',
  'GENERATE_VERIFY_MAC',
  'KEY_AGREEMENT',
  'ENCAPSULATE_DECAPSULATE',
)
const encryptionAlgorithm = word(
  'SYMMETRIC_DEFAULT',
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'SM2PKE',
)
const signingAlgorithm = word(
  'RSASSA_PSS_SHA_256',
  'RSASSA_PSS_SHA_384',
  'RSASSA_PSS_SHA_512',
  'RSASSA_PKCS1_V1_5_SHA_256',
  'RSASSA_PKCS1_V1_5_SHA_384',
  'RSASSA_PKCS1_V1_5_SHA_512',
  'ECDSA_SHA_256',
  'ECDSA_SHA_384',
  'ECDSA_SHA_512',
  'SM2DSA',
  'ML_DSA_SHAKE_256',
  'ED25519_SHA_512',
  'ED25519_PH_SHA_512',
)
const grantOperation = word(
  'Decrypt',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncryptFrom',
  'ReEncryptTo',
  'Sign',
  'Verify',
  'GetPublicKey',
  'CreateGrant',
  'RetireGrant',
  'DescribeKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateMac',
  'VerifyMac',
  'DeriveSharedSecret',
  'Encapsulate',
  'Decapsulate',
)

const SIGNED = {
  Message: required(blob(1, 4096)),
  MessageType: optional(word('RAW', 'DIGEST', 'EXTERNAL_MU')),
  SigningAlgorithm: required(signingAlgorithm),
}
const MAC = {
  Message: required(blob(1, 4096)),
  MacAlgorithm: required(word('HMAC_SHA_224', 'HMAC_SHA_256', 'HMAC_SHA_384', 'HMAC_SHA_512')),
}
const CONTEXT = { EncryptionContext: optional(map) }
const DATA_KEY = {
  ...USE,
  ...CONTEXT,
  NumberOfBytes: optional(number(1, 1024)),
  KeySpec: optional(word('AES_256', 'AES_128')),
}
const DATA_KEY_PAIR = {
  ...USE,
  ...CONTEXT,
  KeyPairSpec: required(word(...PAIR_SPECS, 'ECC_NIST_EDWARDS25519', ...ML_KEM)),
}
const PROXY = {
  KeyStorePassword: optional(text(7, 32)),
  CloudHsmClusterId: optional(text(19, 24, /cluster-[2-7a-zA-Z]{11,16}/)),
  XksProxyUriEndpoint: optional(text(10, 128, /https:\/\/[a-zA-Z0-9.-]+/)),
  XksProxyUriPath: optional(text(10, 128, /(\/[a-zA-Z0-9/_-]+)?\/kms\/xks\/v\d{1,2}/)),
  XksProxyVpcEndpointServiceName: optional(
    text(20, 64, /(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+/),
  ),
  XksProxyVpcEndpointServiceOwner: optional(text(12, 12, /\d{12}/)),
  XksProxyAuthenticationCredential: optional(xksCredential),
  XksProxyConnectivity: optional(word('PUBLIC_ENDPOINT', 'VPC_ENDPOINT_SERVICE')),
}
const STORE = { CustomKeyStoreId: required(storeId) }

/** The members of each operation's request. */
export const OPERATIONS = {
  CancelKeyDeletion: KEY,
  ConnectCustomKeyStore: STORE,
  CreateAlias: { AliasName: required(aliasName), TargetKeyId: required(keyId) },
  CreateCustomKeyStore: {
    CustomKeyStoreName: required(text(1, 256)),
    TrustAnchorCertificate: optional(text(1, 5000)),
    CustomKeyStoreType: optional(word('AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE')),
    ...PROXY,
  },
  CreateGrant: {
    ...USE,
    GranteePrincipal: optional(principal),
    RetiringPrincipal: optional(principal),
    GranteeServicePrincipal: optional(servicePrincipal),
    RetiringServicePrincipal: optional(servicePrincipal),
    Operations: required(list(grantOperation)),
    Constraints: optional(
      structure({
        EncryptionContextSubset: optional(map),
        EncryptionContextEquals: optional(map),
        SourceArn: optional(text(20, 512, /arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:\d{12}:.+/)),
      }),
    ),
    Name: optional(aliasName),
  },
  CreateKey: {
    Policy: optional(policy),
    Description: optional(description),
    KeyUsage: optional(keyUsage),
    CustomerMasterKeySpec: optional(word(...OLD_SPECS)),
    KeySpec: optional(keySpec),
    Origin: optional(word('AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE')),
    CustomKeyStoreId: optional(storeId),
    BypassPolicyLockoutSafetyCheck: optional(flag),
    Tags: optional(tags),
    MultiRegion: optional(flag),
    XksKeyId: optional(text(1, 128, /[a-zA-Z0-9\-_.]+/)),
  },
  Decapsulate: {
    ...USE,
    SharedSecretCiphertextBlob: required(blob(1, 6144)),
    EncapsulationAlgorithm: required(word('ML_KEM')),
  },
  Decrypt: {
    ...GRANT_TOKENS,
    ...DRY_RUN,
    ...DRY_RUN_MODIFIERS,
    ...CONTEXT,
    ...RECIPIENT,
    KeyId: optional(keyId),
    CiphertextBlob: optional(blob(1, 6144)),
    EncryptionAlgorithm: optional(encryptionAlgorithm),
  },
  DeleteAlias: { AliasName: required(aliasName) },
  DeleteCustomKeyStore: STORE,
  DeleteImportedKeyMaterial: { ...KEY, KeyMaterialId: optional(materialId) },
  DeriveSharedSecret: {
    ...USE,
    ...RECIPIENT,
    KeyAgreementAlgorithm: required(word('ECDH')),
    PublicKey: required(blob(1, 8192)),
  },
  DescribeCustomKeyStores: {
    CustomKeyStoreId: optional(storeId),
    CustomKeyStoreName: optional(text(1, 256)),
    ...page(1000),
  },
  DescribeKey: { ...KEY, ...GRANT_TOKENS },
  DisableKey: KEY,
  DisableKeyRotation: KEY,
  DisconnectCustomKeyStore: STORE,
  EnableKey: KEY,
  EnableKeyRotation: { ...KEY, RotationPeriodInDays: optional(number(90, 2560)) },
  Encapsulate: { ...USE, EncapsulationAlgorithm: required(word('ML_KEM')) },
  Encrypt: {
    ...USE,
    ...CONTEXT,
    Plaintext: required(blob(1, 4096)),
    EncryptionAlgorithm: optional(encryptionAlgorithm),
  },
  GenerateDataKey: { ...DATA_KEY, ...RECIPIENT },
  GenerateDataKeyPair: { ...DATA_KEY_PAIR, ...RECIPIENT },
  GenerateDataKeyPairWithoutPlaintext: DATA_KEY_PAIR,
  GenerateDataKeyWithoutPlaintext: DATA_KEY,
  GenerateMac: { ...USE, ...MAC },
  GenerateRandom: {
    NumberOfBytes: optional(number(1, 1024)),
    CustomKeyStoreId: optional(storeId),
    ...RECIPIENT,
  },
  GetKeyLastUsage: KEY,
  GetKeyPolicy: { ...KEY, PolicyName: optional(policyName) },
  GetKeyRotationStatus: KEY,
  GetParametersForImport: {
    ...KEY,
    WrappingAlgorithm: required(
      word(
        'RSAES_PKCS1_V1_5',
        'RSAES_OAEP_SHA_1',
        'RSAES_OAEP_SHA_256',
        'RSA_AES_KEY_WRAP_SHA_1',
        'RSA_AES_KEY_WRAP_SHA_256',
        'SM2PKE',
      ),
    ),
    WrappingKeySpec: required(word('RSA_2048', 'RSA_3072', 'RSA_4096', 'SM2')),
  },
  GetPublicKey: { ...KEY, ...GRANT_TOKENS },
  ImportKeyMaterial: {
    ...KEY,
    ImportToken: required(blob(1, 6144)),
    EncryptedKeyMaterial: required(blob(1, 6144)),
    ValidTo: optional(time),
    ExpirationModel: optional(word('KEY_MATERIAL_EXPIRES', 'KEY_MATERIAL_DOES_NOT_EXPIRE')),
    ImportType: optional(word('NEW_KEY_MATERIAL', 'EXISTING_KEY_MATERIAL')),
    KeyMaterialDescription: optional(text(0, 256, /[a-zA-Z0-9:/_\s.-]+/)),
    KeyMaterialId: optional(materialId),
  },
  ListAliases: { KeyId: optional(keyId), ...page(100) },
  ListGrants: {
    ...KEY,
    ...page(100),
    GrantId: optional(grantId),
    GranteePrincipal: optional(principal),
    GranteeServicePrincipal: optional(servicePrincipal),
  },
  ListKeyPolicies: { ...KEY, ...page(1000) },
  ListKeyRotations: {
    ...KEY,
    ...page(1000),
    IncludeKeyMaterial: optional(word('ALL_KEY_MATERIAL', 'ROTATIONS_ONLY')),
  },
  ListKeys: {
    ...page(1000),
    ResourceOwners: optional(list(word('SELF', 'OTHER_ACCOUNTS_VIA_RAM'), 1, 2)),
  },
  ListResourceTags: { ...KEY, ...page(50) },
  ListRetirableGrants: {
    ...page(100),
    RetiringPrincipal: optional(principal),
    RetiringServicePrincipal: optional(servicePrincipal),
  },
  PutKeyPolicy: {
    ...KEY,
    PolicyName: optional(policyName),
    Policy: required(policy),
    BypassPolicyLockoutSafetyCheck: optional(flag),
  },
  ReEncrypt: {
    ...GRANT_TOKENS,
    ...DRY_RUN,
    ...DRY_RUN_MODIFIERS,
    CiphertextBlob: optional(blob(1, 6144)),
    SourceEncryptionContext: optional(map),
    SourceKeyId: optional(keyId),
    SourceEncryptionAlgorithm: optional(encryptionAlgorithm),
    DestinationKeyId: required(keyId),
    DestinationEncryptionContext: optional(map),
    DestinationEncryptionAlgorithm: optional(encryptionAlgorithm),
  },
  ReplicateKey: {
    ...KEY,
    ReplicaRegion: required(region),
    Policy: optional(policy),
    BypassPolicyLockoutSafetyCheck: optional(flag),
    Description: optional(description),
    Tags: optional(tags),
  },
  RetireGrant: {
    GrantToken: optional(text(1, 8192)),
    KeyId: optional(keyId),
    GrantId: optional(grantId),
    ...DRY_RUN,
  },
  RevokeGrant: { ...KEY, GrantId: required(grantId), ...DRY_RUN },
  RotateKeyOnDemand: KEY,
  ScheduleKeyDeletion: { ...KEY, PendingWindowInDays: optional(number(7, 30)) },
  Sign: { ...USE, ...SIGNED },
  TagResource: { ...KEY, Tags: required(tags) },
  UntagResource: { ...KEY, TagKeys: required(list(text(1, 128))) },
  UpdateAlias: { AliasName: required(aliasName), TargetKeyId: required(keyId) },
  UpdateCustomKeyStore: { ...STORE, NewCustomKeyStoreName: optional(text(1, 256)), ...PROXY },
  UpdateKeyDescription: { ...KEY, Description: required(description) },
  UpdatePrimaryRegion: { ...KEY, PrimaryRegion: required(region) },
  Verify: { ...USE, ...SIGNED, Signature: required(blob(1, 6144)) },
  VerifyMac: { ...USE, ...MAC, Mac: required(blob(1, 6144)) },
} as const satisfies Readonly<Record<string, Members>>

/** The name of an operation. */
export type Operation = keyof typeof OPERATIONS
