import { CancelKeyDeletionCommand, DeleteImportedKeyMaterialCommand } from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseFault } from '../../src/dev-kms/index.js'
import { currentMaterial, stateOf } from '../../src/dev-kms/state.js'
import { CONFIGURE } from '../support/flows.js'
import { copyFolder, createBench, type Bench } from '../support/keymgmt.js'

let bench: Bench
/** Days that the clock of the embedded KMS is ahead. */
let ahead: number
const now = () => new Date(Date.now() + ahead * DAY_MS)
beforeEach(async () => {
  ahead = 0
  bench = await createBench({ now })
  await bench.ok(CONFIGURE)
})
afterEach(() => bench.close())

const DAY_MS = 86_400_000
const PATH = 'keymgmt/kms/k/key/app'
const VERIFY = `read ${PATH}/verify`

interface Verified {
  readonly state: string
  readonly verified: boolean
  readonly kms_keys: readonly {
    readonly version: number
    readonly region: string
    readonly state: string
    readonly material: string
    readonly deletion_date?: string
  }[]
  readonly differences: readonly { readonly what: string; readonly way_out: string }[]
  readonly unchecked: readonly {
    readonly what: string
    readonly region: string
    readonly reason: string
    readonly way_out: string
  }[]
}

async function verify(at: Bench = bench, line = VERIFY) {
  const { stdout, status } = await at.run(`${line} -format=json`)
  return { status, ...(JSON.parse(stdout) as { data: Verified }).data }
}

const idOf = async (version: string) =>
  (
    JSON.parse(await bench.ok(`read ${PATH} -format=json`)) as {
      data: { versions: Record<string, string> }
    }
  ).data.versions[version] ?? ''

const distribute = async (type = 'aes256-gcm96', purpose = 'encrypt,decrypt', more = '') => {
  await bench.ok(`write -f keymgmt/key/app type=${type} ${more}`)
  await bench.ok(`write ${PATH} purpose=${purpose}`)
}

describe('verify reports what AWS did not answer', () => {
  it('beside the Regions and versions that it compared, and exits with 2', async () => {
    await distribute('aes256-gcm96', 'encrypt,decrypt', 'replica_regions=eu-west-1')
    await bench.ok(`write -f ${PATH}/replicate`)
    await bench.kms.close()
    const faulty = await createBench(
      { account: bench.kms.account, faults: [parseFault('DescribeKey:1:denied')] },
      bench.home,
    )
    try {
      const { status, verified, kms_keys, unchecked } = await verify(faulty)
      expect([status, verified]).toEqual([2, false])
      expect(kms_keys.map(({ state }) => state).sort()).toEqual(['enabled', 'unknown'])
      expect(unchecked).toHaveLength(1)
      expect(unchecked[0]).toMatchObject({
        what: 'kms-key',
        reason: expect.stringContaining('AccessDenied'),
        way_out: expect.stringContaining('kms:DescribeKey'),
      })
    } finally {
      await faulty.kms.close()
    }
  })

  it('with invalid credentials, as rows for a person', async () => {
    await distribute()
    await bench.ok(
      'write keymgmt/kms/k credentials=access_key=AKIAIOSFODNN7EXAMPLE credentials=secret_key=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYAA',
    )
    const { stdout, stderr, status } = await bench.run(VERIFY)
    expect([stderr, status]).toEqual(['', 2])
    expect(stdout).toContain(await idOf('1'))
    expect(stdout).toContain('not checked: DescribeKey in us-west-1')
  })

  it('although something else differs', async () => {
    await distribute()
    bench.kms.account.region('us-west-1').aliases.clear()
    await bench.kms.close()
    const faulty = await createBench(
      { account: bench.kms.account, faults: [parseFault('ListResourceTags:1:denied')] },
      bench.home,
    )
    try {
      const { status, differences, unchecked } = await verify(faulty)
      expect(status).toBe(2)
      expect(differences.map(({ what }) => what)).toEqual(['alias'])
      expect(unchecked.map(({ what }) => what)).toEqual(['tags'])
    } finally {
      await faulty.kms.close()
    }
  })
})

it('verify calls symmetric material proven only after a challenge', async () => {
  await distribute()
  expect((await verify()).kms_keys[0]?.material).toBe('not compared')
  expect((await verify(bench, `${VERIFY} challenge=true`)).kms_keys[0]?.material).toBe('proven')
})

