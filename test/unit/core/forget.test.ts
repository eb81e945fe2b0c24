import { describe, expect, it } from '@jest/globals'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { forgetDistribution } from '../../../src/core/operations/forget.js'
import { deleteKey, saveKey } from '../../../src/core/operations/keys.js'
import { deleteProvider, saveProvider } from '../../../src/core/operations/providers.js'
import { removeDistribution } from '../../../src/core/operations/remove.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { recordPath } from '../../../src/core/records/model.js'
import { openRecord } from '../../../src/core/records/record.js'
import { archivedOf } from '../../../src/core/records/archive.js'
import { readDistribution, readKey, requireKey } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { Store } from '../../../src/store/index.js'
import {
  AES,
  createDistributed,
  createTestbed,
  DAY_MS,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  type Testbed,
} from './testbed.js'

const COMMAND = 'keymgmt write -f keymgmt/kms/k/key/app/forget allow_orphans=true'

const forget = ({ engine }: Pick<Testbed, 'engine'>, allowOrphans = true) =>
  forgetDistribution(engine, 'k', 'app', allowOrphans)

describe('forgetting a distribution', () => {
  it('needs consent, and names what AWS keeps', async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    const arns = testbed.kms.keys.map(({ key }) => key.arn)
    expect(await refusal(forget(testbed, false))).toEqual([
      'FIELD_MISSING',
      `missing required field "allow_orphans": AWS keeps ${arns.join(', ')}`,
      'if k can be reached, remove the distribution instead: keymgmt delete keymgmt/kms/k/key/app',
      `if it can never be reached again: ${COMMAND}`,
    ])
    expect(await readDistribution(testbed.engine, 'k', 'app')).toBeDefined()
  })

  it('calls nothing in AWS, and returns every KMS key and alias that remains there', async () => {
    const testbed = await createDistributed(GLOBAL)
    await replicate(testbed.engine, 'k', 'app')
    const before = await readDistribution(testbed.engine, 'k', 'app')
    const none = () => Promise.reject(new Error('AWS was called'))
    const { engine } = recorded(testbed, (provider) =>
      Object.fromEntries(Object.keys(provider).map((name) => [name, none])),
    )
    expect(await forget({ engine })).toEqual([
      {
        provider: 'k',
        name: before?.name,
        kmsKeys: before?.kmsKeys,
        aliases: before?.aliases,
      },
    ])
    expect(before?.aliases).toHaveLength(3)
    expect(await readDistribution(engine, 'k', 'app')).toBeUndefined()
    expect(await forget({ engine })).toHaveLength(1)
  })

  it('drops removed distributions too, so that the provider can be deleted', async () => {
    const testbed = await createDistributed()
    await removeDistribution(testbed.engine, 'k', 'app')
    await saveKey(testbed.engine, 'app', { replicaRegions: undefined })
    const later = { ...testbed.engine, now: () => new Date(Date.now() + 2_000) }
    await distribute(later, 'k', 'app', { purpose: ['encrypt', 'decrypt'], protection: 'hsm' })
    await removeDistribution(later, 'k', 'app')
    expect((await refusal(deleteProvider(testbed.engine, 'k')))[0]).toBe('KMS_IN_USE')
    await forget(testbed)
    await deleteProvider(testbed.engine, 'k')
    expect(await testbed.store.list('kms')).toEqual([])
  })

  it('works without the record of the provider', async () => {
    const testbed = await createDistributed()
    await (await openRecord(testbed.store, recordPath.provider('k')))?.remove()
    await forget(testbed)
    await deleteProvider(testbed.engine, 'k')
    await saveProvider(testbed.engine, 'k', { provider: 'awskms', keyCollection: HOME })
  })

  it('keeps the material until the key is deleted with allow_orphans', async () => {
    const testbed = await createDistributed({ deletionAllowed: true })
    const [{ key: { arn } } = { key: { arn: '' } }] = testbed.kms.keys
    await forget(testbed)
    const id = (await readKey(testbed.engine, 'app'))?.id ?? ''
    expect(await refusal(deleteKey(testbed.engine, 'app'))).toEqual([
      'KEY_IN_USE',
      `AWS may still have KMS keys of app that were forgotten (k): ${arn}`,
      'nobody else has this material: without it, nobody can import it into these KMS keys again, or create the same asymmetric or HMAC key',
      'to delete the key anyway: keymgmt delete keymgmt/key/app allow_orphans=true',
    ])
    expect(await testbed.store.list(`material/${id}`)).toHaveLength(1)
    await deleteKey(testbed.engine, 'app', { allowOrphans: true })
    expect(await testbed.store.list(`material/${id}`)).toEqual([])
  })

  it('takes nothing away from a key that is distributed elsewhere', async () => {
    const testbed = await createDistributed()
    await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
    await distribute(testbed.engine, 'other', 'app', AES)
    await forget(testbed)
    await rotateKey(testbed.engine, 'app')
    expect(await readKey(testbed.engine, 'app')).toMatchObject({ latestVersion: 2 })
    expect(testbed.kms.keys.map(({ region }) => region)).toEqual([HOME, 'eu-west-1', 'eu-west-1'])
  })

  it('makes a pending version the latest if that waited only for it', async () => {
    const testbed = await createDistributed()
    const dead = recorded(testbed, () => ({
      create: () => Promise.reject(new KeymgmtError('KMS_UNREACHABLE', 'no route')),
    }))
    await refusal(rotateKey(dead.engine, 'app'))
    await forget(testbed)
    expect(await readKey(testbed.engine, 'app')).toMatchObject({ latestVersion: 2 })
    expect(await readKey(testbed.engine, 'app')).not.toHaveProperty('pendingVersion')
  })

  it('leaves KMS keys that can be adopted again', async () => {
    const testbed = await createDistributed()
    const [{ key: { id } } = { key: { id: '' } }] = testbed.kms.keys
    await forget(testbed)
    testbed.kms.aliases.clear()
    await adopt(testbed.engine, 'k', 'app', { kmsKeyId: id, version: 1 })
    expect(await readDistribution(testbed.engine, 'k', 'app')).toMatchObject({
      kmsKeys: [{ key: { id } }],
    })
  })

  it('is refused where there is nothing to forget', async () => {
    const testbed = await createTestbed()
    expect((await refusal(forget(testbed)))[0]).toBe('KEY_NOT_FOUND')
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    expect(await refusal(forget(testbed))).toEqual([
      'DISTRIBUTION_NOT_FOUND',
      'key app is not distributed to k',
      'see where it is: keymgmt list keymgmt/key/app/kms',
    ])
  })
})

