import { DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { createMovedClockTestbed, DAY_MS, type MovedClockTestbed } from '../support/moved-clock.js'

const PATH = 'keymgmt/kms/k/key/app'
const RENEW = `keymgmt write ${PATH}/renew ttl=30d`

let testbed: MovedClockTestbed

beforeEach(async () => {
  testbed = await createMovedClockTestbed()
  await ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
})
afterEach(() => testbed.close())

const ok = (line: string) => testbed.ok(line)
const run = (line: string) => testbed.run(line)
/** The message of a refused command, on one line. */
const refusal = async (line: string) => {
  const { status, stderr } = await run(line)
  return `${String(status)} ${stderr.replace(/\s+/g, ' ')}`
}
const data = async <T>(line: string) => {
  const { status, stdout } = await run(`${line} -format=json`)
  return { status, ...(JSON.parse(stdout) as { data: T }).data }
}

interface Distribution {
  readonly name: string
  readonly ttl?: number
  readonly valid_to?: string
  readonly expires?: string
  readonly expires_by_version?: Readonly<Record<string, string>>
}
interface Expiring {
  readonly key: string
  readonly provider: string
  readonly regions: readonly string[]
  readonly expires: string
}
const read = () => data<Distribution>(`read ${PATH}`)
const daysUntil = (time = '') => Math.round((Date.parse(time) - Date.now()) / DAY_MS)

const distribute = async (fields: string, keyFields = '') => {
  await ok(`write -f keymgmt/key/app type=aes256-gcm96 ${keyFields}`)
  await ok(`write ${PATH} purpose=encrypt,decrypt ${fields}`)
}
const alias = async () => `alias/hashicorp/${(await read()).name}`
const encrypt = async (region?: string) => {
  const Plaintext = Buffer.from('attack at dawn')
  const input = { KeyId: await alias(), Plaintext }
  return (await testbed.client(region).send(new EncryptCommand(input))).CiphertextBlob
}
const decrypt = async (CiphertextBlob: Uint8Array | undefined, region?: string) => {
  const { Plaintext } = await testbed.client(region).send(new DecryptCommand({ CiphertextBlob }))
  return Buffer.from(Plaintext ?? []).toString()
}

describe('material with a ttl', () => {
  it('expires in AWS, and renew brings it back in every Region', async () => {
    await distribute('ttl=30d', 'replica_regions=us-east-1')
    await ok(`write -f ${PATH}/replicate`)
    const ciphertext = await encrypt()
    testbed.setDays(31)
    await expect(decrypt(ciphertext)).rejects.toThrow('pending import')
    const verified = await data<{ differences: { found: string; next_step: string }[] }>(
      `read ${PATH}/verify`,
    )
    expect(verified.status).toBe(3)
    expect(verified.differences.map(({ found }) => found)).toEqual([
      expect.stringMatching(/^expired at 20/),
      expect.stringMatching(/^expired at 20/),
    ])
    expect(verified.differences[0]?.next_step).toBe(`keymgmt write -f ${PATH}/repair`)
    await ok(`write -f ${PATH}/renew`)
    expect(await decrypt(ciphertext)).toBe('attack at dawn')
    expect(await decrypt(ciphertext, 'us-east-1')).toBe('attack at dawn')
    expect(daysUntil((await read()).expires)).toBe(61)
    expect((await run(`read ${PATH}/verify challenge=true`)).status).toBe(0)
  })

  it('never fails while it is renewed, and no material is deleted', async () => {
    await distribute('ttl=30d')
    const ciphertext = await encrypt()
    const before = testbed.requests.length
    const renewal = ok(`write -f ${PATH}/renew`)
    const decryptions = Array.from({ length: 40 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index * 25))
      return decrypt(ciphertext)
    })
    expect(new Set(await Promise.all(decryptions))).toEqual(new Set(['attack at dawn']))
    await renewal
    const sent = testbed.requests.slice(before).map(({ operation }) => operation)
    expect(sent).toContain('ImportKeyMaterial')
    expect(sent).not.toContain('DeleteImportedKeyMaterial')
  })

  it('applies to later versions too, and read shows the expiry of each', async () => {
    await distribute('ttl=720h')
    testbed.setDays(10)
    await ok('write -f keymgmt/key/app/rotate')
    const { ttl, expires, expires_by_version: byVersion } = await read()
    expect([ttl, daysUntil(expires)]).toEqual([2_592_000, 30])
    expect(Object.values(byVersion ?? {}).map(daysUntil)).toEqual([30, 40])
    expect(await ok(`read ${PATH}`)).toMatch(/^ttl +720h$/m)
  })

  it('of a trimmed version is not renewed, until trim is lowered', async () => {
    await distribute('ttl=30d')
    await ok('write -f keymgmt/key/app/rotate')
    await ok('write keymgmt/key/app min_enabled_version=2')
    await ok('write keymgmt/key/app/trim min_available_version=2 allow_recent_use=true')
    const sent = () =>
      testbed.requests.filter(({ operation }) => operation === 'ImportKeyMaterial').length
    const before = sent()
    const { status, stderr } = await run(`write -f ${PATH}/renew`)
    expect([status, stderr.replace(/\s+/g, ' ')]).toEqual([
      0,
      expect.stringContaining('Version 1 of app in k is not renewed: the version is trimmed'),
    ])
    expect(sent()).toBe(before + 1)
    expect(Object.keys((await read()).expires_by_version ?? {})).toEqual(['2'])
    await ok('write keymgmt/key/app/trim min_available_version=0')
    expect(sent()).toBe(before + 2)
    expect((await run(`read ${PATH}/verify challenge=true`)).status).toBe(0)
  })

  it('becomes permanent with renew ttl=0', async () => {
    await distribute('ttl=30d')
    await ok(`write ${PATH}/renew ttl=0`)
    expect(Object.keys(await read())).not.toContain('expires')
    testbed.setDays(365)
    expect((await run(`read ${PATH}/verify challenge=true`)).status).toBe(0)
    expect(await refusal(`write -f ${PATH}/renew`)).toContain(`no ttl to repeat`)
  })
})

