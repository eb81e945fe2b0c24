import {
  CancelKeyDeletionCommand,
  DeleteImportedKeyMaterialCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseFault } from '../../src/dev-kms/index.js'
import { currentMaterial, stateOf } from '../../src/dev-kms/state.js'
import { CONFIGURE } from '../support/flows.js'
import { copyFolder, createTestbed, type Testbed } from '../support/keymgmt.js'

let testbed: Testbed
/** Days that the clock of the embedded KMS is ahead. */
let ahead: number
const now = () => new Date(Date.now() + ahead * DAY_MS)
beforeEach(async () => {
  ahead = 0
  testbed = await createTestbed({ inProcess: true, now })
  await testbed.ok(CONFIGURE)
})
afterEach(() => testbed.close())

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
  readonly differences: readonly { readonly what: string; readonly next_step: string }[]
  readonly unchecked: readonly {
    readonly what: string
    readonly region: string
    readonly reason: string
    readonly next_step: string
  }[]
}

async function verify(at: Testbed = testbed, line = VERIFY) {
  const { stdout, status } = await at.run(`${line} -format=json`)
  return { status, ...(JSON.parse(stdout) as { data: Verified }).data }
}

const idOf = async (version: string) =>
  (
    JSON.parse(await testbed.ok(`read ${PATH} -format=json`)) as {
      data: { versions: Record<string, string> }
    }
  ).data.versions[version] ?? ''

const distribute = async (type = 'aes256-gcm96', purpose = 'encrypt,decrypt', more = '') => {
  await testbed.ok(`write -f keymgmt/key/app type=${type} ${more}`)
  await testbed.ok(`write ${PATH} purpose=${purpose}`)
}

