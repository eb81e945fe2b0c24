import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  ListKeysCommand,
  ScheduleKeyDeletionCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { ownAliases } from '../support/own-aliases.js'

interface Distribution {
  readonly kms_keys: readonly object[]
  readonly name: string
  readonly versions: Readonly<Record<string, string>>
}

let testbed: Testbed
let time: Date
beforeEach(async () => {
  time = new Date()
  testbed = await createTestbed({ now: () => time, inProcess: true })
  await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
  await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
  await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
})
afterEach(() => testbed.close())

const PATH = 'keymgmt/kms/k/key/app'
const json = async <T>(line: string) =>
  (JSON.parse(await testbed.ok(`${line} -format=json`)) as { data: T }).data
const read = () => json<Distribution>(`read ${PATH}`)
const alias = async () => `alias/hashicorp/${(await read()).name}`
const encrypt = async (KeyId: string) =>
  (await testbed.client().send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') })))
    .CiphertextBlob
const decrypt = async (CiphertextBlob: Uint8Array | undefined) =>
  Buffer.from(
    (await testbed.client().send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? [],
  ).toString()
const keyCount = async () => (await testbed.client().send(new ListKeysCommand({}))).Keys?.length

it('a KMS key whose deletion somebody scheduled is refused with a hint that brings it back', async () => {
  await testbed.ok('write -f keymgmt/key/app/rotate')
  const { versions } = await read()
  await testbed.client().send(new ScheduleKeyDeletionCommand({ KeyId: versions['1'] }))
  const line = 'write keymgmt/key/app min_enabled_version=2'
  const refused = await testbed.run(line)
  expect(refused.status).toBe(2)
  const repair = `write -f ${PATH}/repair`
  expect(refused.stderr.replace(/\s+/g, ' ')).toContain(
    `to cancel the deletion of the KMS key, which another caller of AWS scheduled: keymgmt ${repair}`,
  )
  await testbed.ok(repair)
  await testbed.ok(line)
})

describe('a removal', () => {
  it('reports the scheduled deletions, their date and effect, and how to restore', async () => {
    const { versions } = await read()
    const removed = await testbed.run(`delete ${PATH} deletion_window=7`)
    expect(removed).toMatchObject({
      status: 0,
      stdout: `Success! Data deleted (if it existed) at: ${PATH}\n`,
    })
    expect(removed.stderr).toContain(versions['1'])
    expect(removed.stderr).toContain(
      new Date(time.getTime() + 7 * 86_400_000).toISOString().slice(0, 10),
    )
    expect(removed.stderr.replace(/\s+/g, ' ')).toContain(
      'ciphertext of symmetric KMS keys can never be decrypted',
    )
    expect(removed.stderr.replace(/\s+/g, ' ')).toContain(`keymgmt write -f ${PATH}/restore`)
  })

  it.each(['6', '31', 'x'])('refuses deletion_window=%s, and removes nothing', async (days) => {
    expect(await testbed.run(`delete ${PATH} deletion_window=${days}`)).toMatchObject({
      status: 2,
      stdout: '',
    })
    expect(await ownAliases(testbed.client())).toHaveLength(1)
  })

  it.each([
    ['restore', `write -f ${PATH}/restore`],
    ['distributing it again', `write ${PATH} purpose=encrypt,decrypt`],
  ])('is reversed by %s: the same KMS keys, the same alias', async (_what, line) => {
    await testbed.ok('write -f keymgmt/key/app/rotate')
    await testbed.ok('write keymgmt/key/app min_enabled_version=2')
    const before = await read()
    const name = await alias()
    const secret = await encrypt(name)
    await testbed.ok(`delete ${PATH}`)
    await expect(decrypt(secret)).rejects.toMatchObject({ name: 'KMSInvalidStateException' })
    await testbed.ok(line)
    expect(await read()).toEqual({ ...before, as_of: expect.any(String) })
    expect(await decrypt(secret)).toBe('x')
    expect(await keyCount()).toBe(2)
    const first = await testbed
      .client()
      .send(new DescribeKeyCommand({ KeyId: before.versions['1'] }))
    expect(first.KeyMetadata?.KeyState).toBe('Disabled')
    expect((await testbed.run(`read ${PATH}/verify`)).status).toBe(0)
  })

  it("is shown by read, list and status with its date, until which the key and provider can't be deleted", async () => {
    await testbed.ok('write keymgmt/key/app deletion_allowed=true')
    const before = await read()
    await testbed.ok(`delete ${PATH} deletion_window=7`)
    const date = new Date(time.getTime() + 7 * 86_400_000).toISOString().slice(0, 10)
    const scheduled = { deletion_date: expect.stringContaining(date) }
    expect(await read()).toEqual({
      ...before,
      ...scheduled,
      state: 'removed',
      kms_keys: before.kms_keys.map((each) => ({
        ...each,
        ...scheduled,
        state: 'pending-deletion',
      })),
      as_of: expect.any(String),
    })
    const shown = await testbed.run(`read ${PATH}`)
    expect(shown.stderr.replace(/\s+/g, ' ')).toContain(`keymgmt write -f ${PATH}/restore`)
    for (const line of ['list keymgmt/kms/k/key', 'list keymgmt/key/app/kms']) {
      const listed = await testbed.run(line)
      expect(listed).toMatchObject({ status: 2, stdout: '' })
      const text = listed.stderr.replace(/\s+/g, ' ')
      expect(text).toContain('The distribution of app to k is removed')
      expect(text).toMatch(new RegExp(`on ${date}.*keymgmt write -f ${PATH}/restore`))
      const asJson = await testbed.run(`${line} -format=json`)
      expect([JSON.parse(asJson.stdout), JSON.parse(asJson.stderr)]).toEqual([
        {},
        { warnings: [expect.stringContaining(date)] },
      ])
    }
    expect(await json('status')).toMatchObject({
      distributions: 0,
      removed: 1,
      removed_until: { 'k/app': expect.stringContaining(date) },
    })
    for (const line of ['delete keymgmt/key/app', 'delete keymgmt/kms/k']) {
      const refused = await testbed.run(line)
      expect(refused).toMatchObject({ status: 2, stdout: '' })
      expect(refused.stderr).toContain(date)
      expect(refused.stderr).toContain(`${PATH}/restore`)
    }
    await testbed.ok(`write -f ${PATH}/restore`)
    expect(await read()).toEqual({ ...before, as_of: expect.any(String) })
    expect(await testbed.run('list keymgmt/kms/k/key')).toMatchObject({ status: 0, stderr: '' })
    expect(await json('status')).toMatchObject({ distributions: 1, removed: 0 })
  })

  it('is not reversed by a distribution with another purpose', async () => {
    await testbed.ok('write -f keymgmt/key/pair type=rsa-2048')
    await testbed.ok('write keymgmt/kms/k/key/pair purpose=encrypt,decrypt')
    await testbed.ok('delete keymgmt/kms/k/key/pair')
    time = new Date(time.getTime() + 2_000)
    await testbed.ok('write keymgmt/kms/k/key/pair purpose=sign,verify')
    expect(await keyCount()).toBe(3)
  })

  it("can't be reversed after AWS has deleted the KMS keys; a new distribution creates new ones", async () => {
    const before = await read()
    await testbed.ok(`delete ${PATH} deletion_window=7`)
    time = new Date(time.getTime() + 8 * 86_400_000)
    const late = await testbed.run(`write -f ${PATH}/restore`)
    expect(late).toMatchObject({ status: 2, stdout: '' })
    expect(late.stderr).toContain('nothing brings them back')
    await testbed.ok(`write ${PATH} purpose=encrypt,decrypt`)
    expect((await read()).versions['1']).not.toBe(before.versions['1'])
  })

  it('is needed before restore', async () => {
    await testbed.ok('write -f keymgmt/key/other type=aes256-gcm96')
    expect(await testbed.run('write -f keymgmt/kms/k/key/other/restore')).toMatchObject({
      status: 2,
      stdout: '',
    })
  })
})

describe('a revocation', () => {
  it('deletes the material at once, and restore imports the same again', async () => {
    const name = await alias()
    const secret = await encrypt(name)
    await testbed.ok(`write -f ${PATH}/revoke`)
    await expect(decrypt(secret)).rejects.toMatchObject({ name: 'KMSInvalidStateException' })
    expect((await testbed.run(`read ${PATH}/verify`)).status).toBe(0)
    const again = await testbed.run(`write ${PATH} purpose=encrypt,decrypt`)
    expect(again).toMatchObject({ status: 2, stdout: '' })
    expect(again.stderr).toContain('/restore')
    await testbed.ok(`write -f ${PATH}/restore`)
    expect(await decrypt(secret)).toBe('x')
    expect(await keyCount()).toBe(1)
  })

  it('keeps the stored material while the KMS keys can be restored', async () => {
    await testbed.ok(`write -f ${PATH}/revoke`)
    await testbed.ok(`delete ${PATH} deletion_window=7`)
    await testbed.ok('write keymgmt/key/app deletion_allowed=true')
    const refused = await testbed.run('delete keymgmt/key/app')
    expect(refused).toMatchObject({ status: 2, stdout: '' })
    expect(refused.stderr).toContain('/restore')
    await testbed.ok(`write -f ${PATH}/restore`)
    expect(await decrypt(await encrypt(await alias()))).toBe('x')
  })

  it('does not prevent a rotation, which restore catches up on', async () => {
    await testbed.ok(`write -f ${PATH}/revoke`)
    await testbed.ok('write -f keymgmt/key/app/rotate')
    await testbed.ok(`write -f ${PATH}/restore`)
    expect(Object.keys((await read()).versions)).toEqual(['1', '2'])
    expect((await testbed.run(`read ${PATH}/verify`)).status).toBe(0)
  })
})

describe('a command that could not finish', () => {
  const begin = async () => {
    await testbed.kms.close()
    const strict = await createTestbed(
      {
        account: testbed.kms.account,
        faults: [{ operation: 'UpdateAlias', nth: 1, kind: 'denied' }],
      },
      testbed.home,
    )
    expect(await strict.run('write -f keymgmt/key/app/rotate')).toMatchObject({ status: 2 })
    expect(await strict.ok('read -field=latest_version keymgmt/key/app')).toBe('1')
    const seen = await strict.run(`read ${PATH}`)
    expect(seen.stderr.replace(/\s+/g, ' ')).toContain(`keymgmt write -f ${PATH}/repair`)
    return strict
  }

  it.each([
    ['the next write to the key', 'write keymgmt/key/app min_enabled_version=2', 2],
    ['repair', `write -f ${PATH}/repair`, 1],
    ['distributing elsewhere', 'write keymgmt/kms/second/key/app purpose=encrypt,decrypt', 1],
  ])('is finished by %s, which says so', async (_what, line, minimum) => {
    await testbed.ok('write keymgmt/kms/second provider=awskms key_collection=eu-west-1')
    const strict = await begin()
    try {
      const next = await strict.run(line)
      expect(next.status).toBe(0)
      expect(`${next.stdout}${next.stderr}`).toContain('lacks version 2')
      expect(await strict.ok('read -field=latest_version keymgmt/key/app')).toBe('2')
      expect(await strict.ok('read -field=min_enabled_version keymgmt/key/app')).toBe(
        String(minimum),
      )
      expect((await strict.run(`read ${PATH}/verify`)).status).toBe(0)
    } finally {
      await strict.kms.close()
    }
  })

  it('is not finished by a removal, which may be the only way forward', async () => {
    const strict = await begin()
    try {
      await strict.ok(`delete ${PATH}`)
      expect(
        strict.requests.filter(({ operation }) => operation === 'ScheduleKeyDeletion'),
      ).toHaveLength(2)
    } finally {
      await strict.kms.close()
    }
  })
})

interface Verified {
  readonly differences: readonly { readonly what: string; readonly next_step: string }[]
}

const OUTSIDE_CHANGES: readonly (readonly [
  string,
  string,
  (id: string, name: string) => Promise<unknown>,
])[] = [
  [
    'material',
    'state',
    (KeyId) => testbed.client().send(new DeleteImportedKeyMaterialCommand({ KeyId })),
  ],
  ['switch', 'state', (KeyId) => testbed.client().send(new DisableKeyCommand({ KeyId }))],
  [
    'deletion',
    'state',
    (KeyId) => testbed.client().send(new ScheduleKeyDeletionCommand({ KeyId })),
  ],
  [
    'cancelled deletion',
    'state',
    async (KeyId) => {
      await testbed.client().send(new ScheduleKeyDeletionCommand({ KeyId }))
      await testbed.client().send(new CancelKeyDeletionCommand({ KeyId }))
    },
  ],
  [
    'tag',
    'tags',
    (KeyId) => testbed.client().send(new UntagResourceCommand({ KeyId, TagKeys: ['keymgmt:key'] })),
  ],
  [
    'alias',
    'alias',
    (_id, AliasName) => testbed.client().send(new DeleteAliasCommand({ AliasName })),
  ],
  [
    'moved alias',
    'alias',
    async (_id, AliasName) => {
      const { KeyMetadata } = await testbed.client().send(new CreateKeyCommand({}))
      await testbed
        .client()
        .send(new UpdateAliasCommand({ AliasName, TargetKeyId: KeyMetadata?.KeyId }))
    },
  ],
  [
    'replaced alias',
    'alias',
    async (_id, AliasName) => {
      const { KeyMetadata } = await testbed.client().send(new CreateKeyCommand({}))
      await testbed.client().send(new DeleteAliasCommand({ AliasName }))
      await testbed
        .client()
        .send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyMetadata?.KeyId }))
    },
  ],
]

