import {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateKeyDescriptionCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONFIGURE } from '../support/flows.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const PATH = 'keymgmt/kms/k/key/app'
const DISTRIBUTE = `write ${PATH} purpose=encrypt,decrypt`
const REGIONS = ['us-west-1', 'us-east-1', 'eu-west-1']

/** The access key id of {@link CONFIGURE}. */
const OPERATOR = 'ASIADJO3WTX6WPLJM42V'

let testbed: Testbed
beforeEach(async () => {
  testbed = await createTestbed()
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await testbed.ok('write keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1,eu-west-1')
})
afterEach(() => testbed.close())

const ACCOUNT = '111122223333'
const ROOT = `arn:aws:iam::${ACCOUNT}:root`
const statement = (change: object = {}) => ({
  Effect: 'Allow',
  Principal: { AWS: ROOT },
  Action: 'kms:*',
  Resource: '*',
  ...change,
})
/** A key policy, without spaces. */
const policyOf = (...statements: object[]) =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements })
const user = (name: string) => ({
  Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/${name}` },
  Action: ['kms:Decrypt', 'kms:DescribeKey'],
})
const LOCKOUT = policyOf(statement(user('app')))

/** Reads and changes one setting of a KMS key, as somebody else does with AWS's own tools. */
interface Setting {
  readonly name: string
  /** The field of the command. */
  readonly field: string
  /** The field that changes it later. */
  readonly later: string
  /** The value in AWS after `later`. */
  readonly expected: unknown
  readonly get: (client: KMSClient, KeyId: string) => Promise<unknown>
  readonly change: (client: KMSClient, KeyId: string) => Promise<unknown>
}

const SETTINGS: readonly Setting[] = [
  {
    name: 'description',
    field: 'description=Payments',
    later: 'description=Refunds',
    expected: 'Refunds',
    get: async (client, KeyId) =>
      (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.Description,
    change: (client, KeyId) =>
      client.send(new UpdateKeyDescriptionCommand({ KeyId, Description: 'Somebody else' })),
  },
  {
    name: 'tags',
    field: 'tags=team=payments tags=env=test',
    later: 'tags=team=refunds',
    expected: new Map([['team', 'refunds']]),
    get: async (client, KeyId) => {
      const { Tags = [] } = await client.send(new ListResourceTagsCommand({ KeyId }))
      const others = Tags.filter(({ TagKey }) => !/^(keymgmt:|managed-by)/.test(TagKey ?? ''))
      return new Map(others.map(({ TagKey, TagValue }) => [TagKey, TagValue]))
    },
    change: async (client, KeyId) => {
      await client.send(new UntagResourceCommand({ KeyId, TagKeys: ['team'] }))
      const added = [{ TagKey: 'owner', TagValue: 'somebody else' }]
      await client.send(new TagResourceCommand({ KeyId, Tags: added }))
    },
  },
  {
    name: 'policy',
    field: `policy=${policyOf(statement())}`,
    later: `policy=${policyOf(statement(), statement(user('app')))}`,
    expected: policyOf(statement(), statement(user('app'))),
    get: async (client, KeyId) => (await client.send(new GetKeyPolicyCommand({ KeyId }))).Policy,
    change: (client, KeyId) => {
      const Policy = policyOf(statement(), statement(user('else')))
      return client.send(new PutKeyPolicyCommand({ KeyId, Policy }))
    },
  },
]

function settingOf(name: string): Setting {
  const found = SETTINGS.find((setting) => setting.name === name)
  if (!found) throw new Error(`no setting ${name}`)
  return found
}

/** Every KMS key of the distribution. */
const kmsKeys = async () =>
  (
    JSON.parse(await testbed.ok(`read -format=json ${PATH}`)) as {
      data: {
        kms_keys: {
          readonly kms_key: string
          readonly region: string
          readonly deletion_date?: string
        }[]
      }
    }
  ).data.kms_keys

/** The values of a setting in all KMS keys. */
const valuesOf = async ({ get }: Setting) =>
  Promise.all((await kmsKeys()).map(({ kms_key, region }) => get(testbed.client(region), kms_key)))

const verify = async () => {
  const { status, stdout } = await testbed.run(`read -format=json ${PATH}/verify`)
  const { data } = JSON.parse(stdout) as {
    data: { differences: { readonly what: string; readonly expected: string }[] }
  }
  return [status, ...data.differences.map(({ what }) => what)]
}

describe.each(SETTINGS.map((setting) => [setting.name, setting] as const))(
  '%s',
  (name, setting) => {
    it('is set when the key is distributed, in every version and Region', async () => {
      await testbed.ok('write -f keymgmt/key/app/rotate')
      await testbed.ok(`${DISTRIBUTE} ${setting.later}`)
      await testbed.ok(`write -f ${PATH}/replicate`)
      await testbed.ok('write -f keymgmt/key/app/rotate')
      expect(await valuesOf(setting)).toEqual(Array(3 * REGIONS.length).fill(setting.expected))
      expect(await verify()).toEqual([0])
    })

    it('is changed later, also of a disabled version, and then stays as it is', async () => {
      await testbed.ok(`${DISTRIBUTE} ${setting.field}`)
      await testbed.ok(`write -f ${PATH}/replicate`)
      await testbed.ok('write -f keymgmt/key/app/rotate')
      await testbed.ok('write keymgmt/key/app min_enabled_version=2')
      await testbed.ok(`write ${PATH} ${setting.later}`)
      expect(await valuesOf(setting)).toEqual(Array(2 * REGIONS.length).fill(setting.expected))
      const sent = testbed.requests.length
      await testbed.ok(`write ${PATH} ${setting.later}`)
      await testbed.ok(`write ${PATH} version_aliases=false`)
      expect(testbed.requests.length).toBe(sent)
      expect(await verify()).toEqual([0])
    })

    it('is compared by verify and corrected by repair if somebody changes it', async () => {
      await testbed.ok(`${DISTRIBUTE} ${setting.later}`)
      await testbed.ok(`write -f ${PATH}/replicate`)
      for (const { kms_key, region } of await kmsKeys())
        await setting.change(testbed.client(region), kms_key)
      expect(await verify()).toEqual([3, name, name, name])
      const planned = await testbed.ok(`write -f -dry-run ${PATH}/repair`)
      expect(planned).toContain('eu-west-1')
      await testbed.ok(`write -f ${PATH}/repair`)
      expect(await valuesOf(setting)).toEqual(Array(REGIONS.length).fill(setting.expected))
      expect(await verify()).toEqual([0])
    })

    it('is neither compared nor changed if it was never set', async () => {
      await testbed.ok(DISTRIBUTE)
      const [first] = await kmsKeys()
      await setting.change(testbed.client(), first?.kms_key ?? '')
      const changed = await valuesOf(setting)
      expect(await verify()).toEqual([0])
      await testbed.ok(`write -f ${PATH}/repair`)
      expect(await valuesOf(setting)).toEqual(changed)
    })

    it('is changed of KMS keys that are rotated in place', async () => {
      await testbed.ok(`${DISTRIBUTE} rotation=in_place ${setting.field}`)
      await testbed.ok('write -f keymgmt/key/app/rotate')
      await testbed.ok(`write ${PATH} ${setting.later}`)
      expect(await valuesOf(setting)).toEqual([setting.expected])
      expect(await verify()).toEqual([0])
    })

    it('is of restored KMS keys as it was set meanwhile', async () => {
      await testbed.ok(`${DISTRIBUTE} ${setting.field}`)
      await testbed.ok(`write -f ${PATH}/replicate`)
      await testbed.ok(`delete ${PATH}/replicate/eu-west-1`)
      await testbed.ok(`write ${PATH} ${setting.later}`)
      await testbed.ok(`write -f ${PATH}/restore`)
      expect(await valuesOf(setting)).toEqual(Array(REGIONS.length).fill(setting.expected))
      await testbed.ok(`delete ${PATH}`)
      await testbed.ok(`${DISTRIBUTE} ${setting.field}`)
      await testbed.ok(`write ${PATH} ${setting.later}`)
      expect(await valuesOf(setting)).toEqual(Array(REGIONS.length).fill(setting.expected))
    })

    it('is in the response of a read', async () => {
      await testbed.ok(DISTRIBUTE)
      expect(await testbed.ok(`read ${PATH}`)).not.toContain(name)
      await testbed.ok(`write ${PATH} ${setting.field}`)
      expect(await testbed.ok(`read ${PATH}`)).toContain(name)
    })
  },
)

describe('an empty value', () => {
  it.each([
    ['description', ''],
    ['tags', new Map()],
    ['policy', expect.stringContaining(`"AWS":"${ROOT}"`)],
  ])("of %s returns to AWS's default", async (name, expected) => {
    const setting = settingOf(name)
    await testbed.ok(`${DISTRIBUTE} ${setting.field}`)
    await testbed.ok(`write ${PATH} ${name}=`)
    expect(await valuesOf(setting)).toEqual([expected])
    expect(await verify()).toEqual([0])
    await setting.change(testbed.client(), (await kmsKeys())[0]?.kms_key ?? '')
    expect(await verify()).toEqual([3, name])
  })
})

describe('tags', () => {
  it('are read from a file, as JSON or as lines', async () => {
    const tags = settingOf('tags')
    const file = join(testbed.home, 'tags')
    await testbed.ok(DISTRIBUTE)
    for (const content of ['{"cost-center": "a=b", "c_d": ""}', 'cost-center = a=b\nc_d=\n']) {
      writeFileSync(file, content)
      await testbed.ok(`write ${PATH} tags=@${file}`)
      expect(await valuesOf(tags)).toEqual([
        new Map(Object.entries({ 'cost-center': 'a=b', c_d: '' })),
      ])
    }
  })

  it('can all be replaced by as many others', async () => {
    const many = (name: string) =>
      Array.from({ length: 44 }, (_, index) => `tags=${name}${index}=1`).join(' ')
    await testbed.ok(`${DISTRIBUTE} ${many('a')}`)
    await testbed.ok(`write ${PATH} ${many('b')}`)
    expect(await verify()).toEqual([0])
  })
})

describe('a key policy that could lock the account out', () => {
  it('is refused at the first distribution, and creates nothing', async () => {
    const ran = await testbed.run(`${DISTRIBUTE} policy=${LOCKOUT}`)
    expect([ran.status, ran.stderr]).toEqual([
      2,
      expect.stringContaining(`no statement lets ${ROOT} call kms:PutKeyPolicy`),
    ])
    expect(testbed.kms.account.region('us-west-1').keys.size).toBe(0)
    expect((await testbed.run(`read ${PATH}`)).stderr).toContain('No value found')
  })

  it('is accepted with consent, for later versions too', async () => {
    const lockout = { ...settingOf('policy'), expected: LOCKOUT }
    await testbed.ok(`${DISTRIBUTE} policy=${LOCKOUT} allow_lockout=true`)
    await testbed.ok(`write -f ${PATH}/replicate`)
    await testbed.ok('write -f keymgmt/key/app/rotate')
    expect(await valuesOf(lockout)).toEqual(Array(2 * REGIONS.length).fill(LOCKOUT))
    expect(await verify()).toEqual([0])
    await testbed.ok(`write ${PATH} policy=`)
    await testbed.ok(`write ${PATH} policy=${LOCKOUT} allow_lockout=true`)
    expect(await valuesOf(lockout)).toEqual(Array(2 * REGIONS.length).fill(LOCKOUT))
  })

  it('is checked by AWS for the caller, whose refusal says how to go on', async () => {
    await testbed.ok(DISTRIBUTE)
    const unknown = policyOf(statement(), statement({ Action: undefined, NotAction: 7 }))
    const ran = await testbed.run(`write ${PATH} policy=${unknown}`)
    expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining('PutKeyPolicy')])
    expect(ran.stderr).toContain(`policy=@policy.json`)
    await testbed.ok(`write ${PATH} policy=`)
    expect(await verify()).toEqual([0])
  })

  it('can be tried in a dry run, which does not ask for the account', async () => {
    const planned = await testbed.ok(`${DISTRIBUTE} policy=${policyOf(statement())} -dry-run`)
    expect(planned).toContain('CreateKey')
  })
})

describe('an organisation that requires a tag of each new KMS key', () => {
  it('accepts KMS keys with the tag, and refuses others', async () => {
    await testbed.close()
    const policy = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        {
          Effect: 'Deny',
          Action: 'kms:CreateKey',
          Resource: '*',
          Condition: { Null: { 'aws:RequestTag/team': 'true' } },
        },
      ],
    }
    testbed = await createTestbed({ policies: { [OPERATOR]: policy } })
    await testbed.ok(CONFIGURE)
    await testbed.ok('write keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1,eu-west-1')
    const refused = await testbed.run(DISTRIBUTE)
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringContaining('tags=NAME=VALUE'),
    ])
    await testbed.ok(`${DISTRIBUTE} tags=team=payments`)
    await testbed.ok(`write -f ${PATH}/replicate`)
    await testbed.ok('write -f keymgmt/key/app/rotate')
    expect(await verify()).toEqual([0])
  })
})

describe('deletion_window', () => {
  /** The days until the deletions that a command scheduled, apart from primaries with replicas. */
  const daysAfter = async (line: string) => {
    const before = new Set((await scheduled()).keys())
    await testbed.ok(line)
    const after = [...(await scheduled())].filter(([id]) => !before.has(id))
    return [...new Set(after.map(([, days]) => days))]
  }
  const scheduled = async () =>
    new Map(
      (await kmsKeys()).flatMap(({ kms_key, region, deletion_date }) =>
        deletion_date === undefined
          ? []
          : [
              [
                `${kms_key} ${region}`,
                Math.round((Date.parse(deletion_date) - Date.now()) / 86_400_000),
              ] as const,
            ],
      ),
    )

  it('is the default of each command that schedules deletions', async () => {
    await testbed.ok(`${DISTRIBUTE} deletion_window=9`)
    await testbed.ok(`write -f ${PATH}/replicate`)
    expect(await testbed.ok(`read ${PATH}`)).toMatch(/deletion_window +9/)
    expect(await daysAfter(`delete ${PATH}/replicate/eu-west-1`)).toEqual([9])
    await testbed.ok('write -f keymgmt/key/app/rotate')
    await testbed.ok('write keymgmt/key/app min_enabled_version=2')
    const trim = 'write keymgmt/key/app/trim min_available_version=2 allow_recent_use=true'
    expect(await daysAfter(trim)).toEqual([9])
    expect(await daysAfter(`delete ${PATH} deletion_window=7`)).toEqual([7])
    await testbed.ok(`write -f ${PATH}/restore`)
    expect(await daysAfter(`delete ${PATH}`)).toEqual([9])
    await testbed.ok(`${DISTRIBUTE} deletion_window=`)
    expect(await daysAfter(`delete ${PATH}`)).toEqual([30])
  })
})

describe('refused, before anything is changed:', () => {
  const tags = (count: number) =>
    Array.from({ length: count }, (_, index) => `tags=t${index}=1`).join(' ')
  it.each([
    ['description', `description=${'x'.repeat(8193)}`, 'has 8193 characters'],
    // The standard input of these commands is empty.
    ['description', 'description=-', 'standard input is empty'],
    ['policy', 'policy=-', 'standard input is empty'],
    ['custom_alias', 'custom_alias=-', 'standard input is empty'],
    ['tags', 'tags=team', 'expected name=value'],
    ['tags', 'tags=keymgmt:store=x', 'reserved'],
    ['tags', 'tags=Keymgmt:x=x', 'reserved'],
    ['tags', 'tags=managed-by=me', 'reserved'],
    ['tags', 'tags=AWS:x=x', 'reserved'],
    ['tags', 'tags=a*b=x', 'does not accept'],
    ['tags', 'tags=a=b*c', 'does not accept'],
    ['tags', `tags=${'n'.repeat(129)}=x`, 'does not accept'],
    ['tags', `tags=n=${'v'.repeat(257)}`, 'does not accept'],
    ['tags', tags(45), 'has 45 tags'],
    ['policy', 'policy={', 'is not a key policy'],
    ['policy', 'policy={}', 'is not a key policy'],
    ['policy', 'policy={"Statement":[]}', 'is not a key policy'],
    ['policy', `policy=${policyOf(statement({ Actions: '*' }))}`, 'is not a key policy'],
    ['policy', `policy=${policyOf(statement({ Sid: '\u0100' }))}`, 'a character that AWS does not'],
    ['policy', `policy=${policyOf(statement({ Sid: 'x'.repeat(33_000) }))}`, 'bytes'],
    ['policy', `policy=${LOCKOUT}`, 'could lock the account out'],
    ['deletion_window', 'deletion_window=6', 'less than 7'],
    ['deletion_window', 'deletion_window=31', 'more than 30'],
    ['allow_lockout', 'allow_lockout=true', 'policy, which is missing'],
  ])('%s', async (field, argument, problem) => {
    await testbed.ok(DISTRIBUTE)
    const before = [testbed.requests.length, await testbed.ok(`read ${PATH}`)]
    const ran = await testbed.run(`write ${PATH} ${argument}`)
    expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining(field)])
    expect(ran.stderr).toContain(problem)
    expect([testbed.requests.length, await testbed.ok(`read ${PATH}`)]).toEqual(before)
  })

  it('tags of the wrong file, which the error does not repeat', async () => {
    const { status, stderr } = await testbed.run(`${DISTRIBUTE} tags=zq0123456789=b*c`)
    expect([status, stderr]).toEqual([2, expect.stringContaining('pair 1 of 1')])
    expect(stderr).not.toContain('zq0123456789')
  })
})
