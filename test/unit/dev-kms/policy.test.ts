import { DisableKeyCommand, EncryptCommand, KMS } from '@aws-sdk/client-kms'
import { afterEach, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { copyAccount, startDevKms } from '../../../src/dev-kms/index.js'
import { ABROAD, createLab, errorOf, HOME, refusalOf, type Lab } from './lab.js'

const labs: Lab[] = []
afterEach(async () => {
  await Promise.all(labs.splice(0).map((lab) => lab.close()))
})

const at = (lab: Lab, region = HOME) =>
  new KMS({ region, endpoint: lab.kms.endpoint, credentials: lab.kms.credentials, maxAttempts: 1 })
const document = (...Statement: object[]) => ({ Version: '2012-10-17', Statement })
const allow = (Action: string | string[], over: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource: '*',
  ...over,
})
const deny = (Action: string, over: object = {}) => ({
  Effect: 'Deny',
  Action,
  Resource: '*',
  ...over,
})
const ARN = 'arn:aws:kms:*:111122223333'

/** Prepares a tagged key with material and an alias, and another key. */
async function prepare() {
  const lab = await createLab()
  labs.push(lab)
  const [id, other] = [
    await lab.create({ Tags: [{ TagKey: 'owner', TagValue: 'me' }] }),
    await lab.create(),
  ]
  await lab.put(id, randomBytes(32))
  await lab.put(other, randomBytes(32))
  await at(lab).createAlias({ AliasName: 'alias/app', TargetKeyId: id })
  return { account: lab.kms.account, id, other }
}

async function under(policy: object) {
  const { account, id, other } = await prepare()
  const lab = await createLab({ account: copyAccount(account), policies: { default: policy } })
  labs.push(lab)
  return { kms: at(lab), lab, id, other }
}

describe('a policy', () => {
  it("allows what it states, and denies the rest in AWS's words", async () => {
    const { kms, id } = await under(document(allow('kms:Describe*'), allow('KMS:listkeys')))
    expect(await errorOf(kms.describeKey({ KeyId: id }))).toBe('none')
    expect(await errorOf(kms.listKeys({}))).toBe('none')
    expect(await refusalOf(kms.disableKey({ KeyId: id }))).toMatchObject({
      name: 'AccessDeniedException',
      message: `User: arn:aws:iam::111122223333:user/dev is not authorized to perform: kms:DisableKey on resource: arn:aws:kms:${HOME}:111122223333:key/${id} because no identity-based policy allows the kms:DisableKey action`,
    })
    expect((await refusalOf(kms.createKey({}))).message).toBe(
      'User: arn:aws:iam::111122223333:user/dev is not authorized to perform: kms:CreateKey because no identity-based policy allows the kms:CreateKey action',
    )
  })
  it('a denial outweighs another statement that allows the request', async () => {
    const { kms, id } = await under(document(allow('kms:*'), deny('kms:DisableKey')))
    expect(await errorOf(kms.enableKey({ KeyId: id }))).toBe('none')
    expect((await refusalOf(kms.disableKey({ KeyId: id }))).message).toContain(
      'with an explicit deny in an identity-based policy',
    )
  })
  it('is evaluated before the state of a key', async () => {
    const { kms, id } = await under(document(allow('kms:ScheduleKeyDeletion')))
    await kms.scheduleKeyDeletion({ KeyId: id })
    expect(await errorOf(kms.enableKey({ KeyId: id }))).toBe('AccessDeniedException')
  })
  it('applies to one access key id: others may do everything', async () => {
    const lab = await createLab({
      credentials: { AKIAOTHER: 'secret' },
      policies: { AKIAOTHER: document(allow('kms:ListKeys')) },
    })
    labs.push(lab)
    expect(await errorOf(at(lab).createKey({}))).toBe('none')
    const other = new KMS({
      region: HOME,
      endpoint: lab.kms.endpoint,
      credentials: { accessKeyId: 'AKIAOTHER', secretAccessKey: 'secret' },
    })
    expect([await errorOf(other.listKeys({})), await errorOf(other.createKey({}))]).toEqual([
      'none',
      'AccessDeniedException',
    ])
  })
})

