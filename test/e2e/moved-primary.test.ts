import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { DescribeKeyCommand, UpdatePrimaryRegionCommand } from '@aws-sdk/client-kms'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const PATH = 'keymgmt/kms/k/key/app'
const [HOME, EAST, EUROPE] = ['us-west-1', 'us-east-1', 'eu-west-1'] as const

let testbed: Testbed
/** Ids of the KMS keys, by version. */
let ids: Readonly<Record<string, string>>

/** Version 1 was moved to us-east-1; version 2 has its primary in us-west-1. */
beforeEach(async () => {
  testbed = await createTestbed()
  await testbed.ok(`write keymgmt/kms/k provider=awskms key_collection=${HOME}`)
  await testbed.ok(`write keymgmt/key/app type=aes256-gcm96 replica_regions=${EAST},${EUROPE}`)
  await testbed.ok(`write ${PATH} purpose=encrypt,decrypt`)
  await testbed.ok(`write ${PATH}/replicate regions=${EAST}`)
  await testbed.ok('write -f keymgmt/key/app/rotate')
  ids = JSON.parse(await testbed.ok(`read -format=json -field=versions ${PATH}`)) as typeof ids
  await testbed
    .client(HOME)
    .send(new UpdatePrimaryRegionCommand({ KeyId: ids[1], PrimaryRegion: EAST }))
})
afterEach(() => testbed.close())

const accept = () => testbed.ok(`write -f ${PATH}/repair`)
const isClean = () => testbed.ok(`read ${PATH}/verify`)
const stateOf = async (version: number, region: string) => {
  const command = new DescribeKeyCommand({ KeyId: ids[version] })
  return (await testbed.client(region).send(command)).KeyMetadata?.KeyState
}

/** The Regions of the requests of `operation` since `before`. */
const sent = (operation: string, before: number) =>
  testbed.requests
    .slice(before)
    .filter((request) => request.operation === operation)
    .map(({ region }) => region)

describe('a primary that somebody moved to another Region', () => {
  it('is reported until repair accepts it', async () => {
    const { stdout, status } = await testbed.run(`read -format=json ${PATH}/verify`)
    expect(status).toBe(3)
    const { data } = JSON.parse(stdout) as { data: { differences: unknown[] } }
    expect(data.differences).toEqual([
      {
        what: 'multi-region',
        region: EAST,
        version: 1,
        subject: ids[1],
        expected: `primary in ${HOME}`,
        found: `primary in ${EAST}`,
        repairable: true,
        next_step: `keymgmt write -f ${PATH}/repair`,
      },
    ])
    const before = testbed.requests.length
    await accept()
    expect(sent('UpdatePrimaryRegion', before)).toEqual([])
    await isClean()
  })

  it('is replicated from its Region, once it is accepted', async () => {
    const refused = await testbed.run(`write -f -format=json ${PATH}/replicate`)
    expect(refused.status).toBe(2)
    const { data } = JSON.parse(refused.stdout) as { data: { outcomes: Record<string, unknown>[] } }
    expect(data.outcomes).toContainEqual({
      provider: 'k',
      region: EUROPE,
      version: 1,
      action: 'replicate',
      state: 'failed',
      reason: `somebody moved the primary of KMS key ${ids[1] ?? ''} from ${HOME} to ${EAST}`,
      next_step: `to accept that: keymgmt write -f ${PATH}/repair`,
    })
    const before = testbed.requests.length
    await accept()
    await testbed.ok(`write -f ${PATH}/replicate`)
    expect(sent('ReplicateKey', before)).toEqual([EAST])
    await isClean()
    expect(await stateOf(1, EUROPE)).toBe('Enabled')
  })

  it('is replicated from its Region once its version is enabled', async () => {
    await accept()
    await testbed.ok('write keymgmt/key/app min_enabled_version=2')
    await isClean()
    const before = testbed.requests.length
    await testbed.ok(`write -f ${PATH}/replicate`)
    expect(sent('ReplicateKey', before)).toEqual([HOME])
    await testbed.ok('write keymgmt/key/app min_enabled_version=1')
    expect(sent('ReplicateKey', before)).toEqual([HOME, EAST])
    await isClean()
  })

  it.each([true, false])(
    'is removed after its replicas, and restored (accepted: %s)',
    async (isAccepted) => {
      if (isAccepted) await accept()
      const before = testbed.requests.length
      await testbed.ok(`delete ${PATH}`)
      expect(sent('ScheduleKeyDeletion', before)).toHaveLength(4)
      expect(await stateOf(1, EAST)).toBe('PendingReplicaDeletion')
      await testbed.ok(`write -f ${PATH}/restore`)
      await accept()
      await isClean()
    },
  )

  it('keeps no other command from its work until it is accepted', async () => {
    for (const line of [
      'write -f keymgmt/key/app/rotate',
      'write keymgmt/key/app min_enabled_version=2',
      'write keymgmt/key/app min_enabled_version=1',
      `write -f ${PATH}/revoke`,
      `write -f ${PATH}/restore`,
      `write -f ${PATH}/repair`,
      `read ${PATH}/verify`,
    ])
      await testbed.ok(line)
  })
})