describe('material with valid_to', () => {
  const inDays = (number: number) => new Date(Date.now() + number * DAY_MS).toISOString()

  it('has a fixed end: rotate and repair point to renew', async () => {
    await distribute(`valid_to=${inDays(20)}`)
    testbed.setDays(10)
    await ok('write -f keymgmt/key/app/rotate')
    expect(daysUntil((await read()).expires)).toBe(20)
    const ciphertext = await encrypt()
    testbed.setDays(21)
    expect(await refusal('write -f keymgmt/key/app/rotate')).toContain(RENEW)
    expect(await ok(`read ${PATH}`)).toMatch(/^behind_reason .*only renew moves it$/m)
    expect(await refusal(`write -f ${PATH}/renew`)).toContain('has a fixed end (valid_to=')
    const repair = await run(`write -f ${PATH}/repair`)
    expect(repair.stderr.replace(/\s+/g, ' ')).toContain(RENEW)
    await ok(RENEW.replace('keymgmt ', ''))
    expect(await decrypt(ciphertext)).toBe('attack at dawn')
    expect((await run(`read ${PATH}/verify`)).status).toBe(0)
    expect(await ok('list keymgmt/key/app/kms')).toContain('k')
  })

  it('is reported by repair, which changes nothing', async () => {
    await distribute(`valid_to=${inDays(20)}`)
    testbed.setDays(21)
    const { status, remaining } = await data<{ remaining: { found: string; next_step: string }[] }>(
      `write -f ${PATH}/repair`,
    )
    expect(status).toBe(3)
    expect(remaining).toMatchObject([
      { found: expect.stringContaining('expired at'), next_step: expect.stringContaining(RENEW) },
    ])
    expect(
      testbed.requests.filter(({ operation }) => operation === 'ImportKeyMaterial'),
    ).toHaveLength(1)
  })
})