describe('resources', () => {
  it('are keys by ARN, in any Region if it has a wildcard', async () => {
    const { account, id, other } = await prepare()
    const lab = await createLab({
      account: copyAccount(account),
      policies: { default: document(allow('kms:DescribeKey', { Resource: `${ARN}:key/${id}` })) },
    })
    labs.push(lab)
    expect(await errorOf(at(lab).describeKey({ KeyId: id }))).toBe('none')
    expect(await errorOf(at(lab).describeKey({ KeyId: other }))).toBe('AccessDeniedException')
  })
  it('an alias needs the permission on the alias and on each key', async () => {
    const { account, id, other } = await prepare()
    const resources = async (...Resource: string[]) => {
      const lab = await createLab({
        account: copyAccount(account),
        policies: { default: document(allow('kms:*Alias', { Resource })) },
      })
      labs.push(lab)
      const kms = at(lab)
      return Promise.all([
        errorOf(kms.createAlias({ AliasName: 'alias/new', TargetKeyId: other })),
        errorOf(kms.updateAlias({ AliasName: 'alias/app', TargetKeyId: other })),
      ]).then(async (results) => [
        ...results,
        await errorOf(kms.deleteAlias({ AliasName: 'alias/app' })),
      ])
    }
    const [alias, key, former] = [`${ARN}:alias/*`, `${ARN}:key/${other}`, `${ARN}:key/${id}`]
    const NO = 'AccessDeniedException'
    expect(await resources(alias)).toEqual([NO, NO, NO])
    expect(await resources(key, former)).toEqual([NO, NO, NO])
    expect(await resources(alias, key)).toEqual(['none', NO, NO])
    expect(await resources(alias, former)).toEqual([NO, NO, 'none'])
    expect(await resources(alias, key, former)).toEqual(['none', 'none', 'none'])
  })
  it("an alias's own permission has no condition keys", async () => {
    const { kms, other } = await under(
      document(
        allow('kms:CreateAlias', { Condition: { StringEquals: { 'kms:KeyOrigin': 'EXTERNAL' } } }),
      ),
    )
    expect(
      (await refusalOf(kms.createAlias({ AliasName: 'alias/new', TargetKeyId: other }))).message,
    ).toContain(':alias/new')
  })
  it('CreateKey is on * only', async () => {
    const { kms } = await under(document(allow('kms:CreateKey', { Resource: `${ARN}:key/*` })))
    expect(await errorOf(kms.createKey({}))).toBe('AccessDeniedException')
  })
  it('a key with tags also needs kms:TagResource', async () => {
    const tags = { Tags: [{ TagKey: 'owner', TagValue: 'me' }] }
    const { kms } = await under(document(allow('kms:CreateKey')))
    expect([await errorOf(kms.createKey({})), await errorOf(kms.createKey(tags))]).toEqual([
      'none',
      'AccessDeniedException',
    ])
    const both = await under(
      document(
        allow('kms:CreateKey'),
        allow('kms:TagResource', {
          Resource: `${ARN}:key/*`,
          Condition: { StringEquals: { 'aws:RequestTag/owner': 'me' } },
        }),
      ),
    )
    expect(await errorOf(both.kms.createKey(tags))).toBe('none')
    expect(
      await errorOf(both.kms.createKey({ Tags: [{ TagKey: 'owner', TagValue: 'you' }] })),
    ).toBe('AccessDeniedException')
  })
  it('a replica also needs kms:CreateKey in its Region', async () => {
    const lab = await createLab()
    labs.push(lab)
    const KeyId = await lab.create({ MultiRegion: true })
    await lab.put(KeyId, randomBytes(32))
    const attempt = async (...statements: object[]) => {
      const restricted = await createLab({
        account: copyAccount(lab.kms.account),
        policies: { default: document(...statements) },
      })
      labs.push(restricted)
      return errorOf(at(restricted).replicateKey({ KeyId, ReplicaRegion: ABROAD }))
    }
    const replicate = allow('kms:ReplicateKey', {
      Condition: { StringEquals: { 'kms:ReplicaRegion': [ABROAD, 'us-west-2'] } },
    })
    expect(await attempt(replicate)).toBe('AccessDeniedException')
    expect(await attempt(replicate, allow('kms:CreateKey'))).toBe('none')
    expect(
      await attempt(
        allow('kms:ReplicateKey', {
          Condition: { StringEquals: { 'kms:ReplicaRegion': 'us-west-2' } },
        }),
        allow('kms:CreateKey'),
      ),
    ).toBe('AccessDeniedException')
  })

  it('a move of the primary needs kms:UpdatePrimaryRegion in both Regions', async () => {
    const lab = await createLab()
    labs.push(lab)
    const KeyId = await lab.create({ MultiRegion: true })
    const material = randomBytes(32)
    await lab.put(KeyId, material)
    await at(lab).replicateKey({ KeyId, ReplicaRegion: ABROAD })
    lab.wait(1_000)
    await lab.put(KeyId, material, { region: ABROAD })
    const attempt = async (PrimaryRegion: string, ...regions: readonly string[]) => {
      const statement = allow('kms:UpdatePrimaryRegion', {
        Resource: regions.map((region) => `arn:aws:kms:${region}:111122223333:key/${KeyId}`),
        Condition: { StringEquals: { 'kms:PrimaryRegion': PrimaryRegion } },
      })
      const restricted = await createLab({
        account: copyAccount(lab.kms.account),
        policies: { default: document(statement) },
      })
      labs.push(restricted)
      return errorOf(at(restricted).updatePrimaryRegion({ KeyId, PrimaryRegion: ABROAD }))
    }
    expect(await attempt(ABROAD, HOME)).toBe('AccessDeniedException')
    expect(await attempt(ABROAD, ABROAD)).toBe('AccessDeniedException')
    expect(await attempt(HOME, HOME, ABROAD)).toBe('AccessDeniedException')
    expect(await attempt(ABROAD, HOME, ABROAD)).toBe('none')
  })
})

