import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { join } from 'node:path'
import { findProblems } from '../support/problems.js'
import { CONFIGURE } from '../support/flows.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { startProxy } from '../support/proxy.js'

describe('sixteen processes on one store', () => {
  let testbed: Testbed
  beforeAll(async () => {
    testbed = await createTestbed()
    await testbed.ok(CONFIGURE)
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
  })
  afterAll(() => testbed.close())

  it('lose no update, tear no read, and leave no gap between versions', async () => {
    const rotations = Array.from({ length: 6 }, () =>
      testbed.run('write -f keymgmt/key/app/rotate -timeout=5m'),
    )
    const writes = Array.from({ length: 5 }, (_, index) =>
      testbed.run(`write -f keymgmt/key/other-${index} type=ed25519`),
    )
    const reads = Array.from({ length: 5 }, () => testbed.run('read -format=json keymgmt/key/app'))
    const ended = await Promise.all([...rotations, ...writes, ...reads])
    expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 0))

    for (const { stdout } of await Promise.all(reads)) {
      const { data } = JSON.parse(stdout) as { data: { latest_version: number; versions: object } }
      expect(Object.keys(data.versions)).toEqual(
        Array.from({ length: data.latest_version }, (_, index) => String(index + 1)),
      )
    }
    expect((await testbed.ok('list keymgmt/key')).split('\n')).toEqual([
      'Keys',
      '----',
      'app',
      'other-0',
      'other-1',
      'other-2',
      'other-3',
      'other-4',
      '',
    ])
    const { data } = JSON.parse(await testbed.ok('read -format=json keymgmt/kms/k/key/app')) as {
      data: { versions: object }
    }
    expect(Object.keys(data.versions)).toEqual(['1', '2', '3', '4', '5', '6', '7'])
    expect(await findProblems(join(testbed.home, 'keymgmt'), testbed.kms)).toEqual([])
  })

  it('create one key if all create the same key at once', async () => {
    const ended = await Promise.all(
      Array.from({ length: 8 }, () => testbed.run('write -f keymgmt/key/same type=hmac-sha256')),
    )
    expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 0))
    expect(await testbed.ok('read -field=latest_version keymgmt/key/same')).toBe('1')
  })

  it('stop waiting after the limit, and name the holder of the lock', async () => {
    const slow = await createTestbed(
      { latencyMs: 1_500, account: testbed.kms.account },
      testbed.home,
    )
    const rotation = slow.run('write -f keymgmt/key/app/rotate')
    while (slow.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
    const late = await slow.run('write keymgmt/key/app min_enabled_version=0 -timeout=1s')
    expect(late).toMatchObject({ status: 2, stdout: '' })
    expect(late.stderr).toContain('rotate keymgmt/key/app')
    expect((await rotation).status).toBe(0)
    await slow.kms.close()
  })
})

describe('throttling', () => {
  it("of 30 % of the requests, in addition to AWS's quotas, delays commands and fails none", async () => {
    const testbed = await createTestbed({ quotas: 'aws' })
    let state = 20_261_124
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31
      return state / 2 ** 31
    }
    const proxy = await startProxy(testbed.kms.endpoint, () =>
      random() < 0.3 ? { when: 'before', kind: 'throttle' } : undefined,
    )
    const env = { AWS_ENDPOINT_URL_KMS: proxy.endpoint }
    try {
      await testbed.ok(CONFIGURE)
      await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1')
      for (let version = 2; version <= 4; version++)
        await testbed.ok('write -f keymgmt/key/app/rotate')
      await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt', { env })
      await testbed.ok('write -f keymgmt/kms/k/key/app/replicate', { env })
      await testbed.ok('write -f keymgmt/key/app/rotate', { env })
      expect(await findProblems(join(testbed.home, 'keymgmt'), testbed.kms)).toEqual([])
    } finally {
      await proxy.close()
      await testbed.close()
    }
  }, 180_000)

  it('ends at the deadline with an error, and the next run continues', async () => {
    const testbed = await createTestbed({
      faults: [{ operation: 'ImportKeyMaterial', nth: '*', kind: 'throttle' }],
    })
    try {
      await testbed.ok(CONFIGURE)
      await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
      const late = await testbed.run(
        'write keymgmt/kms/k/key/app purpose=encrypt,decrypt -timeout=2s',
      )
      expect(late).toMatchObject({ status: 2, stdout: '' })
      expect(late.stderr).toContain('-timeout')
      expect(late.stderr).toContain('run the same command again')
      const calm = await createTestbed({ account: testbed.kms.account }, testbed.home)
      try {
        await calm.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
        expect(await findProblems(join(calm.home, 'keymgmt'), calm.kms)).toEqual([])
      } finally {
        await calm.kms.close()
      }
    } finally {
      await testbed.close()
    }
  })

  it('is not a resource limit, which is not retried', async () => {
    const testbed = await createTestbed({
      faults: [{ operation: 'CreateKey', nth: 1, kind: 'limit' }],
    })
    try {
      await testbed.ok(CONFIGURE)
      await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
      const refused = await testbed.run('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
      expect(refused).toMatchObject({ status: 2, stdout: '' })
      expect(refused.stderr).toContain('LimitExceededException')
      // The account is read first.
      const operations = testbed.requests.map(({ operation }) => operation)
      expect(operations).toEqual(['ListAliases', 'CreateKey'])
    } finally {
      await testbed.close()
    }
  })
})
