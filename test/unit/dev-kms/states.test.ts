import {
  CreateAliasCommand,
  DeleteImportedKeyMaterialCommand,
  DisableKeyCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetParametersForImportCommand,
  KMS,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  UpdatePrimaryRegionCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { copyAccount, type Account } from '../../../src/dev-kms/index.js'
import { ABROAD, createLab, errorOf, HOME, wrap, type Lab } from './lab.js'

// Every operation in every key state, against AWS's table (Key states of AWS KMS keys). The table
// is repeated here in words, independent of the one in the source.

const OK = 'none'
const OFF = 'DisabledException'
const STATE = 'KMSInvalidStateException'
const NEVER = 'UnsupportedOperationException'

const STATES = [
  'Enabled',
  'Disabled',
  'PendingDeletion',
  'PendingReplicaDeletion',
  'PendingImport',
  'Creating',
  'Updating',
] as const
type State = (typeof STATES)[number]
type Row = readonly [
  enabled: string,
  disabled: string,
  deletion: string,
  replicaDeletion: string,
  pendingImport: string,
  creating: string,
  updating: string,
]

const USE: Row = [OK, OFF, STATE, STATE, STATE, STATE, OK]
const ANY: Row = [OK, OK, OK, OK, OK, OK, OK]
const NOT_GOING: Row = [OK, OK, STATE, STATE, OK, OK, OK]
const SWITCH: Row = [OK, OK, STATE, STATE, STATE, STATE, STATE]
const YEARLY: Row = [NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER]

/** Key ids by kind of key. */
type Ids = Readonly<Record<'symmetric' | 'signing' | 'agreeing' | 'mac', string>>

interface Prepared {
  readonly account: Account
  readonly ids: Ids
  readonly ciphertext: Uint8Array | undefined
  readonly signature: Uint8Array | undefined
  readonly macOf: Uint8Array | undefined
  /** By Region: a token, and material that was wrapped for it. */
  readonly imports: Readonly<
    Record<string, { ImportToken: Uint8Array | undefined; EncryptedKeyMaterial: Uint8Array }>
  >
}

const Message = Buffer.from('m')
const PEER = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
  format: 'der',
  type: 'spki',
})
const SIGNED = { Message, SigningAlgorithm: 'ECDSA_SHA_256' } as const
const MAC = { Message, MacAlgorithm: 'HMAC_SHA_256' } as const
const PERMITTED = {
  GranteePrincipal: 'arn:aws:iam::111122223333:user/a',
  Operations: ['Encrypt' as const],
}

/** Each operation, its expected result in each state, and a request that is otherwise valid. */
const OPERATIONS: Readonly<
  Record<string, readonly [Row, (kms: KMS, prepared: Prepared, region: string) => Promise<unknown>]>