describe('verify and repair', () => {
  it.each([
    ['aes256-gcm96', 'encrypt,decrypt', 'proven'],
    ['rsa-2048', 'sign,verify', 'proven'],
    ['ed25519', 'sign,verify', 'proven'],
    ['hmac-sha256', 'sign,verify', 'proven'],
  ])('find no difference in %s after its distribution', async (type, purpose, proof) => {
    await testbed.ok(`write -f keymgmt/key/fine type=${type}`)
    await testbed.ok(`write keymgmt/kms/k/key/fine purpose=${purpose}`)
    const seen = await json<{ kms_keys: { material: string }[]; verified: boolean }>(
      'read keymgmt/kms/k/key/fine/verify challenge=true',
    )
    expect(seen.kms_keys.map(({ material }) => material)).toEqual([proof])
    expect(seen.verified).toBe(true)
    expect(await testbed.ok('write -f keymgmt/kms/k/key/fine/repair')).toBe(
      'Success! Data written to: keymgmt/kms/k/key/fine/repair\n',
    )
  })

  it.each(OUTSIDE_CHANGES)('find and repair: %s', async (_what, kind, outsideChange) => {
    const name = await alias()
    const secret = await encrypt(name)
    await outsideChange((await read()).versions['1'] ?? '', name)
    const found = await testbed.run(`read ${PATH}/verify -format=json`)
    expect(found.status).toBe(3)
    const { differences } = (JSON.parse(found.stdout) as { data: Verified }).data
    expect(differences.map(({ what }) => what)).toEqual([kind])
    expect(differences[0]?.next_step).toBe(`keymgmt write -f ${PATH}/repair`)
    expect((await testbed.run(`read ${PATH}/verify`)).stdout).toContain(`${PATH}/repair`)

    await testbed.ok(`write -f ${PATH}/repair`)
    expect((await testbed.run(`read ${PATH}/verify challenge=true`)).status).toBe(0)
    expect(await decrypt(secret)).toBe('x')
    expect(await decrypt(await encrypt(name))).toBe('x')
  })

  it('name the differences that cannot be repaired', async () => {
    await testbed.client().send(
      new ScheduleKeyDeletionCommand({
        KeyId: (await read()).versions['1'],
        PendingWindowInDays: 7,
      }),
    )
    time = new Date(time.getTime() + 8 * 86_400_000)
    const waysOut = async (line: string) =>
      ((await testbed.run(line)).stdout.match(/nothing brings it back.*/g) ?? []).join()
    expect(await waysOut(`read ${PATH}/verify`)).toContain(`write -f ${PATH}/repair`)
    const rotate = 'for a new KMS key: keymgmt write -f keymgmt/key/app/rotate'
    expect(await waysOut(`write -f ${PATH}/repair`)).toContain(rotate)
    expect(await waysOut(`read ${PATH}/verify`)).toContain(rotate)
  })
})