it('verify refuses a distribution of an embedded KMS elsewhere, and says so', async () => {
  await distribute()
  const { stdout, stderr, status } = await bench.run(VERIFY, {
    env: { AWS_ENDPOINT_URL_KMS: 'https://kms.us-west-1.amazonaws.com' },
  })
  expect([stdout, status]).toEqual(['', 2])
  expect(stderr.replace(/\s+/g, ' ')).toContain('was made at an embedded KMS')
})

it('verify shows a removed distribution, and what was cancelled by hand; its way out works', async () => {
  await distribute()
  const KeyId = await idOf('1')
  await bench.ok(`delete ${PATH} deletion_window=7`)
  const removed = await verify()
  expect(removed).toMatchObject({ status: 0, state: 'removed', verified: true })
  expect(removed.kms_keys[0]?.deletion_date).toMatch(/^\d{4}-\d\d-\d\dT/)
  await bench.client().send(new CancelKeyDeletionCommand({ KeyId }))
  const { status, differences } = await verify()
  expect([status, differences.length]).toEqual([3, 1])
  expect(differences[0]?.way_out).toContain(`keymgmt write -f ${PATH}/restore`)
  await bench.ok(`write -f ${PATH}/restore`)
  expect((await verify()).status).toBe(0)
})

it('restore imports material again that was deleted while the KMS key waited for its deletion', async () => {
  await distribute()
  const KeyId = await idOf('1')
  await bench.ok(`delete ${PATH}`)
  await bench.client().send(new DeleteImportedKeyMaterialCommand({ KeyId }))
  await bench.ok(`write -f ${PATH}/restore`)
  expect((await verify(bench, `${VERIFY} challenge=true`)).status).toBe(0)
})

describe('an adopted KMS key whose material expires', () => {
  /** A KMS key with the material of `app` that expires in ten days and that no record names. */
  const adoptable = async () => {
    const home = join(bench.home, 'keymgmt')
    await bench.ok('write -f keymgmt/key/app type=aes256-gcm96')
    copyFolder(home, `${home}-before`)
    await bench.ok(`write ${PATH} purpose=encrypt,decrypt`)
    const id = await idOf('1')
    rmSync(home, { recursive: true })
    copyFolder(`${home}-before`, home)
    const { keys, aliases } = bench.kms.account.region('us-west-1')
    aliases.clear()
    const validTo = new Date(Date.now() + 10 * DAY_MS)
    for (const material of keys.get(id)?.materials ?? []) material.validTo = validTo
    return { id, validTo: validTo.toISOString() }
  }
  const expiry = (id: string) => {
    const key = bench.kms.account.region('us-west-1').keys.get(id)
    if (!key) throw new Error('there is no KMS key')
    return [stateOf(now(), key), currentMaterial(key)?.validTo?.toISOString()]
  }

  it('keeps its expiry, also when the material is imported again', async () => {
    const { id, validTo } = await adoptable()
    await bench.ok(`write ${PATH}/adopt key_id=${id}`)
    expect(expiry(id)).toEqual(['Enabled', validTo])
    expect((await verify(bench, `${VERIFY} challenge=true`)).status).toBe(0)
    expect(expiry(id)).toEqual(['Enabled', validTo])
    await bench.ok(`write -f ${PATH}/revoke`)
    await bench.ok(`write -f ${PATH}/restore`)
    expect(expiry(id)).toEqual(['Enabled', validTo])
    await bench.client().send(new DeleteImportedKeyMaterialCommand({ KeyId: id }))
    await bench.ok(`write -f ${PATH}/repair`)
    expect(expiry(id)).toEqual(['Enabled', validTo])
  })

  it('loses it only with allow_permanent=true', async () => {
    const { id } = await adoptable()
    await bench.ok(`write ${PATH}/adopt key_id=${id} allow_permanent=true`)
    expect(expiry(id)).toEqual(['Enabled', undefined])
    expect((await verify()).status).toBe(0)
  })

  it('is not imported again after that time without consent; the way out works', async () => {
    const { id } = await adoptable()
    await bench.ok(`write ${PATH}/adopt key_id=${id}`)
    ahead = 11
    expect((await verify()).status).toBe(3)
    const refused = await bench.run(`write -f ${PATH}/repair`)
    expect(refused.status).toBe(2)
    expect(refused.stderr.replace(/\s+/g, ' ')).toContain(
      `keymgmt write ${PATH}/repair allow_permanent=true`,
    )
    expect(expiry(id)).toEqual(['PendingImport', undefined])
    await bench.ok(`write ${PATH}/repair allow_permanent=true`)
    expect(expiry(id)).toEqual(['Enabled', undefined])
    expect((await verify()).status).toBe(0)
  })
})