describe('with rotation in place', () => {
  beforeEach(async () => {
    await distribute('rotation=in_place ttl=30d', 'replica_regions=us-east-1')
    await ok(`write -f ${PATH}/replicate`)
  })

  it('each rotation renews the earlier material in every Region', async () => {
    const ciphertext = await encrypt()
    testbed.setDays(20)
    await ok('write -f keymgmt/key/app/rotate')
    expect(Object.values((await read()).expires_by_version ?? {}).map(daysUntil)).toEqual([50, 50])
    const material = randomBytes(32).toString('hex')
    testbed.setDays(40)
    await ok(`write keymgmt/key/app/import_version material=${material}`)
    testbed.setDays(69)
    expect(await decrypt(ciphertext)).toBe('attack at dawn')
    expect(await decrypt(ciphertext, 'us-east-1')).toBe('attack at dawn')
    expect((await run(`read ${PATH}/verify`)).status).toBe(0)
  })

  it('renew brings all expired material back, and expiring lists the KMS key once', async () => {
    testbed.setDays(10)
    await ok('write -f keymgmt/key/app/rotate')
    const ciphertext = await encrypt()
    testbed.setDays(41)
    await expect(decrypt(ciphertext)).rejects.toThrow('pending import')
    const { kms_keys: kmsKeys } = await data<{ kms_keys: Expiring[] }>('expiring')
    expect(kmsKeys).toMatchObject([{ key: 'app', regions: ['us-west-1', 'us-east-1'] }])
    const verified = await data<{ differences: { what: string; found: string }[] }>(
      `read ${PATH}/verify`,
    )
    expect(new Set(verified.differences.map(({ found }) => found.slice(0, 12)))).toEqual(
      new Set(['expired at 2']),
    )
    await ok('expiring -within=5d -renew')
    expect(await decrypt(ciphertext)).toBe('attack at dawn')
    expect(await decrypt(ciphertext, 'us-east-1')).toBe('attack at dawn')
    expect((await run(`read ${PATH}/verify`)).status).toBe(0)
    await ok('write -f keymgmt/key/app/rotate')
  })

  it('a rotation imports expired material with a ttl again', async () => {
    const ciphertext = await encrypt()
    testbed.setDays(31)
    await ok('write -f keymgmt/key/app/rotate')
    expect(await decrypt(ciphertext)).toBe('attack at dawn')
    expect((await run(`read ${PATH}/verify`)).status).toBe(0)
  })
})

it.each([
  ['ttl=366d', 'field "ttl": 366d is more than 365d'],
  ['ttl=', 'field "ttl": expected a duration such as 90s, 12h or 30d, not ""'],
  ['ttl=-1d', 'field "ttl": expected a duration'],
  ['ttl=1.5s', 'field "ttl": expected whole seconds'],
  ['ttl=soon', 'field "ttl": expected a duration'],
  ['valid_to=2020-01-01T00:00:00Z', 'the expiry valid_to=2020-01-01T00:00:00.000Z has passed'],
  ['valid_to=2099-01-01T00:00:00Z', 'is more than 365d ahead'],
  ['valid_to=2027-01-01', 'field "valid_to": expected a time such as 2027-01-31T12:00:00Z'],
  ['ttl=1d valid_to=2027-01-01T00:00:00Z', 'ttl and valid_to exclude each other'],
])('%s is refused before anything is changed', async (fields, message) => {
  await ok('write -f keymgmt/key/app type=aes256-gcm96')
  const said = await refusal(`write ${PATH} purpose=encrypt,decrypt ${fields}`)
  expect(said).toMatch(new RegExp(`^2 Error writing data to ${PATH}: `))
  expect(said).toContain(message)
  expect(testbed.requests).toEqual([])
})

it.each([
  [`write -f ${PATH}/revoke`, `write -f ${PATH}/restore`],
  [`delete ${PATH}`, `write -f ${PATH}/restore`],
])('renew is refused after %s, with the next step', async (takeDown, nextStep) => {
  await distribute('ttl=30d')
  await ok(takeDown)
  expect(await refusal(`write -f ${PATH}/renew`)).toContain(`keymgmt ${nextStep}`)
  await ok(nextStep)
  await ok(`write -f ${PATH}/renew`)
})

interface Renewed {
  readonly key: string
  readonly state: string
}