describe('multi-Region keys', () => {
  const ROLE =
    'arn:aws:iam::111122223333:role/aws-service-role/mrk.kms.amazonaws.com/AWSServiceRoleForKeyManagementServiceMultiRegionKeys'
  const link = (over: object = {}) =>
    allow('iam:CreateServiceLinkedRole', {
      Resource: ROLE,
      Condition: { StringEquals: { 'iam:AWSServiceName': 'mrk.kms.amazonaws.com' } },
      ...over,
    })

  // "Users who create multi-Region keys must have the iam:CreateServiceLinkedRole permission":
  // multi-region-auth-slr.html
  it('need permission to create the service-linked role', async () => {
    const attempt = async (...statements: object[]) => {
      const { kms } = await under(document(allow('kms:CreateKey'), ...statements))
      return [await errorOf(kms.createKey({})), await errorOf(kms.createKey({ MultiRegion: true }))]
    }
    expect(await attempt()).toEqual(['none', 'AccessDeniedException'])
    expect(await attempt(link({ Resource: ROLE.replace('mrk', 'cks') }))).toEqual([
      'none',
      'AccessDeniedException',
    ])
    expect(
      await attempt(
        link({ Condition: { StringEquals: { 'iam:AWSServiceName': 'cks.kms.amazonaws.com' } } }),
      ),
    ).toEqual(['none', 'AccessDeniedException'])
    expect(await attempt(link())).toEqual(['none', 'none'])
  })

  // The CreateKey of a replica is a request in its own Region, about a key with the shared
  // properties of its primary.
  it.each([
    [
      'the Region',
      { StringEquals: { 'aws:RequestedRegion': ABROAD } },
      { StringEquals: { 'aws:RequestedRegion': HOME } },
    ],
    [
      'the origin',
      { StringEquals: { 'kms:KeyOrigin': 'EXTERNAL' } },
      { StringEquals: { 'kms:KeyOrigin': 'AWS_KMS' } },
    ],
    [
      'the type',
      { StringEquals: { 'kms:MultiRegionKeyType': 'REPLICA' } },
      { StringEquals: { 'kms:MultiRegionKeyType': 'PRIMARY' } },
    ],
    [
      'the tags',
      { StringEquals: { 'aws:RequestTag/a': 'x' } },
      { StringEquals: { 'aws:RequestTag/a': 'y' } },
    ],
  ])('are replicated under conditions on %s', async (_what, right, wrong) => {
    const lab = await createLab()
    labs.push(lab)
    const KeyId = await lab.create({ MultiRegion: true })
    await lab.put(KeyId, randomBytes(32))
    const attempt = async (Condition: object) => {
      const policies = {
        default: document(
          allow(['kms:ReplicateKey', 'kms:TagResource']),
          allow('kms:CreateKey', { Condition }),
        ),
      }
      const restricted = await createLab({ account: copyAccount(lab.kms.account), policies })
      labs.push(restricted)
      return errorOf(
        at(restricted).replicateKey({
          KeyId,
          ReplicaRegion: ABROAD,
          Tags: [{ TagKey: 'a', TagValue: 'x' }],
        }),
      )
    }
    expect([await attempt(right), await attempt(wrong)]).toEqual(['none', 'AccessDeniedException'])
  })
})

