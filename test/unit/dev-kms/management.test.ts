import { KMS, type Tag } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { ABROAD, createLab, errorOf, HOME, refusalOf, type Lab } from './lab.js'

let lab: Lab
let kms: KMS
const at = (region = HOME) =>
  new KMS({ region, endpoint: lab.kms.endpoint, credentials: lab.kms.credentials, maxAttempts: 1 })
beforeAll(async () => {
  lab = await createLab({ limits: { aliasesPerKey: 3, grantsPerKey: 3 } })
  kms = at()
})
afterAll(() => lab.close())

const full = async (input = {}) => {
  const id = await lab.create(input)
  await lab.put(id, randomBytes(32))
  return id
}
const arn = (id: string, region = HOME) => `arn:aws:kms:${region}:111122223333:key/${id}`

describe('naming a key', () => {
  it('by id and ARN everywhere, by alias where AWS accepts one', async () => {
    const KeyId = await full()
    await kms.createAlias({ AliasName: 'alias/named', TargetKeyId: arn(KeyId) })
    for (const name of [
      KeyId,
      arn(KeyId),
      'alias/named',
      `arn:aws:kms:${HOME}:111122223333:alias/named`,
    ]) {
      expect((await kms.describeKey({ KeyId: name })).KeyMetadata?.KeyId).toBe(KeyId)
      expect((await kms.encrypt({ KeyId: name, Plaintext: Buffer.from('x') })).KeyId).toBe(
        arn(KeyId),
      )
    }
    for (const name of ['alias/named', `arn:aws:kms:${HOME}:111122223333:alias/named`]) {
      const management = [
        kms.disableKey({ KeyId: name }),
        kms.scheduleKeyDeletion({ KeyId: name }),
        kms.listResourceTags({ KeyId: name }),
        kms.getKeyPolicy({ KeyId: name }),
        kms.getParametersForImport({
          KeyId: name,
          WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
          WrappingKeySpec: 'RSA_4096',
        }),
        kms.createAlias({ AliasName: 'alias/x', TargetKeyId: name }),
        kms.listAliases({ KeyId: name }),
        kms.tagResource({ KeyId: name, Tags: [] }),
      ]
      expect(await Promise.all(management.map(errorOf))).toEqual(
        management.map(() => 'NotFoundException'),
      )
    }
  })
  it.each([
    [
      'another Region',
      `arn:aws:kms:${ABROAD}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`,
      `Invalid arn ${ABROAD}`,
    ],
    [
      'another account',
      `arn:aws:kms:${HOME}:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab`,
      'does not exist',
    ],
    [
      'another partition',
      `arn:aws-cn:kms:${HOME}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`,
      'Invalid arn',
    ],
    ['no ARN of a key', `arn:aws:s3:::bucket`, 'Invalid arn'],
    ['no id', 'fantasy', "Invalid keyId 'fantasy'"],
    [
      'no key',
      '1234abcd-12ab-34cd-56ef-1234567890ab',
      `Key '${arn('1234abcd-12ab-34cd-56ef-1234567890ab')}' does not exist`,
    ],
  ])("refuses %s in AWS's words", async (_what, KeyId, words) => {
    const refused = await refusalOf(kms.describeKey({ KeyId }))
    expect(refused.name).toBe('NotFoundException')
    expect(refused.message).toContain(words)
  })
})

describe('aliases', () => {
  it("follow AWS's rules for names, and have a limit per key", async () => {
    const TargetKeyId = await lab.create()
    const create = (AliasName: string) => errorOf(kms.createAlias({ AliasName, TargetKeyId }))
    expect(
      await Promise.all(
        [
          'x',
          'alias/',
          'alias/a:b',
          'alias/a b',
          'alias/a.b',
          'alias/aws/x',
          `alias/${'a'.repeat(251)}`,
        ].map(create),
      ),
    ).toEqual([
      'ValidationException',
      'InvalidAliasNameException',
      'InvalidAliasNameException',
      'ValidationException',
      'ValidationException',
      'NotAuthorizedException',
      'ValidationException',
    ])
    expect([
      await create('alias/l1'),
      await create('alias/l1'),
      await create('alias/l2'),
      await create('alias/l3'),
      await create('alias/l4'),
    ]).toEqual(['none', 'AlreadyExistsException', 'none', 'none', 'LimitExceededException'])
    const other = await lab.create()
    await kms.createAlias({ AliasName: 'alias/o1', TargetKeyId: other })
    expect(await errorOf(kms.updateAlias({ AliasName: 'alias/o1', TargetKeyId }))).toBe(
      'LimitExceededException',
    )
    expect(await errorOf(kms.updateAlias({ AliasName: 'alias/nobody', TargetKeyId }))).toBe(
      'NotFoundException',
    )
    expect(await errorOf(kms.deleteAlias({ AliasName: 'alias/nobody' }))).toBe('NotFoundException')
  })
  it('are separate for each Region', async () => {
    const [here, there] = [await lab.create(), await lab.create({}, ABROAD)]
    await kms.createAlias({ AliasName: 'alias/twice', TargetKeyId: here })
    await at(ABROAD).createAlias({ AliasName: 'alias/twice', TargetKeyId: there })
    expect((await at(ABROAD).describeKey({ KeyId: 'alias/twice' })).KeyMetadata?.KeyId).toBe(there)
  })
})

