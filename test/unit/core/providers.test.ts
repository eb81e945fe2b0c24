import { describe, expect, it } from '@jest/globals'
import { distribute } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { createRecord } from '../../../src/core/records/record.js'
import { readProvider } from '../../../src/core/records/repository.js'
import { deleteProvider, saveProvider } from '../../../src/core/operations/providers.js'
import { recordPath } from '../../../src/core/records/model.js'
import { removeDistribution } from '../../../src/core/operations/remove.js'
import { readStatus } from '../../../src/core/operations/status.js'
import {
  AES,
  createTestbed,
  createDistributed,
  HOME,
  recorded,
  refusal,
  testbedOver,
} from './testbed.js'

describe('a provider', () => {
  it.each([
    [
      { keyCollection: HOME },
      [
        'FIELD_MISSING',
        'missing required field "provider"',
        'a new provider needs provider=awskms',
      ],
    ],
    [
      { provider: 'awskms' },
      [
        'FIELD_MISSING',
        'missing required field "key_collection"',
        'a new provider needs key_collection=us-west-1, the AWS Region',
      ],
    ],
  ] as const)('is not created from only %j', async (change, words) => {
    const { engine } = await createTestbed()
    expect(await refusal(saveProvider(engine, 'new', change))).toEqual(words)
    expect(await readProvider(engine, 'new')).toBeUndefined()
  })

  it("can't be moved to another Region", async () => {
    const { engine } = await createTestbed()
    await saveProvider(engine, 'k', { provider: 'awskms', keyCollection: HOME })
    expect(await refusal(saveProvider(engine, 'k', { keyCollection: 'eu-west-1' }))).toEqual([
      'FIELD_IMMUTABLE',
      `field "key_collection" of k is ${HOME} and can't be changed`,
      'configure another provider under another name',
    ])
    expect(await readProvider(engine, 'k')).toEqual({
      name: 'k',
      provider: 'awskms',
      keyCollection: HOME,
      credentials: {},
    })
  })

  it('is not deleted while keys are distributed to it; the hints remove the first few', async () => {
    const { engine } = await createTestbed()
    for (const name of ['a', 'b', 'c', 'd']) {
      await saveKey(engine, name, { type: 'aes256-gcm96' })
      await distribute(engine, 'k', name, AES)
    }
    expect(await refusal(deleteProvider(engine, 'k'))).toEqual([
      'KMS_IN_USE',
      'keys are distributed to k: a, b, c, d',
      'to remove a: keymgmt delete keymgmt/kms/k/key/a',
      'to remove b: keymgmt delete keymgmt/kms/k/key/b',
      'to remove c: keymgmt delete keymgmt/kms/k/key/c',
      'if k can never be reached again: keymgmt write -f keymgmt/kms/k/key/a/forget allow_orphans=true',
    ])
    await saveProvider(engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
    await distribute(engine, 'other', 'a', AES)
    expect(await readStatus(engine)).toMatchObject({
      keys: 4,
      providers: 2,
      distributions: 5,
      removed: [],
    })
    await removeDistribution(engine, 'other', 'a')
    expect(await readStatus(engine)).toMatchObject({
      distributions: 4,
      removed: [{ providerName: 'other', key: 'a', date: expect.stringMatching(/^\d{4}-/) }],
    })
    const later = new Date(Date.now() + 31 * 86_400_000)
    expect(await readStatus({ ...engine, now: () => later })).toMatchObject({ removed: [] })
  })

  it('of a kind that only a newer keymgmt knows is refused', async () => {
    const testbed = recorded(await createTestbed())
    const strange = { name: 'strange', provider: 'newkms', keyCollection: HOME, credentials: {} }
    await createRecord(testbed.store, recordPath.provider('strange'), strange)
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    const words = [
      'STORE_VERSION',
      'this version of keymgmt does not know provider=newkms',
      'use the newer version of keymgmt that wrote it',
    ]
    expect(await refusal(saveProvider(testbed.engine, 'strange', {}))).toEqual(words)
    expect(await refusal(distribute(testbed.engine, 'strange', 'app', AES))).toEqual(words)
    expect([await readProvider(testbed.engine, 'strange'), testbed.calls]).toEqual([strange, []])
  })

  it("keeps everything except its credentials, and can't be deleted while it is used", async () => {
    const { engine } = await createDistributed()
    expect((await refusal(saveProvider(engine, 'k', { keyCollection: 'eu-west-1' })))[0]).toBe(
      'FIELD_IMMUTABLE',
    )
    await saveProvider(engine, 'k', {
      credentials: { profile: 'p', role_arn: 'arn:aws:iam::111122223333:role/r' },
    })
    expect(await readProvider(engine, 'k')).toMatchObject({
      provider: 'awskms',
      keyCollection: HOME,
      credentials: { profile: 'p', role_arn: 'arn:aws:iam::111122223333:role/r' },
    })
    await saveProvider(engine, 'k', {})
    expect((await readProvider(engine, 'k'))?.credentials).toMatchObject({ profile: 'p' })
    await saveProvider(engine, 'own', {
      provider: 'awskms',
      keyCollection: HOME,
      credentials: { access_key: 'a', secret_key: 'b' },
    })
    await saveProvider(engine, 'bare', { provider: 'awskms', keyCollection: HOME })
    expect(await readStatus(engine)).toEqual({
      keys: 1,
      providers: 3,
      distributions: 1,
      behind: 0,
      removed: [],
      credentials: {
        k: {
          source: 'role',
          roleArn: 'arn:aws:iam::111122223333:role/r',
          assumedWith: { source: 'profile', profile: 'p' },
        },
        own: { source: 'access-key' },
        bare: { source: 'chain' },
      },
    })
    expect((await refusal(deleteProvider(engine, 'k')))[0]).toBe('KMS_IN_USE')
    await deleteProvider(engine, 'bare')
    await deleteProvider(engine, 'bare')
    expect(await readProvider(engine, 'bare')).toBeUndefined()
  })

  it('must be complete, and exist', async () => {
    const { engine } = await createTestbed()
    await saveKey(engine, 'app', { type: 'aes256-gcm96' })
    expect((await refusal(saveProvider(engine, 'new', { provider: 'awskms' })))[0]).toBe(
      'FIELD_MISSING',
    )
    expect((await refusal(saveProvider(engine, 'new', { keyCollection: HOME })))[0]).toBe(
      'FIELD_MISSING',
    )
    expect(
      (
        await refusal(saveProvider(engine, 'new', { provider: 'awskms', keyCollection: 'west' }))
      )[0],
    ).toBe('FIELD_INVALID')
    expect((await refusal(distribute(engine, 'none', 'app', AES)))[0]).toBe('KMS_NOT_FOUND')
    expect((await refusal(distribute(engine, 'k', 'app', { ...AES, purpose: ['sign'] })))[0]).toBe(
      'UNSUPPORTED_BY_KMS',
    )
  })
})

describe('the status', () => {
  it('reads no record of a key that is not distributed', async () => {
    const { engine, store, kms } = await createTestbed()
    for (const name of ['app', 'other', 'third'])
      await saveKey(engine, name, { type: 'aes256-gcm96' })
    await distribute(engine, 'k', 'app', AES)
    const read: string[] = []
    const watched = {
      ...store,
      get: (path: string) => {
        read.push(path)
        return store.get(path)
      },
    }
    const status = await readStatus(testbedOver(watched, kms, kms.kind).engine)
    expect(status).toMatchObject({ keys: 3, distributions: 1, behind: 0 })
    expect(read.filter((path) => path.startsWith(`${recordPath.keys}/`))).toEqual([
      recordPath.key('app'),
    ])
  })
})
