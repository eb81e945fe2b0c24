import { describe, expect, it } from '@jest/globals'
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