describe('a rehearsal', () => {
  it('lists the calls of a distribution without making them', async () => {
    await testbed.ok('write -f keymgmt/key/next type=aes256-gcm96')
    const before = testbed.requests.length
    const shown = await testbed.run('write -dry-run keymgmt/kms/k/key/next purpose=encrypt,decrypt')
    expect(shown.status).toBe(0)
    expect(
      shown.stdout
        .split('\n')
        .slice(2)
        .map((line) => line.split(/\s{2,}/)[0]),
    ).toEqual(['CreateKey', 'GetParametersForImport', 'ImportKeyMaterial', 'CreateAlias', ''])
    expect(shown.stderr.replace(/\s+/g, ' ')).toContain('would add $1.00 to the monthly bill')
    expect(testbed.requests).toHaveLength(before)
    expect((await testbed.run('list keymgmt/key/next/kms')).status).toBe(2)
  })

  it.each([
    ['ed25519', 'GetPublicKey'],
    ['hmac-sha256', 'GenerateMac'],
  ])('of %s lists the proof too', async (type, operation) => {
    await testbed.ok(`write -f keymgmt/key/next type=${type}`)
    const shown = await json<{ calls: { operation: string }[] }>(
      'write -dry-run keymgmt/kms/k/key/next purpose=sign,verify',
    )
    expect(shown.calls.map((call) => call.operation)).toEqual([
      'CreateKey',
      'GetParametersForImport',
      'ImportKeyMaterial',
      operation,
      'CreateAlias',
    ])
  })

  it.each([
    [
      'write -f keymgmt/key/app/rotate',
      ['CreateKey', 'GetParametersForImport', 'ImportKeyMaterial', 'UpdateAlias'],
      1,
    ],
    [`delete ${PATH}`, ['DeleteAlias', 'ScheduleKeyDeletion'], -1],
    [`write -f ${PATH}/revoke`, ['DeleteImportedKeyMaterial'], 0],
    [`write -f ${PATH}/repair`, [], 0],
    ['write keymgmt/key/app min_enabled_version=0', [], 0],
    ['write -f keymgmt/key/made type=ed25519', [], 0],
    ['delete keymgmt/key/made', [], 0],
  ])('%s', async (line, calls, cost) => {
    const before = [await read(), await testbed.ok('list keymgmt/key')]
    const shown = await json<{ calls: { operation: string }[]; monthly_cost_usd: number }>(
      `${line} -dry-run`,
    )
    expect(shown.calls.map(({ operation }) => operation)).toEqual(calls)
    expect(shown.monthly_cost_usd).toBe(cost)
    expect([await read(), await testbed.ok('list keymgmt/key')]).toEqual(before)
  })

  it('is refused like the command itself', async () => {
    expect(
      await testbed.run('write -dry-run keymgmt/kms/k/key/none purpose=encrypt,decrypt'),
    ).toMatchObject({ status: 2, stdout: '' })
  })
})