describe('tags', () => {
  const tag = (TagKey: string, TagValue = ''): Tag => ({ TagKey, TagValue })
  it('are added, replaced and removed', async () => {
    const KeyId = await lab.create({ Tags: [tag('a', '1')] })
    await kms.tagResource({ KeyId, Tags: [tag('a', '2'), tag('b')] })
    expect((await kms.listResourceTags({ KeyId })).Tags).toEqual([tag('a', '2'), tag('b')])
    await kms.untagResource({ KeyId, TagKeys: ['a', 'nobody'] })
    expect((await kms.listResourceTags({ KeyId })).Tags).toEqual([tag('b')])
  })
  it.each([
    [
      '51 of them',
      Array.from({ length: 51 }, (_, index) => tag(String(index))),
      'TagException',
      'Too many tags',
    ],
    ['one twice', [tag('a'), tag('a')], 'TagException', 'Duplicate tag keys'],
    ["AWS's own", [tag('aws:x')], 'TagException', 'Tags beginning with aws: are reserved'],
    [
      'a long key',
      [tag('a'.repeat(129))],
      'ValidationException',
      `'tags.1.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 128`,
    ],
    [
      'a long value',
      [tag('a', 'a'.repeat(257))],
      'ValidationException',
      `'tags.1.member.tagValue' failed to satisfy constraint: Member must have length less than or equal to 256`,
    ],
    [
      'no key',
      [{ TagValue: 'x' } as Tag],
      'ValidationException',
      `Value null at 'tags.1.member.tagKey'`,
    ],
  ])('refuse %s', async (_what, Tags, name, words) => {
    const refused = await refusalOf(kms.createKey({ Tags }))
    expect(refused.name).toBe(name)
    expect(refused.message).toContain(words)
  })
  it('are limited to 50, in one or several requests', async () => {
    const KeyId = await lab.create({
      Tags: Array.from({ length: 50 }, (_, index) => tag(String(index))),
    })
    expect(await errorOf(kms.tagResource({ KeyId, Tags: [tag('more')] }))).toBe('TagException')
    await kms.tagResource({ KeyId, Tags: [tag('7', 'changed')] })
  })
})

