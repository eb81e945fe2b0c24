import {
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  type CreateKeyCommandInput,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createRootKey, createSealHeader } from '../../../../src/crypto/root-key.js'
import { startDevKms, type DevKms, type DevKmsRequest } from '../../../../src/dev-kms/index.js'
import { openSealKey } from '../../../../src/kms/aws/seal-key.js'
import { createHeader, rewrapHeader } from '../../../../src/store/seals/create.js'
import { parseSealNames } from '../../../../src/store/seals/index.js'
import { createHeaderOpener } from '../../../../src/store/seals/open.js'
import type { SealMeans } from '../../../../src/store/seals/seal.js'

const REGION = 'eu-west-1'
const NOBODY = 'AKIDNOBODY0000000000'
let kms: DevKms
let client: KMSClient
const requests: DevKmsRequest[] = []

beforeAll(async () => {
  kms = await startDevKms({
    onRequest: (request) => requests.push(request),
    credentials: { [NOBODY]: 'secret' },
    policies: { [NOBODY]: { Version: '2012-10-17', Statement: [] } },
  })
  client = new KMSClient({ region: REGION, endpoint: kms.endpoint, credentials: kms.credentials })
})
afterAll(async () => {
  client.destroy()
  await kms.close()
})

const createKey = async (input: CreateKeyCommandInput = {}) =>
  (await client.send(new CreateKeyCommand(input))).KeyMetadata?.Arn ?? ''

function meansOf(
  { accessKeyId, secretAccessKey } = kms.credentials,
  signal = new AbortController().signal,
): SealMeans {
  const env = {
    AWS_ENDPOINT_URL_KMS: kms.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  }
  return {
    keyfileOf: () => '/nonexistent/keyfile',
    kmsKey: (arn) => openSealKey(arn, { env, signal }),
  }
}
const create = (arn: string, means = meansOf()) =>
  createHeader(means, [{ kind: 'awskms', id: arn }])

