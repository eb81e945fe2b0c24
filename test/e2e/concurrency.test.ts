import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { join } from 'node:path'
import { complaints } from '../support/as-it-should-be.js'
import { CONFIGURE } from '../support/flows.js'
import { createBench, type Bench } from '../support/keymgmt.js'
import { startProxy } from '../support/proxy.js'

describe('sixteen processes on one store', () => {
  let bench: Bench
  beforeAll(async () => {
    bench = await createBench()
    await bench.ok(CONFIGURE)
    await bench.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await bench.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
  })
  afterAll(() => bench.close())

  it('lose no update, tear no read, and leave no gap between versions', async () => {
    const rotations = Array.from({ length: 6 }, () =>
      bench.run('write -f keymgmt/key/app/rotate -timeout=5m'),
    )
    const writes = Array.from({ length: 5 }, (_, index) =>
      bench.run(`write -f keymgmt/key/other-${index} type=ed25519`),
    )
    const reads = Array.from({ length: 5 }, () => bench.run('read -format=json keymgmt/key/app'))
    const ended = await Promise.all([...rotations, ...writes, ...reads])
    expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 0))

    for (const { stdout } of await Promise.all(reads)) {
      const { data } = JSON.parse(stdout) as { data: { latest_version: number; versions: object } }
      expect(Object.keys(data.versions)).toEqual(
        Array.from({ length: data.latest_version }, (_, index) => String(index + 1)),
      )
    }
    expect((await bench.ok('list keymgmt/key')).split('\n')).toEqual([
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
    const { data } = JSON.parse(await bench.ok('read -format=json keymgmt/kms/k/key/app')) as {
      data: { versions: object }
    }
    expect(Object.keys(data.versions)).toEqual(['1', '2', '3', '4', '5', '6', '7'])
    expect(await complaints(join(bench.home, 'keymgmt'), bench.kms)).toEqual([])
  })

  it('making the same key at once make it once', async () => {
    const ended = await Promise.all(
      Array.from({ length: 8 }, () => bench.run('write -f keymgmt/key/same type=hmac-sha256')),
    )
    expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 0))
    expect(await bench.ok('read -field=latest_version keymgmt/key/same')).toBe('1')
  })

  it('wait no longer than they may, and say for whom', async () => {
    const slow = await createBench({ latencyMs: 1_500, account: bench.kms.account }, bench.home)
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
  it('of 30 % of the requests, with the quotas of AWS on top, delays a command and fails none', async () => {
    const bench = await createBench({ quotas: 'aws' })
    let state = 20_261_124
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31
      return state / 2 ** 31
    }
    const proxy = await startProxy(bench.kms.endpoint, () =>
      random() < 0.3 ? { when: 'before', kind: 'throttle' } : undefined,
    )
    const env = { AWS_ENDPOINT_URL_KMS: proxy.endpoint }
    try {
      await bench.ok(CONFIGURE)
      await bench.ok('write -f keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1')
      for (let version = 2; version <= 4; version++)
        await bench.ok('write -f keymgmt/key/app/rotate')
      await bench.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt', { env })
      await bench.ok('write -f keymgmt/kms/k/key/app/replicate', { env })
      await bench.ok('write -f keymgmt/key/app/rotate', { env })
      expect(await complaints(join(bench.home, 'keymgmt'), bench.kms)).toEqual([])
    } finally {
      await proxy.close()
      await bench.close()
    }
  }, 180_000)

  it('ends at the deadline, says so, and the next run goes on from there', async () => {
    const bench = await createBench({
      faults: [{ operation: 'ImportKeyMaterial', nth: '*', kind: 'throttle' }],
    })
    try {
      await bench.ok(CONFIGURE)
      await bench.ok('write -f keymgmt/key/app type=aes256-gcm96')
      const late = await bench.run(
        'write keymgmt/kms/k/key/app purpose=encrypt,decrypt -timeout=2s',
      )
      expect(late).toMatchObject({ status: 2, stdout: '' })
      expect(late.stderr).toContain('-timeout')
      expect(late.stderr).toContain('run the same command again')
      const calm = await createBench({ account: bench.kms.account }, bench.home)
      try {
        await calm.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
        expect(await complaints(join(calm.home, 'keymgmt'), calm.kms)).toEqual([])
      } finally {
        await calm.kms.close()
      }
    } finally {
      await bench.close()
    }
  })

  it('by a hard limit is no throttling: it is not repeated', async () => {
    const bench = await createBench({ faults: [{ operation: 'CreateKey', nth: 1, kind: 'limit' }] })
    try {
      await bench.ok(CONFIGURE)
      await bench.ok('write -f keymgmt/key/app type=aes256-gcm96')
      const refused = await bench.run('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
      expect(refused).toMatchObject({ status: 2, stdout: '' })
      expect(refused.stderr).toContain('LimitExceededException')
      expect(bench.requests).toHaveLength(1)
    } finally {
      await bench.close()
    }
  })
})
