import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createMovedClockTestbed, DAY_MS, type MovedClockTestbed } from '../support/moved-clock.js'

let testbed: MovedClockTestbed

beforeEach(async () => {
  testbed = await createMovedClockTestbed()
  await ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await ok('write keymgmt/kms/other provider=awskms key_collection=eu-west-1')
})
afterEach(() => testbed.close())

const ok = (line: string) => testbed.ok(line)
const run = (line: string) => testbed.run(line)

interface Listed {
  readonly key: string
  readonly reasons: readonly string[]
  readonly latest_version: number
  readonly state?: string
  readonly next_rotation?: string
  readonly behind?: readonly { readonly provider: string; readonly reason?: string }[]
  readonly outcomes?: readonly { readonly action: string; readonly state: string }[]
  readonly error?: { readonly code: string }
}

/** Runs a command, and returns its exit status with the keys that it lists. */
const listed = async (line: string) => {
  const { status, stdout } = await run(`${line} -format=json`)
  return { status, keys: (JSON.parse(stdout) as { data: { keys: Listed[] } }).data.keys }
}

const createKey = async (name: string, fields = '') => {
  await ok(`write -f keymgmt/key/${name} type=aes256-gcm96 ${fields}`)
  await ok(`write keymgmt/kms/k/key/${name} purpose=encrypt,decrypt`)
}

const CLOSED =
  'write keymgmt/kms/other credentials=endpoint=http://127.0.0.1:1 credentials=access_key=a credentials=secret_key=b'

describe('keymgmt due', () => {
  it('finds nothing in an empty store, or while every key is young', async () => {
    expect(await run('due')).toEqual({ status: 0, stdout: '', stderr: '' })
    await createKey('app', 'rotation_period=90d')
    testbed.setDays(89)
    expect(await run('due')).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(await listed('due')).toEqual({ status: 0, keys: [] })
  })

  it('lists a key that is over age, with the time since which it is due', async () => {
    await createKey('app')
    await createKey('never')
    await ok('write keymgmt/key/app rotation_period=2160h')
    const { data } = JSON.parse(await ok('read -format=json keymgmt/key/app')) as {
      data: { rotation_period: number; next_rotation: string; versions: object }
    }
    const created = Object.values(data.versions) as { creation_time: string }[]
    expect(data.rotation_period).toBe(90 * 86_400)
    expect(Date.parse(data.next_rotation) - Date.parse(created[0]?.creation_time ?? '')).toBe(
      90 * DAY_MS,
    )
    testbed.setDays(91)
    const { status, stdout, stderr } = await run('due')
    expect([status, stderr]).toEqual([3, ''])
    expect(stdout).toBe(
      `Key    Version    Reason\n---    -------    ------\napp    1          its rotation was due on ${data.next_rotation}\n`,
    )
    expect(await listed('due')).toEqual({
      status: 3,
      keys: [
        {
          key: 'app',
          latest_version: 1,
          reasons: ['age'],
          rotation_period: data.rotation_period,
          next_rotation: data.next_rotation,
        },
      ],
    })
    expect(testbed.requests.map(({ operation }) => operation)).not.toContain('DescribeKey')
    await ok('write keymgmt/key/app rotation_period=0')
    expect((await run('due')).status).toBe(0)
    expect(await ok('read keymgmt/key/app')).not.toContain('rotation')
  })

  it('lists a key that is behind, with the reason', async () => {
    await createKey('app')
    await ok('write keymgmt/kms/other/key/app purpose=encrypt,decrypt')
    await ok(CLOSED)
    await run('write -f keymgmt/key/app/rotate')
    const { status, stdout } = await run('due')
    expect(status).toBe(3)
    expect(stdout).toMatch(/^app +2 +other lacks version 2: .*ECONNREFUSED/m)
    const { keys } = await listed('due')
    expect(keys).toMatchObject([{ key: 'app', reasons: ['behind'] }])
    expect(keys[0]?.behind).toMatchObject([{ provider: 'other', versions: [2] }])
  })

  it.each(['59m', '1', '-1', '1y', 'soon'])('refuses rotation_period=%s', async (period) => {
    const { status, stderr } = await run(
      `write keymgmt/key/app type=aes256-gcm96 rotation_period=${period}`,
    )
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/rotation_period.*(shorter than 1h|expected a duration)/),
    ])
    expect((await run('read keymgmt/key/app')).status).toBe(2)
  })
})