describe('key policies', () => {
  const statement = (over: object = {}) => ({
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::111122223333:root' },
    Action: 'kms:*',
    Resource: '*',
    ...over,
  })
  const policy = (...statements: object[]) =>
    JSON.stringify({ Version: '2012-10-17', Statement: statements })
  it("default to AWS's", async () => {
    const KeyId = await lab.create()
    expect(JSON.parse((await kms.getKeyPolicy({ KeyId })).Policy ?? '')).toMatchObject({
      Id: 'key-default-1',
      Statement: [{ Sid: 'Enable IAM User Permissions' }],
    })
    expect((await kms.listKeyPolicies({ KeyId })).PolicyNames).toEqual(['default'])
    expect(await errorOf(kms.getKeyPolicy({ KeyId, PolicyName: 'other' }))).toBe(
      'NotFoundException',
    )
    expect(
      await errorOf(kms.putKeyPolicy({ KeyId, PolicyName: 'other', Policy: policy(statement()) })),
    ).toBe('ValidationException')
  })
  it.each([
    ['no JSON', 'x', 'MalformedPolicyDocumentException'],
    ['no statement', '{}', 'MalformedPolicyDocumentException'],
    [
      'no principal',
      policy(statement({ Principal: undefined })),
      'MalformedPolicyDocumentException',
    ],
    [
      'a mistyped element',
      policy(statement({ Resources: '*' })),
      'MalformedPolicyDocumentException',
    ],
    ['a lockout', policy(statement({ Action: 'kms:Encrypt' })), 'MalformedPolicyDocumentException'],
    [
      "another's key",
      policy(statement({ Principal: { AWS: 'arn:aws:iam::999999999999:root' } })),
      'MalformedPolicyDocumentException',
    ],
    [
      'one that is too long',
      policy(statement({ Sid: 'a'.repeat(33_000) })),
      'LimitExceededException',
    ],
    [
      'one that is right',
      policy(statement(), statement({ Effect: 'Deny', Action: 'kms:Decrypt' })),
      'none',
    ],
  ])('refuse %s', async (_what, Policy, expected) => {
    const KeyId = await lab.create()
    expect(await errorOf(kms.putKeyPolicy({ KeyId, Policy }))).toBe(expected)
    expect(await errorOf(kms.createKey({ Policy }))).toBe(expected)
    if (expected === 'none') expect((await kms.getKeyPolicy({ KeyId })).Policy).toBe(Policy)
  })
  it('allow an explicit lockout', async () => {
    const Policy = policy(statement({ Action: 'kms:Encrypt' }))
    expect(await errorOf(kms.createKey({ Policy, BypassPolicyLockoutSafetyCheck: true }))).toBe(
      'none',
    )
  })
})

describe('grants', () => {
  const GranteePrincipal = 'arn:aws:iam::111122223333:user/a'
  const RetiringPrincipal = 'arn:aws:iam::111122223333:user/b'
  it('are created, listed, revoked and retired', async () => {
    const KeyId = await full()
    const input = {
      KeyId,
      GranteePrincipal,
      RetiringPrincipal,
      Operations: ['Encrypt' as const],
      Name: 'one',
    }
    const one = await kms.createGrant(input)
    expect((await kms.createGrant(input)).GrantId).toBe(one.GrantId)
    const two = await kms.createGrant({
      ...input,
      Name: undefined,
      Constraints: { EncryptionContextEquals: { a: 'b' } },
    })
    expect(await errorOf(kms.createGrant({ ...input, DryRun: true }))).toBe(
      'DryRunOperationException',
    )
    const { Grants } = await kms.listGrants({ KeyId })
    expect(Grants).toHaveLength(2)
    expect(Grants?.find(({ GrantId }) => GrantId === two.GrantId)).toMatchObject({
      KeyId: arn(KeyId),
      GranteePrincipal,
      RetiringPrincipal,
      Operations: ['Encrypt'],
      Constraints: { EncryptionContextEquals: { a: 'b' } },
    })
    expect((await kms.listRetirableGrants({ RetiringPrincipal })).Grants).toHaveLength(2)
    expect(
      await errorOf(
        kms.encrypt({ KeyId, Plaintext: Buffer.from('x'), GrantTokens: [one.GrantToken ?? ''] }),
      ),
    ).toBe('none')
    await kms.retireGrant({ GrantToken: one.GrantToken })
    expect(await errorOf(kms.retireGrant({ GrantToken: one.GrantToken }))).toBe(
      'InvalidGrantTokenException',
    )
    await kms.revokeGrant({ KeyId, GrantId: two.GrantId })
    expect(await errorOf(kms.revokeGrant({ KeyId, GrantId: two.GrantId }))).toBe(
      'NotFoundException',
    )
    expect((await kms.listGrants({ KeyId })).Grants).toEqual([])
  })
  it('refuse unsupported operations, and more than the limit', async () => {
    const KeyId = await full()
    const create = (input: object) =>
      errorOf(kms.createGrant({ KeyId, GranteePrincipal, Operations: ['Encrypt'], ...input }))
    expect(await create({ Operations: ['Sign'] })).toBe('ValidationException')
    expect(await create({ GranteePrincipal: undefined })).toBe('ValidationException')
    expect(await create({ Operations: ['Everything'] })).toBe('ValidationException')
    expect([await create({}), await create({}), await create({}), await create({})]).toEqual([
      'none',
      'none',
      'none',
      'LimitExceededException',
    ])
  })
})