describe('the KMS keys of a removed distribution whose provider is not configured', () => {
  it('do not count as deleted, even if the local clock says so', async () => {
    const testbed = await createDistributed({ deletionAllowed: true })
    await removeDistribution(testbed.engine, 'k', 'app')
    const { name } = (await testbed.store.list('archive/k'))
      .map((each) => ({ name: each }))
      .at(0) ?? { name: '' }
    await (await openRecord(testbed.store, recordPath.provider('k')))?.remove()
    const later = { ...testbed.engine, now: () => new Date(Date.now() + 40 * DAY_MS) }
    expect(await refusal(deleteKey(later, 'app'))).toEqual([
      'KEY_IN_USE',
      `AWS may still have KMS keys of the removed distribution ${name}, and there is no provider k to ask with`,
      'configure it again: keymgmt write keymgmt/kms/k provider=awskms key_collection=REGION',
      `if k can never be reached again: ${COMMAND}`,
    ])
    expect((await refusal(deleteProvider(later, 'k')))[0]).toBe('KMS_IN_USE')
    await forget(testbed)
    await deleteProvider(later, 'k')
    expect((await refusal(deleteKey(later, 'app')))[0]).toBe('KEY_IN_USE')
  })

  it('are named with the next step when the provider is out of reach', async () => {
    const testbed = await createDistributed({ deletionAllowed: true })
    await removeDistribution(testbed.engine, 'k', 'app')
    const { engine } = recorded(testbed, () => ({
      inspect: () => Promise.reject(new KeymgmtError('KMS_UNREACHABLE', 'no route')),
    }))
    const later = { ...engine, now: () => new Date(Date.now() + 40 * DAY_MS) }
    expect(await refusal(deleteKey(later, 'app'))).toEqual([
      'KMS_UNREACHABLE',
      'no route',
      `if k can never be reached again: ${COMMAND}`,
    ])
  })
})