describe('verify reports the requests that failed', () => {
  it('in addition to its comparisons, and exits with 2', async () => {
    await distribute('aes256-gcm96', 'encrypt,decrypt', 'replica_regions=eu-west-1')
    await testbed.ok(`write -f ${PATH}/replicate`)
    await testbed.kms.close()
    const faulty = await createTestbed(
      {
        inProcess: true,
        account: testbed.kms.account,
        faults: [parseFault('DescribeKey:1:denied')],
      },
      testbed.home,
    )
    try {
      const { status, verified, kms_keys, unchecked } = await verify(faulty)
      expect([status, verified]).toEqual([2, false])
      expect(kms_keys.map(({ state }) => state).sort()).toEqual(['enabled', 'unknown'])
      expect(unchecked).toHaveLength(1)
      expect(unchecked[0]).toMatchObject({
        what: 'kms-key',
        reason: expect.stringContaining('AccessDenied'),
        next_step: expect.stringContaining('kms:DescribeKey'),
      })
    } finally {
      await faulty.kms.close()
    }
  })

  it('with invalid credentials, as rows for a person', async () => {
    await distribute()
    await testbed.ok(
      'write keymgmt/kms/k credentials=access_key=AKIAIOSFODNN7EXAMPLE credentials=secret_key=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYAA',
    )
    const { stdout, stderr, status } = await testbed.run(VERIFY)
    expect([stderr, status]).toEqual(['', 2])
    expect(stdout).toContain(await idOf('1'))
    expect(stdout).toContain('not checked: DescribeKey in us-west-1')
  })

  it('although something else differs', async () => {
    await distribute()
    testbed.kms.account.region('us-west-1').aliases.clear()
    await testbed.kms.close()
    const faulty = await createTestbed(
      {
        inProcess: true,
        account: testbed.kms.account,
        faults: [parseFault('ListResourceTags:1:denied')],
      },
      testbed.home,
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
  expect((await verify(testbed, `${VERIFY} challenge=true`)).kms_keys[0]?.material).toBe('proven')
})

it('verify refuses a distribution of an embedded KMS elsewhere, and says so', async () => {
  await distribute()
  const { stdout, stderr, status } = await testbed.run(VERIFY, {
    env: { AWS_ENDPOINT_URL_KMS: 'https://kms.us-west-1.amazonaws.com' },
  })
  expect([stdout, status]).toEqual(['', 2])
  expect(stderr.replace(/\s+/g, ' ')).toContain('was created at an embedded KMS')
})

it('verify shows a removed distribution, and a deletion that was cancelled by hand; the next step works', async () => {
  await distribute()
  const KeyId = await idOf('1')
  await testbed.ok(`delete ${PATH} deletion_window=7`)
  const removed = await verify()
  expect(removed).toMatchObject({ status: 0, state: 'removed', verified: true })
  expect(removed.kms_keys[0]?.deletion_date).toMatch(/^\d{4}-\d\d-\d\dT/)
  await testbed.client().send(new CancelKeyDeletionCommand({ KeyId }))
  const { status, differences } = await verify()
  expect([status, differences.length]).toEqual([3, 1])
  expect(differences[0]?.next_step).toContain(`keymgmt write -f ${PATH}/restore`)
  await testbed.ok(`write -f ${PATH}/restore`)
  expect((await verify()).status).toBe(0)
})

it('verify of a provider finds the KMS keys of an older copy of the store; its hints work', async () => {
  const home = join(testbed.home, 'keymgmt')
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
  copyFolder(home, `${home}-before`)
  await testbed.ok(`write ${PATH} purpose=encrypt,decrypt`)
  await testbed.ok('write -f keymgmt/key/app/rotate')
  const [first, second] = [await idOf('1'), await idOf('2')]
  rmSync(home, { recursive: true })
  copyFolder(`${home}-before`, home)
  testbed.kms.account.region('us-west-1').aliases.clear()
  const search = async () => {
    const { stdout, status } = await testbed.run(
      'read keymgmt/kms/k/verify orphans=true -format=json',
    )
    interface Orphan {
      readonly kms_key: string
      readonly next_step?: string
    }
    const { data } = JSON.parse(stdout) as { data: { orphans: readonly Orphan[] } }
    return { status, orphans: data.orphans }
  }
  const { status, orphans } = await search()
  expect([status, orphans.map(({ kms_key }) => kms_key).sort()]).toEqual([
    3,
    [first, second].sort(),
  ])
  const adopt = /keymgmt (write \S+\/adopt key_id=\S+ version=1)/
  await testbed.ok(adopt.exec(orphans.map(({ next_step }) => next_step).join('; '))?.[1] ?? '')
  const [left] = (await search()).orphans
  expect(left?.kms_key).toBe(second)
  const [save = '', restore = ''] = [
    ...(left?.next_step ?? '').matchAll(/operator snapshot \w+ FILE/g),
  ]
    .slice(-2)
    .map(([command]) => command.replace('FILE', join(testbed.home, 'snapshot')))
  await testbed.ok(save)
  await testbed.ok(restore)
  // The version is on record now, so the next one gets another number.
  expect((await search()).orphans[0]?.next_step).toBe(
    `delete it: aws kms schedule-key-deletion --region us-west-1 --key-id ${second}`,
  )
  await testbed.client().send(new ScheduleKeyDeletionCommand({ KeyId: second }))
  expect((await search()).status).toBe(0)
})

it('restore imports material again that was deleted while the KMS key waited for its deletion', async () => {
  await distribute()
  const KeyId = await idOf('1')
  await testbed.ok(`delete ${PATH}`)
  await testbed.client().send(new DeleteImportedKeyMaterialCommand({ KeyId }))
  await testbed.ok(`write -f ${PATH}/restore`)
  expect((await verify(testbed, `${VERIFY} challenge=true`)).status).toBe(0)
})

describe('an adopted KMS key whose material expires', () => {
  /** A KMS key with the material of `app` that expires in ten days and that no record names. */
  const adoptable = async () => {
    const home = join(testbed.home, 'keymgmt')
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    copyFolder(home, `${home}-before`)
    await testbed.ok(`write ${PATH} purpose=encrypt,decrypt`)
    const id = await idOf('1')
    rmSync(home, { recursive: true })
    copyFolder(`${home}-before`, home)
    const { keys, aliases } = testbed.kms.account.region('us-west-1')
    aliases.clear()
    const validTo = new Date(Date.now() + 10 * DAY_MS)
    for (const material of keys.get(id)?.materials ?? []) material.validTo = validTo
    return { id, validTo: validTo.toISOString() }
  }
  const expiry = (id: string) => {
    const key = testbed.kms.account.region('us-west-1').keys.get(id)
    if (!key) throw new Error('there is no KMS key')
    return [stateOf(now(), key), currentMaterial(key)?.validTo?.toISOString()]
  }

  it('keeps its expiry, even when the material is imported again', async () => {
    const { id, validTo } = await adoptable()
    await testbed.ok(`write ${PATH}/adopt key_id=${id}`)
    expect(expiry(id)).toEqual(['Enabled', validTo])
    expect((await verify(testbed, `${VERIFY} challenge=true`)).status).toBe(0)
    expect(expiry(id)).toEqual(['Enabled', validTo])
    await testbed.ok(`write -f ${PATH}/revoke`)
    await testbed.ok(`write -f ${PATH}/restore`)
    expect(expiry(id)).toEqual(['Enabled', validTo])
    await testbed.client().send(new DeleteImportedKeyMaterialCommand({ KeyId: id }))
    await testbed.ok(`write -f ${PATH}/repair`)
    expect(expiry(id)).toEqual(['Enabled', validTo])
  })

  it('loses it only with allow_permanent=true', async () => {
    const { id } = await adoptable()
    await testbed.ok(`write ${PATH}/adopt key_id=${id} allow_permanent=true`)
    expect(expiry(id)).toEqual(['Enabled', undefined])
    expect((await verify()).status).toBe(0)
  })

  it('is not imported again after that time without consent; the next step works', async () => {
    const { id } = await adoptable()
    await testbed.ok(`write ${PATH}/adopt key_id=${id}`)
    ahead = 11
    expect((await verify()).status).toBe(3)
    const refused = await testbed.run(`write -f ${PATH}/repair`)
    expect(refused.status).toBe(2)
    expect(refused.stderr.replace(/\s+/g, ' ')).toContain(
      `to choose a new expiry (ttl=0 is none): keymgmt write ${PATH}/renew ttl=30d`,
    )
    expect(expiry(id)).toEqual(['PendingImport', undefined])
    await testbed.ok(`write ${PATH}/renew ttl=0`)
    expect(expiry(id)).toEqual(['Enabled', undefined])
    expect((await verify()).status).toBe(0)
  })
})

describe('a KMS key that somebody rotated in place', () => {
  /** Adds material of somebody else as the current one. */
  const rotateInPlace = async (bytes: Buffer | undefined) => {
    const key = testbed.kms.account.region('us-west-1').keys.get(await idOf('1'))
    const [ours] = key?.materials ?? []
    if (!key || !ours) throw new Error('there is no material')
    ours.state = 'NON_CURRENT'
    const other = { ...ours, id: 'f'.repeat(64), bytes, state: 'CURRENT' as const }
    key.materials.push(other)
    return { ours, other }
  }

  it('keeps the other material when ours is revoked', async () => {
    await distribute()
    const { ours, other } = await rotateInPlace(Buffer.alloc(32, 1))
    await testbed.ok(`write -f ${PATH}/revoke`)
    expect([ours.bytes, other.bytes]).toEqual([undefined, Buffer.alloc(32, 1)])
    await testbed.ok(`write -f ${PATH}/restore`)
    expect(ours.bytes).toBeDefined()
  })

  it('is reported, and not retried, if the other material was deleted', async () => {
    await distribute()
    await rotateInPlace(undefined)
    const repaired = await testbed.run(`write -f ${PATH}/repair -format=json`)
    expect(repaired.status).toBe(3)
    expect(repaired.stdout).toContain('somebody rotated KMS key')
    await testbed.ok('write -f keymgmt/key/app/rotate')
    expect((await verify()).differences.map(({ what }) => what)).toContain('material')
  })
})