describe('a KMS key as a seal', () => {
  it('opens the store, in its own Region, for the id of the store only', async () => {
    const arn = await createKey()
    const { header, root } = await create(arn)
    requests.length = 0
    expect(await createHeaderOpener(meansOf()).open(header)).toEqual(root)
    expect(requests.map(({ operation, region }) => [operation, region])).toEqual([
      ['Decrypt', REGION],
    ])
    const other = createSealHeader(createRootKey(), header.seals)
    await expect(createHeaderOpener(meansOf()).open(other)).rejects.toMatchObject({
      code: 'STORE_SEALED',
      message: expect.stringContaining(`KMS key ${arn} does not open this store`) as unknown,
    })
  })

  it('wraps another root key', async () => {
    const { header } = await create(await createKey())
    const root = createRootKey(header.store_id)
    const next = await rewrapHeader(header, root, meansOf())
    expect(await createHeaderOpener(meansOf()).open(next)).toEqual(root)
  })

  it.each<[CreateKeyCommandInput, string]>([
    [{ Origin: 'EXTERNAL' }, 'has imported material'],
    [{ KeyUsage: 'GENERATE_VERIFY_MAC', KeySpec: 'HMAC_256' }, 'is not a symmetric key'],
    [{ KeyUsage: 'ENCRYPT_DECRYPT', KeySpec: 'RSA_2048' }, 'is not a symmetric key'],
  ])('is refused: %j', async (input, why) => {
    const arn = await createKey(input)
    await expect(create(arn)).rejects.toMatchObject({
      code: 'SEAL_REFUSED',
      message: expect.stringMatching(`^KMS key ${arn} ${why}`) as unknown,
      hints: expect.arrayContaining([expect.any(String)]) as unknown,
    })
  })

  it('is refused while it is disabled or pending deletion; then it opens nothing', async () => {
    const arn = await createKey()
    const { header, root } = await create(arn)
    const open = () => createHeaderOpener(meansOf()).open(header)
    await client.send(new DisableKeyCommand({ KeyId: arn }))
    const enable = `enable it: aws kms enable-key --key-id ${arn} --region ${REGION}`
    await expect(create(arn)).rejects.toMatchObject({ code: 'SEAL_REFUSED', hints: [enable] })
    await expect(open()).rejects.toMatchObject({
      code: 'STORE_SEALED',
      message: `KMS key ${arn} is disabled`,
      hints: [enable],
      requestId: expect.any(String) as unknown,
    })
    await client.send(new EnableKeyCommand({ KeyId: arn }))
    expect(await open()).toEqual(root)
    await client.send(new ScheduleKeyDeletionCommand({ KeyId: arn }))
    const cancel = expect.stringContaining(`aws kms cancel-key-deletion --key-id ${arn}`) as unknown
    await expect(create(arn)).rejects.toMatchObject({ code: 'SEAL_REFUSED', hints: [cancel] })
    await expect(open()).rejects.toMatchObject({ code: 'STORE_SEALED', hints: [cancel] })
  })

  it.each([
    ['another account', (arn: string) => arn.replace(/:\d{12}:/, ':999988887777:')],
    ['a KMS key that AWS has deleted', (arn: string) => arn.replace(/.{4}$/, '0000')],
  ])('is named with its account in the error of %s', async (_what, change) => {
    const arn = change(await createKey())
    const [, account = ''] = /:(\d{12}):/.exec(arn) ?? []
    const { header } = await create(await createKey())
    const moved = { ...header, seals: header.seals.map((entry) => ({ ...entry, id: arn })) }
    for (const failed of [create(arn), createHeaderOpener(meansOf()).open(moved)])
      await expect(failed).rejects.toMatchObject({
        code: 'KMS_KEY_NOT_FOUND',
        message: `there is no KMS key ${arn}`,
        hints: [expect.stringContaining(`is in account ${account}`), expect.any(String)],
      })
  })

  it('names the denied action', async () => {
    const arn = await createKey()
    const { header } = await create(arn)
    const denied = meansOf({ ...kms.credentials, accessKeyId: NOBODY, secretAccessKey: 'secret' })
    await expect(createHeaderOpener(denied).open(header)).rejects.toMatchObject({
      code: 'KMS_ACCESS_DENIED',
      message: `AWS denies kms:Decrypt with KMS key ${arn}`,
      hints: [expect.stringContaining('allow kms:Decrypt in'), expect.any(String)],
    })
    await expect(create(arn, denied)).rejects.toMatchObject({
      message: `AWS denies kms:DescribeKey with KMS key ${arn}`,
    })
  })

  it('can be restricted to one store by the encryption context', async () => {
    const arn = await createKey()
    const { header, root } = await create(arn)
    const allow = (Action: string, Condition = {}) => ({
      Effect: 'Allow',
      Principal: { AWS: '*' },
      Action,
      Resource: '*',
      ...Condition,
    })
    const restrict = (storeId: string) =>
      client.send(
        new PutKeyPolicyCommand({
          KeyId: arn,
          BypassPolicyLockoutSafetyCheck: true,
          Policy: JSON.stringify({
            Version: '2012-10-17',
            Statement: [
              allow('kms:PutKeyPolicy'),
              allow('kms:Decrypt', {
                Condition: { StringEquals: { 'kms:EncryptionContext:keymgmt:store': storeId } },
              }),
            ],
          }),
        }),
      )
    await restrict(header.store_id)
    expect(await createHeaderOpener(meansOf()).open(header)).toEqual(root)
  })

  it('ends an attempt when the command is interrupted', async () => {
    const { header } = await create(await createKey())
    const means = meansOf(kms.credentials, AbortSignal.abort())
    await expect(createHeaderOpener(means).open(header)).rejects.toMatchObject({
      code: 'INTERRUPTED',
    })
  })

  it.each([
    'alias/seal',
    'arn:aws:kms:eu-west-1:111122223333:alias/seal',
    '1234abcd-12ab-34cd-56ef-1234567890ab',
    'arn:aws:s3:::bucket',
    'arn:aws:kms::111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  ])('needs the ARN of a KMS key: %s', async (id) => {
    await expect(create(id)).rejects.toMatchObject({
      code: 'SEAL_REFUSED',
      message: 'the value of awskms: is not the ARN of a KMS key',
    })
    const { header } = await create(await createKey())
    const changed = { ...header, seals: header.seals.map((entry) => ({ ...entry, id })) }
    await expect(createHeaderOpener(meansOf()).open(changed)).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
    })
  })

  it('is named with its ARN, which contains colons', () => {
    const id = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
    expect(parseSealNames(`keyfile,awskms:${id}`, '-seal')).toEqual([
      { kind: 'keyfile' },
      { kind: 'awskms', id },
    ])
    expect(() => parseSealNames('awskms', '-seal')).toThrow('-seal names an unknown seal')
  })
})
