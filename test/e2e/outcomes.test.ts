import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DescribeKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const PATH = 'keymgmt/kms/k/key/app'

/** A store with the key `app` in the provider `k`. */
async function createDistributed(): Promise<Testbed> {
  const testbed = await createTestbed({ inProcess: true })
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
  await testbed.ok(`write ${PATH} purpose=encrypt,decrypt`)
  return testbed
}

async function statesIn(testbed: Testbed, region: string): Promise<(string | undefined)[]> {
  const client = testbed.client(region)
  const { Keys = [] } = await client.send(new ListKeysCommand())
  const found = await Promise.all(
    Keys.map(({ KeyId }) => client.send(new DescribeKeyCommand({ KeyId }))),
  )
  return found.map(({ KeyMetadata }) => KeyMetadata?.KeyState)
}

const joined = (text: string) => text.replace(/\s+/g, ' ')

describe('a removal that AWS denies', () => {
  it('is not finished by other commands, which name both ways forward', async () => {
    const first = await createDistributed()
    const testbed = await createTestbed(
      {
        account: first.kms.account,
        faults: [{ operation: 'ScheduleKeyDeletion', nth: 1, kind: 'denied' }],
      },
      first.home,
    )
    const ways = [`keymgmt delete ${PATH}`, `keymgmt write -f ${PATH}/restore`]
    try {
      const removed = await testbed.run(`delete ${PATH}`)
      expect(removed.status).toBe(2)
      for (const way of ways) expect(joined(removed.stderr)).toContain(way)
      for (const line of [
        'write -f keymgmt/key/app/rotate',
        'write keymgmt/key/app min_enabled_version=2',
        'write keymgmt/kms/other provider=awskms key_collection=eu-west-1',
        'write keymgmt/kms/other/key/app purpose=encrypt,decrypt',
        `write -f ${PATH}/repair`,
        `read ${PATH}`,
        `read ${PATH}/verify`,
      ]) {
        const { stdout, stderr } = await testbed.run(line)
        if (line.includes('app'))
          for (const way of ways) expect(joined(`${stdout}${stderr}`)).toContain(way)
      }
      expect(await statesIn(testbed, 'us-west-1')).toEqual(['Enabled'])
      expect((await statesIn(testbed, 'eu-west-1')).sort()).toEqual(['Disabled', 'Enabled'])
      await testbed.ok(`write -f ${PATH}/restore`)
      expect((await statesIn(testbed, 'us-west-1')).sort()).toEqual(['Disabled', 'Enabled'])
      await testbed.ok(`read ${PATH}/verify`)
    } finally {
      await testbed.kms.close()
      await first.close()
    }
  })
})

describe('a command that cannot reach one of two providers', () => {
  let testbed: Testbed
  beforeAll(async () => {
    testbed = await createDistributed()
    await testbed.ok('write keymgmt/kms/other provider=awskms key_collection=eu-west-1')
    await testbed.ok('write keymgmt/kms/other/key/app purpose=encrypt,decrypt')
    await testbed.ok(
      'write keymgmt/kms/other credentials=access_key=AKIAIOSFODNN7EXAMPLE credentials=secret_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    )
  })
  afterAll(() => testbed.close())

  it('does the remaining work, exits with 2, and prints every outcome as JSON', async () => {
    const { stdout, stderr, status } = await testbed.run(
      'write -f -format=json keymgmt/key/app/rotate',
    )
    expect(status).toBe(2)
    const { data } = JSON.parse(stdout) as { data: { outcomes: Record<string, unknown>[] } }
    const alias = expect.stringMatching(/^alias\/hashicorp\/app-\d+$/)
    const [reason, next_step] = [expect.any(String), expect.any(String)]
    const here = { provider: 'k', region: 'us-west-1', version: 2, state: 'done' }
    const there = { provider: 'other', region: 'eu-west-1', version: 2, state: 'failed' }
    expect(data.outcomes).toEqual([
      { ...here, action: 'create' },
      { ...here, action: 'point-alias', alias },
      { ...there, action: 'create', reason, next_step },
      { ...there, action: 'point-alias', alias, reason, next_step },
    ])
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'KMS_CREDENTIALS', exit_status: 2 },
    })
  })

  it('prints one line on stderr for each outcome that remains', async () => {
    const { stdout, stderr, status } = await testbed.run(
      'write keymgmt/key/app min_enabled_version=2',
    )
    expect([stdout, status]).toEqual(['', 2])
    expect(stderr).toMatch(/^ {2}hint: .+: keymgmt write keymgmt\/kms\/other credentials=@FILE$/m)
    expect(stderr).toMatch(/^ {2}failed: other, eu-west-1, version 2, create$/m)
    expect(stderr).toMatch(/^ {2}1 of \d done$/m)
    expect((await statesIn(testbed, 'us-west-1')).sort()).toEqual(['Disabled', 'Enabled'])
  })

  it('succeeds if the command needs nothing there', async () => {
    expect(await testbed.ok('write keymgmt/key/app deletion_allowed=true')).toBe(
      'Success! Data written to: keymgmt/key/app\n',
    )
    expect(await testbed.ok(`delete ${PATH}`)).toContain('Success!')
  })
})

