import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { DescribeKeyCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

const PATH = 'keymgmt/kms/k/key/app'
const [HOME, EAST, EUROPE] = ['us-west-1', 'us-east-1', 'eu-west-1'] as const
const MOVE = `write ${PATH}/primary region=${EAST}`

let testbed: Testbed

/** Two versions in three Regions, with the primaries in us-west-1. */
beforeEach(async () => {
  testbed = await createTestbed()
  for (const line of [
    `write keymgmt/kms/k provider=awskms key_collection=${HOME}`,
    `write keymgmt/key/app type=aes256-gcm96 replica_regions=${EAST},${EUROPE}`,
    `write ${PATH} purpose=encrypt,decrypt`,
    `write -f ${PATH}/replicate`,
    'write -f keymgmt/key/app/rotate',
  ])
    await testbed.ok(line)
})
afterEach(() => testbed.close())

const data = async <T>(line: string) =>
  (JSON.parse(await testbed.ok(`${line} -format=json`)) as { data: T }).data
const read = () =>
  data<{
    versions: Record<string, string>
    arn: string
    primary_region: string
    primary_regions?: Record<string, string>
  }>(`read ${PATH}`)
const idOf = async (version: number) => (await read()).versions[version] ?? ''

/** The Region of the primary of each version in AWS, as each of its Regions shows it. */
async function primaries(): Promise<Record<string, string[]>> {
  const { versions } = await read()
  const found = Object.entries(versions).map(async ([version, KeyId]) => {
    const seen = [HOME, EAST, EUROPE].map(async (region) => {
      const reply = await testbed.client(region).send(new DescribeKeyCommand({ KeyId }))
      return reply.KeyMetadata?.MultiRegionConfiguration?.PrimaryKey?.Region ?? ''
    })
    return [version, [...new Set(await Promise.all(seen))]] satisfies [string, string[]]
  })
  return Object.fromEntries(await Promise.all(found))
}

describe('write keymgmt/kms/:name/key/:key/primary', () => {
  it('moves every primary, and reports each', async () => {
    const before = await read()
    expect([before.primary_region, before.primary_regions]).toEqual([HOME, undefined])
    const sent = testbed.requests.length
    const { outcomes } = await data<{ outcomes: { version: number }[] }>(MOVE)
    // AWS moves them at the same time.
    expect(outcomes.toSorted((one, other) => one.version - other.version)).toEqual(
      [1, 2].map((version) => ({
        provider: 'k',
        region: HOME,
        version,
        action: 'move-primary',
        state: 'done',
      })),
    )
    const changes = testbed.requests
      .slice(sent)
      .filter(({ operation }) => operation !== 'DescribeKey')
    expect(changes.map(({ operation, region }) => `${operation} ${region}`)).toEqual(
      [1, 2].map(() => `UpdatePrimaryRegion ${HOME}`),
    )
    expect(await primaries()).toEqual({ 1: [EAST], 2: [EAST] })
    const after = await read()
    expect(after).toMatchObject({
      primary_region: EAST,
      primary_regions: { 1: EAST, 2: EAST },
      versions: before.versions,
      arn: before.arn.replace(HOME, EAST),
    })
    await testbed.ok(`read ${PATH}/verify`)
  })

  it('shows its calls in a dry run, and changes nothing', async () => {
    const printed = await testbed.ok(`${MOVE} -dry-run`)
    expect(printed.match(/UpdatePrimaryRegion/g)).toHaveLength(2)
    expect(await primaries()).toEqual({ 1: [HOME], 2: [HOME] })
    expect((await read()).primary_region).toBe(HOME)
  })

  it('names the disabled versions that it skips, and so does verify', async () => {
    await testbed.ok('write keymgmt/key/app min_enabled_version=2')
    const { outcomes } = await data<{ outcomes: unknown[] }>(MOVE)
    expect(outcomes).toContainEqual({
      provider: 'k',
      region: HOME,
      version: 1,
      action: 'move-primary',
      state: 'skipped',
      reason: 'the version is disabled, and AWS moves only the primaries of enabled KMS keys',
      next_step: 'to move it: keymgmt write keymgmt/key/app min_enabled_version=1',
    })
    expect(await primaries()).toEqual({ 1: [HOME], 2: [EAST] })
    expect(await data(`read ${PATH}/verify`)).toMatchObject({
      skipped: [{ action: 'move-primary', version: 1, region: HOME, to: EAST }],
      verified: true,
    })
    const { stderr } = await testbed.run(`read ${PATH}/verify`)
    expect(stderr.replaceAll(/\s+/g, ' ')).toContain(
      `The primary of version 1 is in ${HOME} and not in ${EAST}, because the version is disabled.`,
    )
    await testbed.ok('write keymgmt/key/app min_enabled_version=1')
    expect(await primaries()).toEqual({ 1: [EAST], 2: [EAST] })
  })

  it('also moves the primary of each later version, before the alias', async () => {
    await testbed.ok(MOVE)
    const sent = testbed.requests.length
    await testbed.ok('write -f keymgmt/key/app/rotate')
    const operations = testbed.requests.slice(sent).map(({ operation }) => operation)
    expect(operations.lastIndexOf('ImportKeyMaterial')).toBeLessThan(
      operations.indexOf('UpdatePrimaryRegion'),
    )
    expect(operations.indexOf('UpdatePrimaryRegion')).toBeLessThan(
      operations.indexOf('UpdateAlias'),
    )
    expect(await primaries()).toEqual({ 1: [EAST], 2: [EAST], 3: [EAST] })
  })

  it("stays in read after AWS has deleted the KMS keys in the provider's Region", async () => {
    await testbed.ok(MOVE)
    const before = await read()
    for (const id of Object.values(before.versions))
      testbed.kms.account.region(HOME).keys.delete(id)
    await testbed.run(`write -f ${PATH}/repair`)
    const { versions, arn } = await read()
    expect({ versions, arn }).toEqual({ versions: before.versions, arn: before.arn })
  })

  it('leaves a primary without a replica in the Region, which AWS has deleted', async () => {
    const id = await idOf(1)
    await testbed
      .client(EAST)
      .send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }))
    testbed.kms.account.region(EAST).keys.delete(id)
    await testbed.run(`write -f ${PATH}/repair`)
    const { outcomes } = await data<{ outcomes: unknown[] }>(MOVE)
    expect(outcomes).toContainEqual({
      provider: 'k',
      region: HOME,
      version: 1,
      action: 'move-primary',
      state: 'lost',
      reason: `AWS no longer has the replica of KMS key ${id} in ${EAST}`,
      next_step:
        'nothing brings it back; for a new KMS key: keymgmt write -f keymgmt/key/app/rotate',
    })
  })

  it('is accepted by repair in an older copy of the store, which can move it again', async () => {
    const file = join(testbed.home, 'older.snapshot')
    await testbed.ok(`operator snapshot save ${file}`)
    await testbed.ok(MOVE)
    await testbed.ok(`operator snapshot restore -force ${file}`)
    expect((await testbed.run(`read ${PATH}/verify`)).status).toBe(3)
    await testbed.ok(`write -f ${PATH}/repair`)
    await testbed.ok(`read ${PATH}/verify`)
    await testbed.ok(`write ${PATH}/primary region=${EUROPE}`)
    expect(await primaries()).toEqual({ 1: [EUROPE], 2: [EUROPE] })
  })

  it('works together with removal, revocation and trimming', async () => {
    for (const line of [
      MOVE,
      `delete ${PATH}`,
      `write -f ${PATH}/restore`,
      `write -f ${PATH}/revoke`,
      `write -f ${PATH}/restore`,
      'write -f keymgmt/key/app/rotate',
      'write keymgmt/key/app min_enabled_version=2',
      'write keymgmt/key/app/trim min_available_version=2 allow_recent_use=true',
      `read ${PATH}/verify`,
      `delete ${PATH}/replicate/${EUROPE}`,
      `write -f ${PATH}/repair`,
      `read ${PATH}/verify`,
    ])
      await testbed.ok(line)
    expect(await primaries()).toMatchObject({ 2: [EAST], 3: [EAST] })
  })

  it.each([
    [`${PATH}/primary region=${HOME}x`, 'region takes'],
    [`${PATH}/primary`, 'missing required parameter'],
    [`${PATH}/primary region=us-east-2`, 'app is not replicated to us-east-2 in k'],
  ])('refuses %s', async (line, message) => {
    const { status, stderr } = await testbed.run(`write -f ${line}`)
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)])
  })
})
