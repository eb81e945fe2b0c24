import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DescribeKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms'
import { createBench, type Bench } from '../support/keymgmt.js'

const PATH = 'keymgmt/kms/k/key/app'

/** A store with the key `app` in the provider `k`. */
async function createDistributed(): Promise<Bench> {
  const bench = await createBench()
  await bench.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await bench.ok('write -f keymgmt/key/app type=aes256-gcm96')
  await bench.ok(`write ${PATH} purpose=encrypt,decrypt`)
  return bench
}

async function statesIn(bench: Bench, region: string): Promise<(string | undefined)[]> {
  const client = bench.client(region)
  const { Keys = [] } = await client.send(new ListKeysCommand())
  const found = await Promise.all(
    Keys.map(({ KeyId }) => client.send(new DescribeKeyCommand({ KeyId }))),
  )
  return found.map(({ KeyMetadata }) => KeyMetadata?.KeyState)
}

const joined = (text: string) => text.replace(/\s+/g, ' ')

describe('a removal that AWS denied', () => {
  it('is finished by no other command, and each of them names both ways forward', async () => {
    const first = await createDistributed()
    const bench = await createBench(
      {
        account: first.kms.account,
        faults: [{ operation: 'ScheduleKeyDeletion', nth: 1, kind: 'denied' }],
      },
      first.home,
    )
    const ways = [`keymgmt delete ${PATH}`, `keymgmt write -f ${PATH}/restore`]
    try {
      const removed = await bench.run(`delete ${PATH}`)
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
        const { stdout, stderr } = await bench.run(line)
        if (line.includes('app'))
          for (const way of ways) expect(joined(`${stdout}${stderr}`)).toContain(way)
      }
      expect(await statesIn(bench, 'us-west-1')).toEqual(['Enabled'])
      expect((await statesIn(bench, 'eu-west-1')).sort()).toEqual(['Disabled', 'Enabled'])
      await bench.ok(`write -f ${PATH}/restore`)
      expect((await statesIn(bench, 'us-west-1')).sort()).toEqual(['Disabled', 'Enabled'])
      await bench.ok(`read ${PATH}/verify`)
    } finally {
      await bench.kms.close()
      await first.close()
    }
  })
})

describe('a command that cannot reach one of two providers', () => {
  let bench: Bench
  beforeAll(async () => {
    bench = await createDistributed()
    await bench.ok('write keymgmt/kms/other provider=awskms key_collection=eu-west-1')
    await bench.ok('write keymgmt/kms/other/key/app purpose=encrypt,decrypt')
    await bench.ok(
      'write keymgmt/kms/other credentials=access_key=AKIAIOSFODNN7EXAMPLE credentials=secret_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    )
  })
  afterAll(() => bench.close())

  it('does the rest, exits with 2, and prints every outcome as JSON', async () => {
    const { stdout, stderr, status } = await bench.run(
      'write -f -format=json keymgmt/key/app/rotate',
    )
    expect(status).toBe(2)
    const { data } = JSON.parse(stdout) as { data: { outcomes: Record<string, unknown>[] } }
    const alias = expect.stringMatching(/^alias\/hashicorp\/app-\d+$/)
    const [reason, way_out] = [expect.any(String), expect.any(String)]
    const here = { provider: 'k', region: 'us-west-1', version: 2, state: 'done' }
    const there = { provider: 'other', region: 'eu-west-1', version: 2, state: 'failed' }
    expect(data.outcomes).toEqual([
      { ...here, action: 'create' },
      { ...here, action: 'point-alias', alias },
      { ...there, action: 'create', reason, way_out },
      { ...there, action: 'point-alias', alias, reason, way_out },
    ])
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'KMS_CREDENTIALS', exit_status: 2 },
    })
  })

  it('prints what remains on stderr, a line each', async () => {
    const { stdout, stderr, status } = await bench.run(
      'write keymgmt/key/app min_enabled_version=2',
    )
    expect([stdout, status]).toEqual(['', 2])
    expect(stderr).toMatch(
      /^ {2}failed: other, eu-west-1, version 2, create \| way out: .+keymgmt write keymgmt\/kms\//m,
    )
    expect(stderr).toMatch(/^ {2}1 of \d done$/m)
    expect((await statesIn(bench, 'us-west-1')).sort()).toEqual(['Disabled', 'Enabled'])
  })

  it('succeeds if nothing was asked for there', async () => {
    expect(await bench.ok('write keymgmt/key/app deletion_allowed=true')).toBe(
      'Success! Data written to: keymgmt/key/app\n',
    )
    expect(await bench.ok(`delete ${PATH}`)).toContain('Success!')
  })
})