describe('a replica Region that AWS refuses', () => {
  // The embedded KMS, like AWS, has no such Region.
  const FAR = 'xx-nowhere-1'
  const DROP = `delete ${PATH}/replicate/${FAR}`
  let testbed: Testbed
  beforeAll(async () => {
    testbed = await createTestbed({ inProcess: true })
    await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
    await testbed.ok(
      `write keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1,${FAR} allow_unknown_region=true`,
    )
    await testbed.ok(`write ${PATH} purpose=encrypt,decrypt`)
  })
  afterAll(() => testbed.close())

  const outcomesOf = async (line: string) => {
    const { stdout, stderr, status } = await testbed.run(line)
    const { data } = JSON.parse(stdout) as { data: { outcomes: Record<string, unknown>[] } }
    return { outcomes: data.outcomes, stderr, status }
  }

  it('does not prevent replicas in other Regions, and its outcome names the next step', async () => {
    const { outcomes, stderr, status } = await outcomesOf(`write -f -format=json ${PATH}/replicate`)
    expect(status).toBe(2)
    expect(JSON.parse(stderr)).toMatchObject({ error: { exit_status: 2 } })
    const far = { region: FAR, state: 'failed' }
    expect(outcomes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ region: 'us-east-1', version: 1, state: 'done' }),
        expect.objectContaining({ ...far, version: 1, action: 'replicate' }),
        expect.objectContaining({ ...far, action: 'point-alias' }),
      ]),
    )
    expect(outcomes.find(({ region }) => region === FAR)?.next_step).toContain(`keymgmt ${DROP}`)
    const rotated = await testbed.run('write -f keymgmt/key/app/rotate')
    expect([rotated.status, joined(rotated.stderr)]).toEqual([
      2,
      expect.stringContaining(`keymgmt ${DROP}`),
    ])
    expect(await statesIn(testbed, 'us-east-1')).toEqual(['Enabled'])
  })

  it.each([
    [`delete ${PATH}/replicate/us-west-1`, 'us-west-1 is the Region of k itself'],
    [`delete ${PATH}/replicate/us-esat-1`, 'us-esat-1 is not one of the replica_regions'],
    [`write ${PATH}/replicate regions=eu-west-1`, 'eu-west-1 is not one of the replica_regions'],
    [`write keymgmt/kms/k/key/app/replicate regions=east`, 'has the wrong form'],
  ])('%s is refused', async (line, says) => {
    const { stdout, stderr, status } = await testbed.run(line)
    expect([stdout, joined(stderr), status]).toEqual(['', expect.stringContaining(says), 2])
    expect(stderr).toContain('hint: ')
  })

  it('is dropped without a call to AWS; later commands skip it', async () => {
    const before = testbed.requests.length
    expect(await testbed.run(`${DROP} -dry-run`)).toMatchObject({ status: 0 })
    const { stderr, stdout } = await testbed.run(`${DROP} -output-policy`)
    expect([stdout, stderr]).toEqual(['', expect.stringContaining('needs no IAM permission')])
    expect(await outcomesOf(`${DROP} -format=json`)).toEqual({
      status: 0,
      stderr: '',
      outcomes: [{ provider: 'k', region: FAR, version: 0, action: 'drop-region', state: 'done' }],
    })
    expect(testbed.requests.slice(before)).toEqual([])
    expect(await testbed.ok(DROP)).toContain('Success!')
    expect(await testbed.ok(`read -field=dropped_regions ${PATH}`)).toContain(FAR)
    await testbed.ok('write -f keymgmt/key/app/rotate')
    const { stderr: notice } = await testbed.run(`write -f ${PATH}/replicate`)
    expect(joined(notice)).toContain(`keymgmt write ${PATH}/replicate regions=${FAR}`)
    expect(await statesIn(testbed, 'us-east-1')).toEqual(['Enabled', 'Enabled'])
    expect(await testbed.ok('read -field=latest_version keymgmt/key/app')).toBe('2')
    await testbed.ok(`read ${PATH}/verify`)
  })

  it('is added again by regions=, and dropped again', async () => {
    expect((await testbed.run(`write ${PATH}/replicate regions=${FAR}`)).status).toBe(2)
    await testbed.ok(DROP)
    await testbed.ok(`read ${PATH}/verify`)
  })
})

describe('a replica whose creation got no reply', () => {
  it.each([
    ['drop', 'was created', ['PendingDeletion']],
    ['drop-before', 'was not created', []],
  ] as const)('is looked for before its Region is dropped (%s: it %s)', async (kind, _, states) => {
    const first = await createTestbed({ inProcess: true })
    const faults = [{ operation: 'ReplicateKey', nth: '*', kind }] as const
    const lossy = await createTestbed(
      { inProcess: true, account: first.kms.account, faults },
      first.home,
    )
    try {
      await first.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
      await first.ok('write keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1')
      await first.ok(`write ${PATH} purpose=encrypt,decrypt`)
      const replicated = await lossy.run(`write -f -format=json ${PATH}/replicate`)
      expect(JSON.parse(replicated.stderr)).toMatchObject({ error: { code: 'KMS_AMBIGUOUS' } })
      await first.ok(`delete ${PATH}/replicate/us-east-1`)
      await first.ok(`write -f ${PATH}/replicate`)
      await first.ok(`read ${PATH}/verify`)
      expect(await statesIn(first, 'us-east-1')).toEqual(states)
    } finally {
      await lossy.kms.close()
      await first.close()
    }
  })
})
