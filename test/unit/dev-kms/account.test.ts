import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  KMSClient,
  ListResourceTagsCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { afterEach, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { wrapForImport } from '../../../src/crypto/wrap.js'
import {
  copyAccount,
  startDevKms,
  type DevKms,
  type DevKmsOptions,
} from '../../../src/dev-kms/index.js'
import { ownAliases } from '../../support/own-aliases.js'

const running: DevKms[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((kms) => kms.close()))
})

async function start(options: DevKmsOptions = {}) {
  const kms = await startDevKms(options)
  running.push(kms)
  return {
    kms,
    client: (region = 'us-east-1') =>
      new KMSClient({
        region,
        endpoint: kms.endpoint,
        credentials: kms.credentials,
        maxAttempts: 1,
      }),
  }
}

/** A key with an alias and a replica, a token of the other key, and a ciphertext. */
async function prepare() {
  const { kms, client } = await start()
  const create = async (MultiRegion: boolean) =>
    (
      await client().send(
        new CreateKeyCommand({
          Origin: 'EXTERNAL',
          MultiRegion,
          Tags: [{ TagKey: 'a', TagValue: 'b' }],
        }),
      )
    ).KeyMetadata?.KeyId ?? ''
  const [KeyId, other] = [await create(true), await create(false)]
  const importInto = async (id: string) => {
    const { PublicKey, ImportToken } = await client().send(
      new GetParametersForImportCommand({
        KeyId: id,
        WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
        WrappingKeySpec: 'RSA_4096',
      }),
    )
    return new ImportKeyMaterialCommand({
      KeyId: id,
      ImportToken,
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
      EncryptedKeyMaterial: wrapForImport(
        'RSAES_OAEP_SHA_256',
        PublicKey ?? new Uint8Array(),
        randomBytes(32),
      ),
    })
  }
  await client().send(await importInto(KeyId))
  await client().send(new CreateAliasCommand({ AliasName: 'alias/one', TargetKeyId: KeyId }))
  await client().send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1' }))
  const { CiphertextBlob } = await client().send(
    new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }),
  )
  return { kms, client, KeyId, other, pending: await importInto(other), CiphertextBlob }
}

it('starts another server from a copy with keys, material, aliases, tags and tokens', async () => {
  const { kms, KeyId, pending, CiphertextBlob } = await prepare()
  const { client } = await start({ account: copyAccount(kms.account) })
  expect(
    Buffer.from(
      (await client().send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? [],
    ).toString(),
  ).toBe('x')
  expect(await ownAliases(client())).toMatchObject([{ AliasName: 'alias/one', TargetKeyId: KeyId }])
  expect((await client().send(new ListResourceTagsCommand({ KeyId }))).Tags).toEqual([
    { TagKey: 'a', TagValue: 'b' },
  ])
  await client().send(pending)
  expect(
    (await client('eu-west-1').send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.MultiRegion,
  ).toBe(true)
})

it('a copy and its original are independent', async () => {
  const { kms, client, KeyId, other, pending } = await prepare()
  const copy = await start({ account: copyAccount(kms.account) })
  await client().send(pending)
  await client('eu-west-1').send(new ScheduleKeyDeletionCommand({ KeyId }))
  await client().send(new CreateAliasCommand({ AliasName: 'alias/two', TargetKeyId: other }))
  expect(
    (await copy.client().send(new DescribeKeyCommand({ KeyId: other }))).KeyMetadata?.KeyState,
  ).toBe('PendingImport')
  expect(
    (await copy.client('eu-west-1').send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState,
  ).not.toBe('PendingDeletion')
  expect(await ownAliases(copy.client())).toHaveLength(1)
})

it('a copy keeps the state that primary and replica share', async () => {
  const { kms, KeyId } = await prepare()
  let now = Date.now()
  const { kms: copy, client } = await start({
    account: copyAccount(kms.account, () => new Date(now)),
  })
  now += 1_000
  await client('eu-west-1').send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
  await client().send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
  now += 7 * 86_400_000 + 1_000
  copy.account.region('eu-west-1')
  expect(copy.account.region('us-east-1').keys.get(KeyId)?.deletion?.at).toBeInstanceOf(Date)
})