describe('a command that dies while it forgets', () => {
  it.each(['before', 'after'] as const)(
    'at any write (%s it): a record names every KMS key, and the same command finishes',
    async (when) => {
      for (let at = 1; ; at++) {
        const testbed = await createDistributed()
        await rotateKey(testbed.engine, 'app')
        // An archived distribution beside the active one.
        await removeDistribution(testbed.engine, 'k', 'app')
        testbed.kms.keys.shift()
        const later = { ...testbed.engine, now: () => new Date(Date.now() + 2_000) }
        await distribute(later, 'k', 'app', AES)
        const died = await forget({ engine: dyingAt(testbed, at, when) }).then(
          () => false,
          () => true,
        )
        expect(await namedKmsKeys(testbed)).toEqual(
          expect.arrayContaining(testbed.kms.keys.map(({ key }) => key.id)),
        )
        await forget(testbed)
        expect(await namedKmsKeys(testbed)).toEqual(
          expect.arrayContaining(testbed.kms.keys.map(({ key }) => key.id)),
        )
        await deleteProvider(testbed.engine, 'k')
        if (!died) return
      }
    },
  )
})

it('a KMS key that is adopted again is no longer forgotten; the others are', async () => {
  const testbed = await createDistributed()
  await rotateKey(testbed.engine, 'app')
  await forget(testbed)
  const forgottenVersions = async () =>
    (await readKey(testbed.engine, 'app'))?.forgotten?.flatMap(({ kmsKeys }) =>
      kmsKeys.map(({ version }) => version),
    )
  for (const version of [1, 2]) {
    const kmsKeyId = testbed.kms.keys[version - 1]?.key.id ?? ''
    await saveProvider(testbed.engine, `p${version}`, { provider: 'awskms', keyCollection: HOME })
    await adopt(testbed.engine, `p${version}`, 'app', { kmsKeyId, version })
    expect(await forgottenVersions()).toEqual(version === 1 ? [2] : undefined)
  }
})

/** The engine of a command that dies at its n-th write to the store. */
function dyingAt({ engine, store }: Testbed, at: number, when: 'before' | 'after') {
  let writes = 0
  const write =
    <A extends unknown[], T>(work: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      const now = ++writes
      const dead = new KeymgmtError('INTERRUPTED', 'dead')
      if (now > at || (now === at && when === 'before')) throw dead
      const result = await work(...args)
      if (now === at) throw dead
      return result
    }
  const dying = {
    ...store,
    put: write((...args: Parameters<Store['put']>) => store.put(...args)),
    delete: write((...args: Parameters<Store['delete']>) => store.delete(...args)),
  }
  return { ...engine, store: dying }
}

/** The ids of the KMS keys that a record names: of a distribution, an archived one or the key. */
async function namedKmsKeys({ engine }: Testbed): Promise<string[]> {
  const key = (await requireKey(engine, 'app')).current
  const active = await readDistribution(engine, 'k', 'app')
  const archived = await archivedOf(engine, key)
  const records = [
    ...(active ? [active] : []),
    ...archived.map(({ record }) => record),
    ...(key.forgotten ?? []),
  ]
  const ids = records.flatMap(({ kmsKeys }) =>
    kmsKeys.flatMap((entry) => (entry.state === 'creating' ? [] : [entry.key.id])),
  )
  return [...new Set(ids)].sort()
}
