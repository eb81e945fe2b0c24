import { DecryptCommand, EncryptCommand, ListKeyRotationsCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { DevKmsOptions } from '../../src/dev-kms/index.js'
import type { Key, Material } from '../../src/dev-kms/state.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { findProblems } from '../support/problems.js'

// Rotation in place when a reply is lost, somebody else changes the KMS key, its rotations are used
// up, or the store is an older copy.

const DISTRIBUTE = 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt rotation=in_place'
const ROTATE = 'write -f keymgmt/key/app/rotate'
const REPAIR = 'write -f keymgmt/kms/k/key/app/repair'
const VERIFY = 'read keymgmt/kms/k/key/app/verify'

let testbed: Testbed
const open = async (options: DevKmsOptions = {}, home?: string) => {
  testbed = await createTestbed({ inProcess: true, ...options }, home)
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
}
const prepare = async () => {
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
  await testbed.ok(ROTATE)
  await testbed.ok(DISTRIBUTE)
}
beforeEach(() => open())
afterEach(() => testbed.close())

const onlyKey = (): Key => {
  const [key] = testbed.kms.account.region('us-west-1').keys.values()
  if (!key) throw new Error('no KMS key')
  return key
}
const problems = () => findProblems(join(testbed.home, 'keymgmt'), testbed.kms)
const refused = async (line: string) => {
  const { status, stderr } = await testbed.run(line)
  expect(status).toBe(2)
  return stderr
}
const count = (operation: string) =>
  testbed.requests.filter((request) => request.operation === operation).length
/** Material of somebody else. */
const foreign = (state: Material['state'], rotatedAt?: Date): Material => ({
  id: randomBytes(32).toString('hex'),
  bytes: randomBytes(32),
  validTo: undefined,
  description: undefined,
  state,
  rotatedAt,
})

describe('the lost reply', () => {
  it.each([
    ['ImportKeyMaterial', 'error-after'],
    ['ImportKeyMaterial', 'drop'],
    ['RotateKeyOnDemand', 'error-after'],
    ['RotateKeyOnDemand', 'drop'],
    ['RotateKeyOnDemand', 'drop-before'],
  ] as const)('of %s (%s) costs no second material', async (operation, kind) => {
    await testbed.close()
    await open({ faults: [{ operation, nth: '*', kind }] })
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await testbed.ok(ROTATE)
    const { status } = await testbed.run(DISTRIBUTE)
    const { account } = testbed.kms
    const { home } = testbed
    await testbed.kms.close()
    testbed = await createTestbed({ inProcess: true, account }, home)
    await testbed.ok(DISTRIBUTE)
    expect([status === 0 || status === 2, await problems()]).toEqual([true, []])
    expect(onlyKey().materials).toHaveLength(2)
  })
})

describe('somebody else', () => {
  it('has imported material that is pending: a rotation is refused until it is gone', async () => {
    await prepare()
    const theirs = foreign('PENDING_ROTATION')
    onlyKey().materials.push(theirs)
    const { id } = onlyKey()
    const stderr = await refused(ROTATE)
    expect(stderr).toContain(
      `somebody else imported material ${theirs.id} into KMS key ${id} in us-west-1, and it is pending rotation`,
    )
    expect(stderr).toContain(
      `to delete that material: aws kms delete-imported-key-material --region us-west-1 --key-id ${id} --key-material-id ${theirs.id}`,
    )
    expect(onlyKey().materials).toHaveLength(3)
    onlyKey().materials = onlyKey().materials.filter((material) => material !== theirs)
    await testbed.ok(ROTATE)
    expect(await problems()).toEqual([])
  })

  it('has deleted the material of an earlier version: verify shows it, and repair brings it back', async () => {
    await prepare()
    const [former] = onlyKey().materials
    if (former) former.bytes = undefined
    const found = await testbed.run(`${VERIFY} -format=json`)
    expect(found.status).toBe(3)
    const { data } = JSON.parse(found.stdout) as { data: { differences: object[] } }
    expect(data.differences).toMatchObject([
      { what: 'state', expected: 'enabled', found: 'pending-import', repairable: true },
      { what: 'material', version: 1, expected: 'imported', found: 'missing', repairable: true },
    ])
    await testbed.ok(REPAIR)
    expect(await problems()).toEqual([])
    expect(await testbed.ok(`${VERIFY} challenge=true`)).toMatch(
      /former, proven[^]*current, proven/,
    )
  })

  it('has rotated it to other material: verify says so, and the next rotation makes ours current', async () => {
    await prepare()
    const [, current] = onlyKey().materials
    if (current) current.state = 'NON_CURRENT'
    onlyKey().materials.push(foreign('CURRENT', new Date()))
    const { stdout, status } = await testbed.run(`${VERIFY} -format=json`)
    const { data } = JSON.parse(stdout) as { data: { differences: object[] } }
    expect([status, data.differences]).toMatchObject([
      3,
      [
        { what: 'material', version: 2, expected: 'current', found: 'former' },
        { what: 'material', expected: 'on record', repairable: false },
      ],
    ])
    await testbed.ok(ROTATE)
    expect(onlyKey().materials.at(-1)).toMatchObject({ state: 'CURRENT' })
    expect(onlyKey().materials).toHaveLength(4)
  })

  it('has deleted our pending material: it is imported again', async () => {
    await prepare()
    await testbed.close()
    await open({ faults: [{ operation: 'RotateKeyOnDemand', nth: '*', kind: 'denied' }] })
    await prepare().catch(() => undefined)
    const { account } = testbed.kms
    const { home } = testbed
    const key = onlyKey()
    expect(key.materials.map(({ state }) => state)).toEqual(['CURRENT', 'PENDING_ROTATION'])
    key.materials.pop()
    await testbed.kms.close()
    testbed = await createTestbed({ inProcess: true, account }, home)
    expect(await refused(DISTRIBUTE)).toContain('somebody deleted its pending material')
    await testbed.ok(DISTRIBUTE)
    expect(await problems()).toEqual([])
  })
})

describe('a rotation that AWS refuses in the middle', () => {
  const GLOBAL = ['us-west-1', 'us-east-1', 'eu-west-1']
  const keysIn = (region: string) => [...testbed.kms.account.region(region).keys.values()]
  const states = () =>
    GLOBAL.map((region) =>
      keysIn(region).map(({ materials }) => materials.map(({ state }) => state)),
    )
  /** A key in three Regions, whose pending material is in all of them. */
  const begin = async () => {
    await testbed.close()
    await open({ faults: [{ operation: 'RotateKeyOnDemand', nth: '*', kind: 'denied' }] })
    const regions = GLOBAL.slice(1).join()
    await testbed.ok(`write keymgmt/key/app type=aes256-gcm96 replica_regions=${regions}`)
    await testbed.ok(DISTRIBUTE)
    await testbed.ok('write -f keymgmt/kms/k/key/app/replicate')
    expect(await refused(ROTATE)).toContain('allow kms:RotateKeyOnDemand')
    expect(states()).toEqual(GLOBAL.map(() => [['CURRENT', 'PENDING_ROTATION']]))
    const { account } = testbed.kms
    const { home } = testbed
    await testbed.kms.close()
    testbed = await createTestbed({ inProcess: true, account }, home)
  }
  beforeEach(begin)

  it('is revoked, pending material first, and restored', async () => {
    await testbed.ok('write -f keymgmt/kms/k/key/app/revoke')
    const deleted = testbed.requests.filter(
      ({ operation }) => operation === 'DeleteImportedKeyMaterial',
    )
    expect(deleted).toHaveLength(4)
    expect(states()).toEqual(GLOBAL.map(() => [['CURRENT']]))
    await testbed.ok('write -f keymgmt/kms/k/key/app/restore')
    expect(await problems()).toEqual([])
    expect(states()).toEqual(GLOBAL.map(() => [['NON_CURRENT', 'CURRENT']]))
  })

  it('is removed and distributed again', async () => {
    await testbed.ok('delete keymgmt/kms/k/key/app deletion_window=7')
    expect(GLOBAL.flatMap(keysIn).every(({ deletion }) => deletion)).toBe(true)
    await testbed.ok(DISTRIBUTE)
    expect(await problems()).toEqual([])
  })

  it('is awaited while AWS rotates, as long as -timeout allows', async () => {
    const key = onlyKey()
    key.rotation = { startedAt: new Date(), doneAt: Infinity }
    const { status, stderr } = await testbed.run(`${ROTATE} -timeout=4s`)
    expect([status, stderr]).toEqual([2, expect.stringContaining('GetKeyRotationStatus')])
    key.rotation = { startedAt: new Date(), doneAt: Date.now() }
    await testbed.ok(ROTATE)
    expect(await problems()).toEqual([])
  })

  it('is finished by repair', async () => {
    await testbed.ok(REPAIR)
    expect(await problems()).toEqual([])
    expect(states()).toEqual(GLOBAL.map(() => [['NON_CURRENT', 'CURRENT']]))
  })
})

describe('a dropped Region', () => {
  it('blocks a rotation while its replica awaits deletion, until restore brings it back', async () => {
    await testbed.ok('write keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1')
    await testbed.ok(DISTRIBUTE)
    await testbed.ok('write -f keymgmt/kms/k/key/app/replicate')
    await testbed.ok('delete keymgmt/kms/k/key/app/replicate/us-east-1')
    const stderr = await refused(ROTATE)
    expect(stderr).toContain('one of its replicas lacks the new material')
    const [, back = ''] = /or bring it back: keymgmt (.*)/.exec(stderr) ?? []
    expect(back).toBe('write -f keymgmt/kms/k/key/app/restore')
    await testbed.ok(back)
    expect(await problems()).toEqual([])
  })
})

describe('the rotations of a KMS key', () => {
  /** Lets AWS count rotations of others. */
  const use = (rotations: number) => {
    onlyKey().materials.unshift(
      ...Array.from({ length: rotations }, () => foreign('NON_CURRENT', new Date())),
    )
  }

  it('are used up: nothing is imported, the other providers continue, and the hint names a way forward', async () => {
    await prepare()
    use(24)
    await testbed.ok('write keymgmt/kms/other provider=awskms key_collection=eu-west-1')
    await testbed.ok('write keymgmt/kms/other/key/app purpose=encrypt,decrypt rotation=in_place')
    const before = count('ImportKeyMaterial')
    const stderr = await refused(ROTATE)
    expect(stderr).toContain(
      `KMS key ${onlyKey().id} in us-west-1 has used all 25 rotations in place that AWS allows in its life`,
    )
    expect(count('ImportKeyMaterial')).toBe(before + 1)
    for (const line of [
      'write keymgmt/kms/k-2 provider=awskms key_collection=us-west-1',
      'write keymgmt/kms/k-2/key/app purpose=decrypt,encrypt rotation=in_place',
    ]) {
      expect(stderr).toContain(`keymgmt ${line}`)
      await testbed.ok(line)
    }
    const read = await testbed.ok('read -format=json keymgmt/key/app')
    expect(JSON.parse(read)).toMatchObject({ data: { latest_version: 3, behind: ['k'] } })
    const { data } = JSON.parse(
      await testbed.ok('write -format=json keymgmt/key/app/rotate without=k'),
    ) as { data: { outcomes: object[] } }
    expect(data.outcomes).toContainEqual(
      expect.objectContaining({ provider: 'k', action: 'import', state: 'skipped' }),
    )
  })

  it('include rotations by others, and cause a warning from 20 on', async () => {
    await prepare()
    use(17)
    expect((await testbed.run(ROTATE)).stderr).not.toContain('rotations')
    const { stderr } = await testbed.run(ROTATE)
    expect(stderr.replace(/\s+/g, ' ')).toContain(
      `KMS key ${onlyKey().id} in us-west-1 has used 20 of the 25 rotations in place that AWS allows in its life`,
    )
    const { data } = JSON.parse(await testbed.ok('read -format=json keymgmt/kms/k/key/app')) as {
      data: object
    }
    expect(data).toMatchObject({ rotations_used: 20, rotations_left: 5 })
  })

  it('do not suffice for a key with more than 26 enabled versions, which is refused at once', async () => {
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    for (let version = 2; version <= 27; version++) await testbed.ok(ROTATE)
    const stderr = await refused(DISTRIBUTE)
    expect(stderr).toContain('app has 27 enabled versions')
    expect(count('CreateKey')).toBe(0)
    const hint = 'write keymgmt/key/app min_enabled_version=2'
    expect(stderr).toContain(`keymgmt ${hint}`)
    await testbed.ok(hint)
    await testbed.ok(`${DISTRIBUTE} -dry-run`)
  }, 120_000)
})

describe('an older copy of the store', () => {
  it('neither rotates nor removes, and a restored snapshot records the newer version', async () => {
    await prepare()
    const snapshot = join(testbed.home, 'snapshot')
    await testbed.ok(`operator snapshot save ${snapshot}`)
    const older = join(testbed.home, 'older')
    cpSync(join(testbed.home, 'keymgmt'), older, { recursive: true })
    await testbed.ok(ROTATE)
    const { id } = onlyKey()
    const client = testbed.client()
    const { CiphertextBlob } = await client.send(
      new EncryptCommand({ KeyId: id, Plaintext: Buffer.from('newer') }),
    )
    const env = { KEYMGMT_HOME: older }
    for (const line of [ROTATE, 'delete keymgmt/kms/k/key/app', REPAIR]) {
      const { status, stderr } = await testbed.run(line, { env })
      expect([status, stderr]).toEqual([
        2,
        expect.stringContaining(
          `KMS key ${id} in us-west-1 has material of version 3 of app, which this store does not know: it is an older copy of the store`,
        ),
      ])
    }
    await testbed.ok(`operator snapshot restore -force ${snapshot}`, { env })
    await testbed.ok(ROTATE, { env })
    const reply = await client.send(new DecryptCommand({ CiphertextBlob }))
    expect(Buffer.from(reply.Plaintext ?? []).toString()).toBe('newer')
    const { Rotations } = await client.send(
      new ListKeyRotationsCommand({ KeyId: id, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }),
    )
    expect(Rotations?.map((each) => each.KeyMaterialDescription?.split('/')[1])).toEqual([
      'v1',
      'v2',
      'v3',
      'v4',
    ])
  })
})