> = {
  CancelKeyDeletion: [
    [STATE, STATE, OK, OK, STATE, STATE, STATE],
    (kms, { ids }) => kms.cancelKeyDeletion({ KeyId: ids.symmetric }),
  ],
  CreateAlias: [
    NOT_GOING,
    (kms, { ids }) => kms.createAlias({ AliasName: 'alias/new', TargetKeyId: ids.symmetric }),
  ],
  CreateGrant: [USE, (kms, { ids }) => kms.createGrant({ KeyId: ids.symmetric, ...PERMITTED })],
  Decrypt: [
    USE,
    (kms, { ids, ciphertext }) => kms.decrypt({ KeyId: ids.symmetric, CiphertextBlob: ciphertext }),
  ],
  DeleteAlias: [ANY, (kms) => kms.deleteAlias({ AliasName: 'alias/symmetric' })],
  DeleteImportedKeyMaterial: [
    [OK, OK, OK, OK, OK, STATE, STATE],
    (kms, { ids }) => kms.deleteImportedKeyMaterial({ KeyId: ids.symmetric }),
  ],
  DeriveSharedSecret: [
    USE,
    (kms, { ids }) =>
      kms.deriveSharedSecret({
        KeyId: ids.agreeing,
        KeyAgreementAlgorithm: 'ECDH',
        PublicKey: PEER,
      }),
  ],
  DescribeKey: [ANY, (kms, { ids }) => kms.describeKey({ KeyId: ids.symmetric })],
  DisableKey: [SWITCH, (kms, { ids }) => kms.disableKey({ KeyId: ids.symmetric })],
  DisableKeyRotation: [YEARLY, (kms, { ids }) => kms.disableKeyRotation({ KeyId: ids.symmetric })],
  EnableKey: [SWITCH, (kms, { ids }) => kms.enableKey({ KeyId: ids.symmetric })],
  EnableKeyRotation: [YEARLY, (kms, { ids }) => kms.enableKeyRotation({ KeyId: ids.symmetric })],
  Encrypt: [USE, (kms, { ids }) => kms.encrypt({ KeyId: ids.symmetric, Plaintext: Message })],
  GenerateDataKey: [
    USE,
    (kms, { ids }) => kms.generateDataKey({ KeyId: ids.symmetric, KeySpec: 'AES_256' }),
  ],
  GenerateDataKeyPair: [
    USE,
    (kms, { ids }) =>
      kms.generateDataKeyPair({ KeyId: ids.symmetric, KeyPairSpec: 'ECC_NIST_P256' }),
  ],
  GenerateDataKeyPairWithoutPlaintext: [
    USE,
    (kms, { ids }) =>
      kms.generateDataKeyPairWithoutPlaintext({
        KeyId: ids.symmetric,
        KeyPairSpec: 'ECC_NIST_P256',
      }),
  ],
  GenerateDataKeyWithoutPlaintext: [
    USE,
    (kms, { ids }) =>
      kms.generateDataKeyWithoutPlaintext({ KeyId: ids.symmetric, KeySpec: 'AES_256' }),
  ],
  GenerateMac: [USE, (kms, { ids }) => kms.generateMac({ KeyId: ids.mac, ...MAC })],
  GetKeyLastUsage: [ANY, (kms, { ids }) => kms.getKeyLastUsage({ KeyId: ids.symmetric })],
  GetKeyPolicy: [ANY, (kms, { ids }) => kms.getKeyPolicy({ KeyId: ids.symmetric })],
  GetKeyRotationStatus: [
    [OK, OK, OK, OK, NEVER, OK, OK],
    (kms, { ids }) => kms.getKeyRotationStatus({ KeyId: ids.symmetric }),
  ],
  GetParametersForImport: [
    [OK, OK, STATE, STATE, OK, STATE, STATE],
    (kms, { ids }) =>
      kms.getParametersForImport({
        KeyId: ids.symmetric,
        WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
        WrappingKeySpec: 'RSA_4096',
      }),
  ],
  GetPublicKey: [
    [OK, OK, STATE, STATE, OK, STATE, OK],
    (kms, { ids }) => kms.getPublicKey({ KeyId: ids.signing }),
  ],
  ImportKeyMaterial: [
    [OK, OK, STATE, STATE, OK, STATE, OK],
    (kms, { ids, imports }, region) =>
      kms.importKeyMaterial({
        KeyId: ids.symmetric,
        ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
        ...imports[region],
        ...(imports[region]
          ? {}
          : { ImportToken: randomBytes(99), EncryptedKeyMaterial: randomBytes(512) }),
      } as never),
  ],
  ListAliases: [ANY, (kms, { ids }) => kms.listAliases({ KeyId: ids.symmetric })],
  ListGrants: [ANY, (kms, { ids }) => kms.listGrants({ KeyId: ids.symmetric })],
  ListKeyPolicies: [ANY, (kms, { ids }) => kms.listKeyPolicies({ KeyId: ids.symmetric })],
  ListKeyRotations: [ANY, (kms, { ids }) => kms.listKeyRotations({ KeyId: ids.symmetric })],
  ListResourceTags: [ANY, (kms, { ids }) => kms.listResourceTags({ KeyId: ids.symmetric })],
  PutKeyPolicy: [
    ANY,
    async (kms, { ids }) =>
      kms.putKeyPolicy({
        KeyId: ids.symmetric,
        Policy: (await kms.getKeyPolicy({ KeyId: ids.symmetric })).Policy,
      }),
  ],
  ReEncrypt: [
    USE,
    (kms, { ids, ciphertext }) =>
      kms.reEncrypt({ CiphertextBlob: ciphertext, DestinationKeyId: ids.symmetric }),
  ],
  ReplicateKey: [
    [OK, OFF, STATE, STATE, STATE, STATE, STATE],
    (kms, { ids }) => kms.replicateKey({ KeyId: ids.symmetric, ReplicaRegion: 'sa-east-1' }),
  ],
  RotateKeyOnDemand: [USE, (kms, { ids }) => kms.rotateKeyOnDemand({ KeyId: ids.symmetric })],
  ScheduleKeyDeletion: [
    [OK, OK, STATE, STATE, OK, OK, STATE],
    (kms, { ids }) => kms.scheduleKeyDeletion({ KeyId: ids.symmetric }),
  ],
  Sign: [USE, (kms, { ids }) => kms.sign({ KeyId: ids.signing, ...SIGNED })],
  TagResource: [
    NOT_GOING,
    (kms, { ids }) =>
      kms.tagResource({ KeyId: ids.symmetric, Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
  ],
  UntagResource: [
    NOT_GOING,
    (kms, { ids }) => kms.untagResource({ KeyId: ids.symmetric, TagKeys: ['a'] }),
  ],
  UpdateAlias: [
    NOT_GOING,
    (kms, { ids }) => kms.updateAlias({ AliasName: 'alias/symmetric', TargetKeyId: ids.symmetric }),
  ],
  UpdateKeyDescription: [
    NOT_GOING,
    (kms, { ids }) => kms.updateKeyDescription({ KeyId: ids.symmetric, Description: 'x' }),
  ],
  UpdatePrimaryRegion: [
    USE,
    (kms, { ids }, region) =>
      kms.updatePrimaryRegion({
        KeyId: ids.symmetric,
        PrimaryRegion: region === HOME ? ABROAD : HOME,
      }),
  ],
  Verify: [
    USE,
    (kms, { ids, signature }) =>
      kms.verify({ KeyId: ids.signing, ...SIGNED, Signature: signature }),
  ],
  VerifyMac: [USE, (kms, { ids, macOf }) => kms.verifyMac({ KeyId: ids.mac, ...MAC, Mac: macOf })],
}

/**
 * Brings all four keys into each state, and returns their Region. The clock stands still, so
 * transient states last.
 */
const COMING: Readonly<
  Record<State, readonly [region: string, come: (lab: Lab, KeyId: string) => Promise<unknown>]>
> = {
  Enabled: [HOME, () => Promise.resolve()],
  Disabled: [HOME, (lab, KeyId) => lab.client().send(new DisableKeyCommand({ KeyId }))],
  PendingDeletion: [
    ABROAD,
    (lab, KeyId) => lab.client(ABROAD).send(new ScheduleKeyDeletionCommand({ KeyId })),
  ],
  PendingReplicaDeletion: [
    HOME,
    (lab, KeyId) => lab.client().send(new ScheduleKeyDeletionCommand({ KeyId })),
  ],
  PendingImport: [
    HOME,
    (lab, KeyId) => lab.client().send(new DeleteImportedKeyMaterialCommand({ KeyId })),
  ],
  Creating: [
    'ap-south-1',
    (lab, KeyId) =>
      lab.client().send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'ap-south-1' })),
  ],
  Updating: [
    ABROAD,
    (lab, KeyId) =>
      lab.client().send(new UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion: ABROAD })),
  ],
}