describe('keymgmt expiring', () => {
  const create = async (name: string, fields: string, provider = 'k') => {
    await ok(`write -f keymgmt/key/${name} type=aes256-gcm96`)
    await ok(`write keymgmt/kms/${provider}/key/${name} purpose=encrypt,decrypt ${fields}`)
  }
  const listed = async (flags = '') => {
    const { status, kms_keys: kmsKeys } = await data<{ kms_keys: Expiring[] }>(`expiring ${flags}`)
    return [status, ...kmsKeys.map(({ key, expires }) => `${key} ${daysUntil(expires)}`)]
  }

  it('lists the expiring material of all providers by date, from the records alone', async () => {
    expect(await run('expiring')).toEqual({ status: 0, stdout: '', stderr: '' })
    await ok('write keymgmt/kms/east provider=awskms key_collection=us-east-1')
    await create('app', 'ttl=40d')
    await create('web', 'ttl=20d', 'east')
    await create('always', '')
    await ok('write -f keymgmt/key/app/rotate')
    const requests = testbed.requests.length
    expect(await listed()).toEqual([3, 'web 20'])
    expect(await listed('-within=7d')).toEqual([0])
    expect(await listed('-within=60d')).toEqual([3, 'web 20', 'app 40', 'app 40'])
    testbed.setDays(25)
    expect(await listed('-within=0')).toEqual([3, 'web 20'])
    const { status, stdout } = await run('expiring')
    expect(status).toBe(3)
    expect(stdout).toMatch(/^web +east +us-east-1 +1 +\S+ \(expired\) +ttl=20d$/m)
    expect(testbed.requests).toHaveLength(requests)
  })

  it('-renew renews distributions with a ttl, leaves the others, and exits with 3 because of them', async () => {
    await create('app', 'ttl=40d')
    await create('late', 'ttl=20d')
    testbed.setDays(21)
    expect(await run('expiring -renew')).toMatchObject({ status: 3 })
    // `late` is renewed for less than the 30 days that are listed.
    expect(await listed()).toEqual([3, 'late 41'])
    expect(await run('expiring -within=10d -renew')).toEqual({ status: 0, stdout: '', stderr: '' })
    await create('fixed', `valid_to=${new Date(Date.now() + 25 * DAY_MS).toISOString()}`)
    const { status, stdout } = await run('expiring -within=10d -renew')
    expect(status).toBe(3)
    expect(stdout).toMatch(/^fixed +k +us-west-1 +1 +\S+ +valid_to +left as it is$/m)
  })

  it('-renew continues after a failure, and exits with 2', async () => {
    await ok('write keymgmt/kms/other provider=awskms key_collection=eu-west-1')
    await create('app', 'ttl=10d')
    await create('web', 'ttl=20d', 'other')
    await ok(
      'write keymgmt/kms/k credentials=endpoint=http://127.0.0.1:1 credentials=access_key=a credentials=secret_key=b',
    )
    testbed.setDays(15)
    const { status, renewed } = await data<{ renewed: Renewed[] }>('expiring -within=5d -renew')
    expect(status).toBe(2)
    expect(renewed).toMatchObject([
      { key: 'app', state: 'failed', error: { code: expect.any(String) } },
      { key: 'web', state: 'done' },
    ])
    expect((await run('expiring -within=5d -renew')).stderr).toMatch(
      /^Error renewing keymgmt\/kms\/k\/key\/app: /m,
    )
  })

  it('-dry-run and -output-policy change nothing', async () => {
    await create('app', 'ttl=10d')
    const requests = testbed.requests.length
    const plan = await data<{ calls: { operation: string }[] }>('expiring -renew -dry-run')
    expect(plan.calls.map(({ operation }) => operation)).toEqual([
      'GetParametersForImport',
      'ImportKeyMaterial',
    ])
    expect(await ok('expiring -renew -output-policy')).toContain('"KEY_MATERIAL_EXPIRES"')
    expect(testbed.requests.slice(requests).map(({ operation }) => operation)).not.toContain(
      'ImportKeyMaterial',
    )
    expect(await refusal('expiring -within=soon')).toContain('1 ')
  })
})