describe('conditions', () => {
  type Attempt = (kms: KMS, ids: { id: string; other: string }) => Promise<unknown>
  const create =
    (input: object): Attempt =>
    (kms) =>
      kms.createKey({ Origin: 'EXTERNAL', ...input })
  const parameters =
    (WrappingKeySpec: 'RSA_2048' | 'RSA_4096'): Attempt =>
    (kms, { id }) =>
      kms.getParametersForImport({
        KeyId: id,
        WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
        WrappingKeySpec,
      })
  const describeKey =
    (KeyId: string): Attempt =>
    (kms) =>
      kms.describeKey({ KeyId })
  const schedule =
    (PendingWindowInDays?: number): Attempt =>
    (kms, { id }) =>
      kms.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays })
  const tags = (...names: string[]) => ({
    Tags: names.map((TagKey) => ({ TagKey, TagValue: 'x' })),
  })
  const CASES: readonly [string, object, Attempt, Attempt][] = [
    [
      'kms:KeySpec',
      { StringEquals: { 'kms:KeySpec': 'SYMMETRIC_DEFAULT' } },
      create({}),
      create({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }),
    ],
    [
      'kms:KeyUsage',
      { StringEquals: { 'kms:KeyUsage': ['ENCRYPT_DECRYPT', 'SIGN_VERIFY'] } },
      create({}),
      create({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }),
    ],
    [
      'kms:KeyOrigin',
      { StringLike: { 'kms:KeyOrigin': 'EXT*' } },
      create({}),
      create({ Origin: 'AWS_KMS' }),
    ],
    [
      'kms:MultiRegion',
      { Bool: { 'kms:MultiRegion': 'false' } },
      create({}),
      create({ MultiRegion: true }),
    ],
    [
      'aws:RequestTag',
      { StringEquals: { 'aws:RequestTag/a': 'x' } },
      create(tags('a')),
      create(tags('b')),
    ],
    [
      'aws:TagKeys, all',
      { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } },
      create(tags('a')),
      create(tags('a', 'c')),
    ],
    [
      'aws:TagKeys, any',
      { 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a'] } },
      create(tags('a', 'c')),
      create(tags('c')),
    ],
    [
      'a key that may be missing',
      { BoolIfExists: { 'kms:BypassPolicyLockoutSafetyCheck': 'false' } },
      create({}),
      create({ BypassPolicyLockoutSafetyCheck: true }),
    ],
    [
      'kms:WrappingKeySpec',
      {
        StringEquals: {
          'kms:WrappingKeySpec': 'RSA_4096',
          'kms:WrappingAlgorithm': 'RSAES_OAEP_SHA_256',
        },
      },
      parameters('RSA_4096'),
      parameters('RSA_2048'),
    ],
    [
      'kms:RequestAlias',
      { StringEquals: { 'kms:RequestAlias': 'alias/app' } },
      describeKey('alias/app'),
      (kms, { id }) => kms.describeKey({ KeyId: id }),
    ],
    [
      'aws:ResourceTag',
      { StringEquals: { 'aws:ResourceTag/owner': 'me' } },
      (kms, { id }) => kms.disableKey({ KeyId: id }),
      (kms, { other }) => kms.disableKey({ KeyId: other }),
    ],
    [
      'kms:ResourceAliases',
      { 'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/a*' } },
      (kms, { id }) => kms.disableKey({ KeyId: id }),
      (kms, { other }) => kms.disableKey({ KeyId: other }),
    ],
    [
      'the waiting period',
      { NumericGreaterThanEquals: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '30' } },
      schedule(),
      schedule(7),
    ],
    [
      'none of',
      { StringNotEquals: { 'kms:KeyOrigin': 'AWS_KMS' } },
      create({}),
      create({ Origin: 'AWS_KMS' }),
    ],
  ]
  it.each(CASES)('%s', async (_name, Condition, right, wrong) => {
    const { kms, id, other } = await under(document(allow('kms:*', { Condition })))
    expect(await errorOf(right(kms, { id, other }))).toBe('none')
    expect(await errorOf(wrong(kms, { id, other }))).toBe('AccessDeniedException')
  })
  it('kms:ExpirationModel, including its default', async () => {
    const Condition = { StringEquals: { 'kms:ExpirationModel': 'KEY_MATERIAL_DOES_NOT_EXPIRE' } }
    const { lab } = await under(
      document(
        allow(['kms:CreateKey', 'kms:GetParametersForImport']),
        allow('kms:ImportKeyMaterial', { Condition }),
      ),
    )
    const [one, other] = [await lab.create(), await lab.create()]
    expect(await errorOf(lab.put(one, randomBytes(32)))).toBe('none')
    expect(
      await errorOf(lab.put(other, randomBytes(32), { ValidTo: new Date(Date.now() + 3_600_000) })),
    ).toBe('AccessDeniedException')
  })
  it.each([
    ['NumericLessThanEquals', (date: Date) => String(date.getTime() / 1000)],
    ['DateLessThan', (date: Date) => new Date(date.getTime() + 1000).toISOString()],
    ['DateLessThanEquals', (date: Date) => String(date.getTime() / 1000)],
  ])('kms:ValidTo with %s', async (operator, valueOf) => {
    const limit = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000)
    const Condition = { [operator]: { 'kms:ValidTo': valueOf(limit) } }
    const { lab } = await under(
      document(
        allow(['kms:CreateKey', 'kms:GetParametersForImport']),
        allow('kms:ImportKeyMaterial', { Condition }),
      ),
    )
    const attempt = async (rest: object) =>
      errorOf(lab.put(await lab.create(), randomBytes(32), rest))
    expect(await attempt({ ValidTo: limit })).toBe('none')
    expect(await attempt({ ValidTo: new Date(limit.getTime() + 1000) })).toBe(
      'AccessDeniedException',
    )
    expect(await attempt({})).toBe('AccessDeniedException')
  })
  it('kms:TrailingDaysWithoutKeyUsage, since the last use or the creation', async () => {
    const lab = await createLab({
      policies: {
        default: document(
          allow('kms:*'),
          deny('kms:DisableKey', {
            Condition: { NumericLessThanEquals: { 'kms:TrailingDaysWithoutKeyUsage': '9' } },
          }),
        ),
      },
    })
    labs.push(lab)
    const KeyId = await lab.create({ Origin: 'AWS_KMS' })
    const disable = () => errorOf(lab.client().send(new DisableKeyCommand({ KeyId })))
    const DAY = 86_400_000
    lab.wait(5 * DAY)
    await lab.client().send(new EncryptCommand({ KeyId, Plaintext: randomBytes(1) }))
    lab.wait(10 * DAY - 1000)
    expect(await disable()).toBe('AccessDeniedException')
    lab.wait(1000)
    expect(await disable()).toBe('none')
  })
  it.each([
    ['a key', { StringEquals: { 'kms:KeySpeck': 'x' } }, 'kms:KeySpeck'],
    ['an operator', { StringMatches: { 'kms:KeySpec': 'x' } }, 'StringMatches'],
  ])('an unknown %s denies, with an error that names it', async (_what, Condition, name) => {
    for (const statements of [
      [allow('kms:*', { Condition })],
      [allow('kms:*'), deny('kms:CreateKey', { Condition })],
    ]) {
      const { kms } = await under(document(...statements))
      expect(await refusalOf(kms.createKey({}))).toMatchObject({ name: 'AccessDeniedException' })
      expect((await refusalOf(kms.createKey({}))).message).toContain(`does not know: ${name}`)
    }
  })
})

it.each([
  ['no statement', {}],
  ['a statement with a principal', document(allow('kms:*', { Principal: '*' }))],
  ['a mistyped element', document({ Effect: 'Allow', Actions: 'kms:*', Resource: '*' })],
  ['another effect', document({ Effect: 'allow', Action: 'kms:*', Resource: '*' })],
  ['another version', { Version: '2020-01-01', Statement: [] }],
  ['an action and its opposite', document(allow('kms:*', { NotAction: 'kms:*' }))],
  ['a number', document(allow('kms:*', { Condition: { Bool: { 'kms:MultiRegion': 1 } } }))],
])('%s is not a policy', async (_what, policy) => {
  await expect(startDevKms({ policies: { default: policy } })).rejects.toThrow()
})