describe('keymgmt due -rotate', () => {
  it('rotates each key that is due once, and changes no other', async () => {
    await createKey('app', 'rotation_period=90d')
    await createKey('web', 'rotation_period=30d')
    await createKey('young', 'rotation_period=365d')
    testbed.setDays(91)
    expect(await run('due -rotate')).toEqual({
      status: 0,
      stdout: [
        'Key    Version    Result',
        '---    -------    ------',
        'app    1          rotated to version 2',
        'web    1          rotated to version 2',
        '',
      ].join('\n'),
      stderr: '',
    })
    expect(await listed('due')).toEqual({ status: 0, keys: [] })
    expect(await listed('due -rotate')).toEqual({ status: 0, keys: [] })
    expect(await ok('read -field=latest_version keymgmt/key/young')).toBe('1')
    testbed.setDays(122)
    expect(await listed('due -rotate')).toMatchObject({
      status: 0,
      keys: [
        {
          key: 'web',
          latest_version: 3,
          state: 'done',
          outcomes: [
            { action: 'create', version: 3, state: 'done' },
            { action: 'point-alias', version: 3, state: 'done' },
          ],
        },
      ],
    })
  })

  it('continues after a failure, shows the next step, and finishes the next day', async () => {
    await createKey('app', 'rotation_period=90d')
    await ok('write keymgmt/kms/other/key/app purpose=encrypt,decrypt')
    await createKey('web', 'rotation_period=90d')
    testbed.setDays(91)
    await ok(CLOSED)
    const { status, stdout, stderr } = await run('due -rotate')
    expect(status).toBe(2)
    expect(stdout).toMatch(
      /^app +1 +rotated to version 2; the rest failed\nweb +1 +rotated to version 2$/m,
    )
    expect(stderr).toMatch(
      /^Error rotating keymgmt\/key\/app: .*\n[^]*hint: to rotate without it: [^]*failed: other, eu-west-1, version 2, create/m,
    )
    const again = await listed('due -rotate')
    expect(again).toMatchObject({
      status: 2,
      keys: [{ key: 'app', reasons: ['behind'], state: 'failed', latest_version: 2 }],
    })
    expect(again.keys[0]?.error?.code).toBe('KMS_UNREACHABLE')
    await ok('write keymgmt/kms/other credentials=')
    expect((await run('due -rotate')).stdout).toMatch(/^app +2 +up to date with version 2$/m)
    expect((await run('due')).status).toBe(0)
  })

  it('brings a key up to date, and rotates it too if it is over age', async () => {
    await createKey('app', 'rotation_period=90d')
    await ok('write keymgmt/key/app/rotate without=k')
    testbed.setDays(91)
    expect(await listed('due')).toMatchObject({ keys: [{ reasons: ['age', 'behind'] }] })
    expect((await run('due -rotate')).stdout).toMatch(/^app +2 +rotated to version 3$/m)
    expect(await listed('due')).toEqual({ status: 0, keys: [] })
  })

  it('plans the same rotations without a change: -dry-run', async () => {
    await createKey('app', 'rotation_period=90d')
    testbed.setDays(91)
    const planned = await run('due -dry-run')
    expect(planned).toMatchObject({ status: 0, stdout: expect.stringMatching(/^CreateKey /m) })
    expect(planned.stderr.replace(/\s+/g, ' ')).toContain('would add $1.00 to the monthly bill')
    expect((await listed('due')).keys).toHaveLength(1)
  })
})