const frozen = new Date()
const pkcs8 = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    format: 'der',
    type: 'pkcs8',
  })

/** One multi-Region key of each kind, with its material in two Regions and ready for a rotation. */
async function prepare(): Promise<Prepared> {
  const lab = await createLab()
  const make = async (input: object, material: Buffer) => {
    const id = await lab.create({ ...input, MultiRegion: true })
    await lab.put(id, material)
    await lab.client().send(new ReplicateKeyCommand({ KeyId: id, ReplicaRegion: ABROAD }))
    lab.wait(1_000)
    await lab.put(id, material, { region: ABROAD })
    return id
  }
  const [first, next] = [randomBytes(32), randomBytes(32)]
  const ids = {
    symmetric: await make({}, first),
    signing: await make({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }, pkcs8()),
    agreeing: await make({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }, pkcs8()),
    mac: await make({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }, randomBytes(32)),
  }
  await lab.put(ids.symmetric, next, { ImportType: 'NEW_KEY_MATERIAL' })
  await lab.put(ids.symmetric, next, { region: ABROAD })
  const imports = await Promise.all(
    [HOME, ABROAD].map(async (region) => {
      const { ImportToken, PublicKey } = await lab.client(region).send(
        new GetParametersForImportCommand({
          KeyId: ids.symmetric,
          WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
          WrappingKeySpec: 'RSA_4096',
        }),
      )
      return [
        region,
        {
          ImportToken,
          EncryptedKeyMaterial: wrap('RSAES_OAEP_SHA_256', PublicKey ?? new Uint8Array(), first),
        },
      ] as const
    }),
  )
  const { CiphertextBlob } = await lab
    .client()
    .send(new EncryptCommand({ KeyId: ids.symmetric, Plaintext: Message }))
  const { Signature } = await lab.client().send(new SignCommand({ KeyId: ids.signing, ...SIGNED }))
  const { Mac } = await lab.client().send(new GenerateMacCommand({ KeyId: ids.mac, ...MAC }))
  await lab.close()
  return {
    account: copyAccount(lab.kms.account, () => frozen),
    ids,
    ciphertext: CiphertextBlob,
    signature: Signature,
    macOf: Mac,
    imports: Object.fromEntries(imports),
  }
}

