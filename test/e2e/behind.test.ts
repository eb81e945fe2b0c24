import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const OTHER = 'keymgmt/kms/other/key/app'
const DENIED = { Version: '2012-10-17', Statement: [] }

const joined = (text: string) => text.replace(/\s+/g, ' ')

interface Outcome {
  readonly provider: string
  readonly region: string
  readonly version: number
  readonly action: string
  readonly state: string
  readonly reason?: string
}

/** The ways in which a provider is out of reach: the command that makes it so, and its error. */
const WAYS = {
  'credentials that AWS does not accept': [
    'credentials=access_key=AKIAIOSFODNN7EXAMPLE credentials=secret_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    'UnrecognizedClientException',
  ],
  'an endpoint that is closed': [
    'credentials=endpoint=http://127.0.0.1:1 credentials=access_key=a credentials=secret_key=b',
    'ECONNREFUSED',
  ],
  'permissions that were revoked': [
    'credentials=access_key=ASIADJO3WTX6WPLJM42V credentials=secret_key=bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w',
    'AccessDeniedException',
  ],
} as const

describe.each(Object.entries(WAYS))('a provider with %s', (_name, [credentials, reason]) => {
  let testbed: Testbed
  beforeEach(async () => {
    testbed = await createTestbed({ inProcess: true, policies: { ASIADJO3WTX6WPLJM42V: DENIED } })
    await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
    await testbed.ok('write keymgmt/kms/other provider=awskms key_collection=eu-west-1')
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
    await testbed.ok(`write ${OTHER} purpose=encrypt,decrypt`)
    await testbed.ok(`write keymgmt/kms/other ${credentials}`)
  })
  afterEach(() => testbed.close())

  /** Runs a command; returns its exit status, and outcomes as `state provider version action`. */
  const outcomesOf = async (line: string) => {
    const { stdout, status } = await testbed.run(`${line} -format=json`)
    const { data } = JSON.parse(stdout === '' ? '{}' : stdout) as {
      data?: { outcomes?: Outcome[] }
    }
    const outcomes = data?.outcomes ?? []
    return {
      status,
      outcomes: outcomes.map(
        ({ state, provider, version, action }) => `${state} ${provider} ${version} ${action}`,
      ),
      reasons: outcomes.flatMap((each) => each.reason ?? []),
    }
  }

  it('blocks nothing elsewhere, and each command reports every outcome', async () => {
    const rotated = await outcomesOf('write -f keymgmt/key/app/rotate')
    expect(rotated.status).toBe(2)
    expect(rotated.outcomes).toEqual([
      'done k 2 create',
      'done k 2 point-alias',
      'failed other 2 create',
      'failed other 2 point-alias',
    ])
    expect(rotated.reasons[0]).toContain(reason)
    const setting = await outcomesOf('write keymgmt/key/app min_enabled_version=2')
    expect(setting.status).toBe(2)
    expect(setting.outcomes[0]).toBe('done k 1 disable')
    expect(setting.outcomes).toContain('failed other 1 disable')
    await testbed.ok('write keymgmt/kms/third provider=awskms key_collection=us-east-2')
    for (const line of [
      'write keymgmt/kms/third/key/app purpose=encrypt,decrypt',
      'write -f keymgmt/kms/k/key/app/repair',
      'delete keymgmt/kms/k/key/app',
      'write -f keymgmt/kms/k/key/app/restore',
    ]) {
      const { status, outcomes } = await outcomesOf(line)
      expect([line, status, outcomes.filter((each) => each.startsWith('failed'))]).toEqual([
        line,
        0,
        [],
      ])
    }
    expect(await testbed.ok('read -field=latest_version keymgmt/key/app')).toBe('2')
    await testbed.ok('read keymgmt/kms/k/key/app/verify')
    await testbed.ok('read keymgmt/kms/third/key/app/verify')
    const removed = await outcomesOf(`delete ${OTHER}`)
    expect(removed.status).toBe(2)
    expect(removed.outcomes).toContain('failed other 1 schedule-deletion')
    expect((await testbed.run('write keymgmt/key/app min_enabled_version=1')).status).toBe(0)
  })

  it('is shown as behind until it is up to date, and no version is created meanwhile', async () => {
    await testbed.run('write -f keymgmt/key/app/rotate')
    const again = await testbed.run('write -f keymgmt/key/app/rotate')
    expect(again.status).toBe(2)
    expect(joined(again.stderr)).toContain(
      'No version is created, because app in other lacks version 2',
    )
    expect(joined(again.stderr)).toContain(
      'to rotate without it: keymgmt write keymgmt/key/app/rotate without=other',
    )
    expect(await testbed.ok('read -field=behind keymgmt/key/app')).toBe('[other]')
    expect(await testbed.ok('read keymgmt/key/app')).toMatch(/^behind +\[other\]$/m)
    const shown = JSON.parse(await testbed.ok(`read -format=json ${OTHER}`)) as {
      data: Record<string, unknown>
    }
    expect(shown.data).toMatchObject({
      behind: [2],
      behind_since: expect.stringMatching(/^\d{4}-/),
      behind_reason: expect.stringContaining(reason),
    })
    expect(await testbed.ok('status')).toMatch(/^behind +1$/m)
    await testbed.ok('write keymgmt/key/app/rotate without=other')
    expect(await testbed.ok('read -field=latest_version keymgmt/key/app')).toBe('3')
    await testbed.ok('write keymgmt/kms/other -', { stdin: '{"credentials":{}}' })
    const last = await testbed.run('write -f keymgmt/key/app/rotate')
    expect(last.status).toBe(0)
    expect(joined(last.stderr)).toContain('To create version 4, rotate again afterwards')
    expect(await testbed.ok('read -field=latest_version keymgmt/key/app')).toBe('3')
    expect(await testbed.ok('status')).toMatch(/^behind +0$/m)
    await testbed.ok(`read ${OTHER}/verify`)
  })

  it('can be forgotten, with a list of the KMS keys that remain, and then deleted', async () => {
    const refused = await testbed.run('delete keymgmt/kms/other')
    expect(joined(refused.stderr)).toContain(`keymgmt write -f ${OTHER}/forget allow_orphans=true`)
    expect((await testbed.run(`write -f ${OTHER}/forget`)).status).toBe(2)
    const before = testbed.requests.length
    const { data } = JSON.parse(
      await testbed.ok(`write -f -format=json ${OTHER}/forget allow_orphans=true`),
    ) as { data: { kms_keys: Record<string, unknown>[]; aliases: Record<string, unknown>[] } }
    expect(testbed.requests).toHaveLength(before)
    const { keys, aliases } = testbed.kms.account.region('eu-west-1')
    expect(data.kms_keys).toEqual(
      [...keys.values()].map(({ arn }) => ({
        version: 1,
        region: 'eu-west-1',
        arn,
        state: 'enabled',
        operation_id: expect.any(String),
      })),
    )
    expect(data.aliases).toEqual([...aliases.keys()].map((name) => ({ region: 'eu-west-1', name })))
    const shown = await testbed.ok(`write -f ${OTHER}/forget allow_orphans=true`)
    for (const [key] of keys.entries()) expect(joined(shown)).toContain(key)
    await testbed.ok('delete keymgmt/kms/other')
    await testbed.ok('write -f keymgmt/key/app/rotate')
    await testbed.ok('delete keymgmt/kms/k/key/app')
  })
})