describe('lists', () => {
  it("are paginated, with a marker that can't be forged", async () => {
    const region = 'ca-central-1'
    const there = at(region)
    const ids = await Promise.all(Array.from({ length: 5 }, () => lab.create({}, region)))
    const seen: (string | undefined)[] = []
    let Marker: string | undefined
    do {
      const answer = await there.listKeys({ Limit: 2, Marker })
      seen.push(...(answer.Keys ?? []).map(({ KeyId }) => KeyId))
      Marker = answer.NextMarker
      expect(answer.Truncated).toBe(Marker !== undefined)
    } while (Marker !== undefined)
    expect(seen.toSorted()).toEqual(ids.toSorted())
    const { NextMarker } = await there.listKeys({ Limit: 2 })
    expect(await errorOf(there.listAliases({ Marker: NextMarker }))).toBe('InvalidMarkerException')
    expect(await errorOf(kms.listKeys({ Marker: NextMarker }))).toBe('InvalidMarkerException')
    expect(await errorOf(there.listKeys({ Marker: '2' }))).toBe('InvalidMarkerException')
  })
  it.each([
    ['listKeys', 1001],
    ['listAliases', 101],
    ['listKeys', 0],
  ] as const)('%s refuses a Limit of %d', async (name, Limit) => {
    expect(await errorOf(kms[name]({ Limit }))).toBe('ValidationException')
  })
})

describe('the primary Region', () => {
  it('changes: both keys have the state Updating for a while', async () => {
    const KeyId = await full({ MultiRegion: true })
    const change = (PrimaryRegion: string, region = HOME) =>
      at(region).updatePrimaryRegion({ KeyId, PrimaryRegion })
    expect(await errorOf(change(ABROAD))).toBe('NotFoundException')
    await kms.replicateKey({ KeyId, ReplicaRegion: ABROAD })
    expect(await errorOf(change(ABROAD))).toBe('KMSInvalidStateException')
    lab.wait(1_000)
    expect(await errorOf(change(ABROAD))).toBe('KMSInvalidStateException')
  })
  it('moves to an enabled replica, and back', async () => {
    const KeyId = await lab.create({ MultiRegion: true })
    const material = randomBytes(32)
    await lab.put(KeyId, material)
    await kms.replicateKey({ KeyId, ReplicaRegion: ABROAD })
    lab.wait(1_000)
    await lab.put(KeyId, material, { region: ABROAD })
    expect(await errorOf(at(ABROAD).updatePrimaryRegion({ KeyId, PrimaryRegion: HOME }))).toBe(
      'UnsupportedOperationException',
    )
    expect(await errorOf(at(ABROAD).replicateKey({ KeyId, ReplicaRegion: 'us-west-2' }))).toBe(
      'UnsupportedOperationException',
    )
    await kms.updatePrimaryRegion({ KeyId, PrimaryRegion: ABROAD })
    expect([await lab.stateOf(KeyId), await lab.stateOf(KeyId, ABROAD)]).toEqual([
      'Updating',
      'Updating',
    ])
    lab.wait(1_000)
    expect((await kms.describeKey({ KeyId })).KeyMetadata?.MultiRegionConfiguration).toMatchObject({
      MultiRegionKeyType: 'REPLICA',
      PrimaryKey: { Arn: arn(KeyId, ABROAD), Region: ABROAD },
      ReplicaKeys: [{ Region: HOME }],
    })
    await at(ABROAD).replicateKey({ KeyId, ReplicaRegion: 'us-west-2' })
    for (const [ReplicaRegion, expected] of [
      ['nowhere-1', 'ValidationException'],
      ['us-wst-2', 'UnsupportedOperationException'],
      ['cn-north-1', 'UnsupportedOperationException'],
    ]) {
      expect(await errorOf(at(ABROAD).replicateKey({ KeyId, ReplicaRegion }))).toBe(expected)
    }
  })
})

it('has no custom key stores', async () => {
  const CustomKeyStoreId = 'cks-1234567890abcdef0'
  expect((await kms.describeCustomKeyStores({})).CustomKeyStores).toEqual([])
  expect(await errorOf(kms.connectCustomKeyStore({ CustomKeyStoreId }))).toBe(
    'CustomKeyStoreNotFoundException',
  )
  expect(await errorOf(kms.createCustomKeyStore({ CustomKeyStoreName: 'x' }))).toBe(
    'UnsupportedOperationException',
  )
  expect(await errorOf(kms.generateRandom({ NumberOfBytes: 1, CustomKeyStoreId }))).toBe(
    'CustomKeyStoreNotFoundException',
  )
  expect(await errorOf(kms.generateRandom({}))).toBe('ValidationException')
})