let prepared: Prepared
beforeAll(async () => {
  prepared = await prepare()
  // The replicas above became ready by a clock that is ahead of this one.
  for (const region of prepared.account.regions.values())
    for (const [id, key] of region.keys) region.keys.set(id, { ...key, readyAt: 0 })
})

describe.each(STATES)('%s', (state) => {
  const [region, come] = COMING[state]
  let account: Account
  const client = (lab: Lab) =>
    new KMS({
      region,
      endpoint: lab.kms.endpoint,
      credentials: lab.kms.credentials,
      maxAttempts: 1,
    })

  beforeAll(async () => {
    const lab = await createLab({ account: copyAccount(prepared.account) })
    for (const id of Object.values(prepared.ids)) await come(lab, id)
    if (state.startsWith('Pending'))
      expect(await lab.stateOf(prepared.ids.symmetric, region)).toBe(state)
    account = lab.kms.account
    account.region(region).aliases.set('alias/symmetric', {
      target: prepared.ids.symmetric,
      created: frozen,
      updated: frozen,
    })
    await lab.close()
  })

  it.each(
    Object.entries(OPERATIONS).map(
      ([name, [row]]) => [name, row[STATES.indexOf(state)] ?? ''] as const,
    ),
  )('%s: %s', async (name, expected) => {
    const lab = await createLab({ account: copyAccount(account) })
    try {
      expect(await lab.stateOf(prepared.ids.symmetric, region)).toBe(state)
      expect(
        await errorOf(
          OPERATIONS[name]?.[1](client(lab), prepared, region) ?? Promise.reject(new Error(name)),
        ),
      ).toBe(expected)
    } finally {
      await lab.close()
    }
  })
})

describe('the message', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await createLab()
  })
  afterAll(() => lab.close())
  it('for a key that is pending import is the recorded one, not the documented one', async () => {
    const id = await lab.create()
    await expect(
      lab.client().send(new EncryptCommand({ KeyId: id, Plaintext: Message })),
    ).rejects.toThrow(
      new RegExp(`^arn:aws:kms:${HOME}:111122223333:key/${id} is pending import\\.$`),
    )
  })
  it('an alias can move away from a key that is pending deletion', async () => {
    const [one, other] = [await lab.create(), await lab.create()]
    await lab.client().send(new CreateAliasCommand({ AliasName: 'alias/moving', TargetKeyId: one }))
    await lab.client().send(new ScheduleKeyDeletionCommand({ KeyId: one }))
    const kms = new KMS({
      region: HOME,
      endpoint: lab.kms.endpoint,
      credentials: lab.kms.credentials,
    })
    await kms.updateAlias({ AliasName: 'alias/moving', TargetKeyId: other })
    expect(await errorOf(kms.updateAlias({ AliasName: 'alias/moving', TargetKeyId: one }))).toBe(
      STATE,
    )
  })
})