it('a provider without a record in the store can be forgotten and deleted', async () => {
  const testbed = await createTestbed({ inProcess: true })
  try {
    await testbed.ok('write keymgmt/kms/other provider=awskms key_collection=eu-west-1')
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await testbed.ok(`write ${OTHER} purpose=encrypt,decrypt`)
    rmSync(join(testbed.home, 'keymgmt', 'store', 'kms'), { recursive: true })
    expect((await testbed.run('write -f keymgmt/key/app/rotate')).status).toBe(2)
    await testbed.ok(`write -f ${OTHER}/forget allow_orphans=true`)
    await testbed.ok('delete keymgmt/kms/other')
    expect(await testbed.ok('read -field=latest_version keymgmt/key/app')).toBe('2')
  } finally {
    await testbed.close()
  }
})

it('a key whose distribution was forgotten is deleted only with allow_orphans=true', async () => {
  const testbed = await createTestbed({ inProcess: true })
  try {
    await testbed.ok('write keymgmt/kms/other provider=awskms key_collection=eu-west-1')
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96 deletion_allowed=true')
    await testbed.ok(`write ${OTHER} purpose=encrypt,decrypt`)
    await testbed.ok(`write -f ${OTHER}/forget allow_orphans=true`)
    const refused = await testbed.run('delete keymgmt/key/app')
    expect(refused.status).toBe(2)
    expect(joined(refused.stderr)).toContain('keymgmt delete keymgmt/key/app allow_orphans=true')
    await testbed.ok('delete keymgmt/key/app allow_orphans=true')
  } finally {
    await testbed.close()
  }
})
