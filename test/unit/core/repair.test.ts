import { describe, expect, it } from '@jest/globals'
import { distribute } from '../../../src/core/operations/distribute.js'
import type { Engine } from '../../../src/core/engine.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import {
  readDistribution,
  requireDistribution,
  requireKey,
} from '../../../src/core/records/repository.js'
import { removeDistribution, restoreDistribution } from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { archivedOf } from '../../../src/core/records/archive.js'
import { createdKmsKeys, holdsMaterial } from '../../../src/core/records/kms-keys.js'
import { verifyDistribution, type Difference } from '../../../src/core/operations/verify.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { KmsKeyRequest } from '../../../src/kms/kms-key.js'
import type { KmsProvider } from '../../../src/kms/provider.js'
import type { MemoryKey } from '../../support/memory-keyring.js'
import {
  AES,
  testbedOver,
  findProblems,
  createDistributed,
  DAY_MS,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  type Testbed,
  fail,
  type Step,
  ROTATE,
  REPLICATE,
  REVOKE,
  NAME_VERSIONS,
} from './testbed.js'

// Each outside change is fixed with exactly the necessary calls, so a second repair does nothing.

const DISABLE_OLD: Step = (engine) => saveKey(engine, 'app', { minEnabledVersion: 2 })
const TWO = [ROTATE]

/** Changes that somebody else makes to KMS keys. */
const lost = (key: MemoryKey) => {
  key.material = undefined
}
const disabled = (key: MemoryKey) => {
  key.enabled = false
}
const enabled = (key: MemoryKey) => {
  key.enabled = true
}
const untagged = (key: MemoryKey) => {
  key.tags.clear()
}
const going = (key: MemoryKey) => {
  key.deletion = new Date(Date.now() + DAY_MS)
}
const expiring = (key: MemoryKey) => {
  key.expires = new Date(0)
}

interface OutsideChange {
  /** Steps after the distribution of the key `app`. */
  readonly prepare: readonly Step[]
  readonly keys?: Parameters<typeof createDistributed>[0]
  readonly outsideChange: (keys: readonly MemoryKey[], aliases: Map<string, string>) => void
  /** The fixed differences and, after `but`, the others. */
  readonly finds: readonly string[]
  readonly calls: readonly string[]
}

const to =
  (index: number, ...happen: readonly ((key: MemoryKey) => void)[]) =>
  (keys: readonly MemoryKey[]) => {
    const key = keys[index]
    if (!key) throw new Error(`there is no KMS key ${index}`)
    for (const each of happen) each(key)
  }
const aliasTo =
  (target: (keys: readonly MemoryKey[]) => string | undefined, at = '') =>
  (keys: readonly MemoryKey[], aliases: Map<string, string>) => {
    for (const name of [...aliases.keys()].filter((each) => each.startsWith(at))) {
      const id = target(keys)
      if (id === undefined) aliases.delete(name)
      else aliases.set(name, id)
    }
  }

const OUTSIDE_CHANGES: Readonly<Record<string, OutsideChange>> = {
  nothing: { prepare: TWO, outsideChange: () => undefined, finds: [], calls: [] },
  'material that was deleted': {
    prepare: TWO,
    outsideChange: to(0, lost),
    finds: ['state 1 us-west-1'],
    calls: ['importMaterial us-west-1 1', 'enable us-west-1 1'],
  },
  'material that was deleted from a version that is to be disabled': {
    prepare: [ROTATE, DISABLE_OLD],
    outsideChange: to(0, lost),
    finds: ['state 1 us-west-1'],
    calls: ['importMaterial us-west-1 1', 'disable us-west-1 1'],
  },
  'material that is to expire': {
    prepare: TWO,
    outsideChange: to(0, expiring),
    finds: ['expiry 1 us-west-1'],
    calls: ['importMaterial us-west-1 1', 'enable us-west-1 1'],
  },
  'material that is to expire in a version that is to be disabled': {
    prepare: [ROTATE, DISABLE_OLD],
    outsideChange: to(0, expiring),
    finds: ['expiry 1 us-west-1'],
    calls: ['importMaterial us-west-1 1', 'disable us-west-1 1'],
  },
  'a version that was disabled': {
    prepare: TWO,
    outsideChange: to(1, disabled),
    finds: ['state 2 us-west-1'],
    calls: ['enable us-west-1 2'],
  },
  'a version that was enabled': {
    prepare: [ROTATE, DISABLE_OLD],
    outsideChange: to(0, enabled),
    finds: ['state 1 us-west-1'],
    calls: ['disable us-west-1 1'],
  },
  'another than the version that is to be disabled': {
    prepare: [ROTATE, DISABLE_OLD],
    outsideChange: to(1, disabled),
    finds: ['state 2 us-west-1'],
    calls: ['enable us-west-1 2'],
  },
  'tags that were taken away': {
    prepare: TWO,
    outsideChange: to(0, untagged),
    finds: ['tags 1 us-west-1'],
    calls: ['tag us-west-1 1'],
  },
  'a tag that says something else': {
    prepare: TWO,
    outsideChange: to(1, (key) => key.tags.set('keymgmt:key', 'other')),
    finds: ['tags 2 us-west-1'],
    calls: ['tag us-west-1 2'],
  },
  'an alias that was deleted: whoever makes one of that name meanwhile keeps it': {
    prepare: TWO,
    outsideChange: aliasTo(() => undefined),
    finds: ['alias 2 us-west-1'],
    calls: ['pointAlias us-west-1 app-TIME 2 (begun)'],
  },
  'an alias that was moved to another version': {
    prepare: TWO,
    outsideChange: aliasTo(([first]) => first?.key.id),
    finds: ['alias 2 us-west-1'],
    calls: ['pointAlias us-west-1 app-TIME 2 (ours)'],
  },
  'an alias that was moved away': {
    prepare: TWO,
    outsideChange: aliasTo(() => 'foreign'),
    finds: ['alias 2 us-west-1'],
    calls: ['pointAlias us-west-1 app-TIME 2 (ours)'],
  },
  'the alias of one version': {
    prepare: [NAME_VERSIONS, ROTATE],
    outsideChange: (_keys, aliases) => {
      for (const name of [...aliases.keys()].filter((each) => each.endsWith('/v1')))
        aliases.delete(name)
    },
    finds: ['alias 1 us-west-1'],
    calls: ['pointAlias us-west-1 app-TIME/v1 1 (begun)'],
  },
  'a deletion': {
    prepare: TWO,
    outsideChange: to(0, going),
    finds: ['state 1 us-west-1'],
    calls: ['cancelDeletion us-west-1 1', 'enable us-west-1 1'],
  },
  'a deletion of a version that is to be disabled': {
    prepare: [ROTATE, DISABLE_OLD],
    outsideChange: to(0, going),
    finds: ['state 1 us-west-1'],
    calls: ['cancelDeletion us-west-1 1', 'disable us-west-1 1'],
  },
  'a primary that was moved, which it accepts': {
    keys: GLOBAL,
    prepare: [REPLICATE],
    outsideChange: to(0, ({ family }) => {
      family.primary = 'us-east-1'
    }),
    finds: ['multi-region 1 us-east-1'],
    calls: [],
  },
  'a deletion of what had lost its material': {
    prepare: TWO,
    outsideChange: to(0, lost, going),
    finds: ['state 1 us-west-1'],
    calls: ['cancelDeletion us-west-1 1', 'importMaterial us-west-1 1', 'enable us-west-1 1'],
  },
  'a deletion of what is to expire, untagged': {
    prepare: [],
    outsideChange: to(0, expiring, untagged, going),
    finds: ['state 1 us-west-1', 'expiry 1 us-west-1', 'tags 1 us-west-1'],
    calls: [
      'cancelDeletion us-west-1 1',
      'importMaterial us-west-1 1',
      'enable us-west-1 1',
      'tag us-west-1 1',
    ],
  },
  everything: {
    prepare: TWO,
    outsideChange: (keys, aliases) => {
      to(0, lost, untagged)(keys)
      to(1, disabled)(keys)
      aliases.clear()
    },
    finds: ['state 1 us-west-1', 'tags 1 us-west-1', 'state 2 us-west-1', 'alias 2 us-west-1'],
    calls: [
      'enable us-west-1 2',
      'importMaterial us-west-1 1',
      'enable us-west-1 1',
      'tag us-west-1 1',
      'pointAlias us-west-1 app-TIME 2 (begun)',
    ],
  },
  'something in another Region': {
    prepare: [REPLICATE],
    keys: GLOBAL,
    outsideChange: (keys, aliases) => {
      to(1, lost)(keys)
      aliasTo(() => undefined, 'us-east-1')(keys, aliases)
    },
    finds: ['state 1 eu-west-1', 'alias 1 us-east-1'],
    calls: [
      'importMaterial eu-west-1 1',
      'enable eu-west-1 1',
      'pointAlias us-east-1 app-TIME 1 (begun)',
    ],
  },
  'what can be mended beside what can not': {
    prepare: TWO,
    outsideChange: (keys) => {
      to(1, disabled)(keys)
      ;(keys as MemoryKey[]).shift()
    },
    finds: ['state 2 us-west-1', 'but kms-key 1 us-west-1'],
    calls: ['enable us-west-1 2'],
  },
  'only what can not be mended': {
    prepare: TWO,
    outsideChange: (keys) => {
      ;(keys as MemoryKey[]).shift()
    },
    finds: ['but kms-key 1 us-west-1'],
    calls: [],
  },
  'material in what is revoked': {
    prepare: [ROTATE, REVOKE],
    outsideChange: to(0, (key) => {
      key.material = key.bound
    }),
    finds: ['state 1 us-west-1'],
    calls: ['deleteMaterial us-west-1 1'],
  },
  'tags of what is revoked': {
    prepare: [ROTATE, REVOKE],
    outsideChange: to(0, untagged),
    finds: ['tags 1 us-west-1'],
    calls: ['tag us-west-1 1'],
  },
  'a deletion of what is revoked': {
    prepare: [REVOKE],
    outsideChange: to(0, going, untagged),
    finds: ['state 1 us-west-1', 'tags 1 us-west-1'],
    calls: ['cancelDeletion us-west-1 1', 'tag us-west-1 1'],
  },
  'a deletion of what is revoked, with material': {
    prepare: [REVOKE],
    outsideChange: to(
      0,
      (key) => {
        key.material = key.bound
      },
      going,
    ),
    finds: ['state 1 us-west-1'],
    calls: ['cancelDeletion us-west-1 1', 'deleteMaterial us-west-1 1'],
  },
}

const summarise = ({ what, version, region }: Difference) => `${what} ${version ?? 0} ${region}`
const found = async (engine: Engine) => {
  const { repaired, remaining } = await repairDistribution(engine, 'k', 'app')
  return [...repaired.map(summarise), ...remaining.map((each) => `but ${summarise(each)}`)]
}

const notInVirginia = (provider: KmsProvider): Partial<KmsProvider> => ({
  replicate: (key, region, request) =>
    region === 'us-east-1' ? fail() : provider.replicate(key, region, request),
})

/** A testbed with a distributed key `app`, and a step that failed because of `instead`. */
async function died(
  step: Step,
  instead: Parameters<typeof recorded>[1],
  { prepare = [], keys }: Partial<OutsideChange> = {},
): Promise<Testbed> {
  const testbed = await createDistributed(keys)
  for (const each of prepare) await each(testbed.engine)
  await expect(step(recorded(testbed, instead).engine)).rejects.toBeInstanceOf(KeymgmtError)
  return testbed
}

describe('repair fixes, with no other call to the KMS,', () => {
  it.each(Object.entries(OUTSIDE_CHANGES))(
    '%s',
    async (_name, { prepare, keys, outsideChange, finds, calls }) => {
      const testbed = await createDistributed(keys)
      for (const step of prepare) await step(testbed.engine)
      outsideChange(testbed.kms.keys, testbed.kms.aliases)
      const first = recorded(testbed)
      expect(await found(first.engine)).toEqual(finds)
      expect(first.calls).toEqual(calls)
      const second = recorded(testbed)
      const remaining = finds.filter((each) => each.startsWith('but'))
      expect(await found(second.engine)).toEqual(remaining)
      expect([second.calls, second.written]).toEqual([[], []])
      if (remaining.length === 0) expect(await findProblems(testbed)).toEqual([])
    },
  )

  it('nothing that only a decryption could show, which repair does not request for symmetric KMS keys', async () => {
    const testbed = recorded(await createDistributed())
    await repairDistribution(testbed.engine, 'k', 'app')
    expect(testbed.locks).toEqual(['key/app: write keymgmt/kms/k/key/app/repair'])
    expect([testbed.calls, testbed.written]).toEqual([[], []])
  })
})

describe('repair works although', () => {
  it("the record of another distribution of the key can\'t be read", async () => {
    const testbed = await createDistributed()
    await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
    await distribute(testbed.engine, 'other', 'app', AES)
    const corrupt = new KeymgmtError('STORE_CORRUPT', 'unreadable')
    const get = (path: string) =>
      path === 'distribution/other/app' ? Promise.reject(corrupt) : testbed.store.get(path)
    to(0, disabled)(testbed.kms.keys)
    for (const name of testbed.kms.aliases.keys())
      if (name.startsWith(HOME)) testbed.kms.aliases.delete(name)
    const { engine } = testbedOver({ ...testbed.store, get }, testbed.kms, testbed.kms.kind)
    const { repaired, remaining, unchecked } = await repairDistribution(engine, 'k', 'app')
    expect(repaired.map(summarise)).toEqual(['state 1 us-west-1', 'alias 1 us-west-1'])
    expect([remaining, unchecked]).toEqual([[], []])
  })

  it("the provider's own Region can not be reached: it records and corrects the other Regions", async () => {
    const testbed = await createDistributed(GLOBAL)
    await REPLICATE(testbed.engine)
    const unreachable = () => Promise.reject(new KeymgmtError('KMS_UNREACHABLE', 'no route'))
    to(1, disabled)(testbed.kms.keys)
    const dead = recorded(testbed, (provider) => ({
      account: unreachable,
      inspect: (region, key) => (region === HOME ? unreachable() : provider.inspect(region, key)),
      aliasTargets: (region, names) =>
        region === HOME ? unreachable() : provider.aliasTargets(region, names),
    }))
    const record = await requireDistribution(testbed.engine, 'k', 'app')
    const endpoint = { origin: 'memory', isLoopback: false, isAws: false }
    const pinned = { account: '111122223333', partition: 'aws', endpoint }
    await record.update((current) => ({ ...current, pinned }))
    // Without the account, no reply proves that a KMS key is lost.
    testbed.kms.keys.splice(2, 1)
    const { repaired, unchecked } = await repairDistribution(dead.engine, 'k', 'app')
    expect(repaired.map(summarise)).toEqual(['state 1 eu-west-1'])
    const asked = unchecked.map(({ what, region }) => `${what} ${region}`)
    expect(asked).toEqual(expect.arrayContaining([`kms-key ${HOME}`, 'kms-key us-east-1']))
    expect(dead.calls.filter((call) => call !== 'account')).toEqual(['enable eu-west-1 1'])
    const states = (await readDistribution(testbed.engine, 'k', 'app'))?.kmsKeys
    expect(states?.map(({ state }) => state)).toEqual(['created', 'created', 'created'])
  })
})

describe('repair finishes an interruption:', () => {
  it.each([
    ['had not made its KMS key', () => ({ create: fail }), []],
    [
      'had made it, without being told',
      (provider: KmsProvider) => ({
        create: async (request: KmsKeyRequest) => {
          await provider.create(request)
          throw new KeymgmtError('INTERRUPTED', 'dead')
        },
      }),
      [],
    ],
    [
      'could not fill it',
      () => ({ importMaterial: fail }),
      ['state 2 us-west-1', 'alias 2 us-west-1'],
    ],
  ] as const)(
    'a rotation that %s; the alias is recorded as ours',
    async (_name, instead, finds) => {
      const testbed = await died(ROTATE, instead)
      to(0, untagged)(testbed.kms.keys)
      const { engine, calls } = recorded(testbed)
      expect(await found(engine)).toEqual(['unfinished 0 us-west-1', 'tags 1 us-west-1', ...finds])
      expect(calls.filter((call) => !call.startsWith('create'))).toEqual([
        'importMaterial us-west-1 2',
        ...(finds.length > 0 ? ['enable us-west-1 2'] : []),
        'tag us-west-1 1',
        expect.stringMatching(/^pointAlias us-west-1 app-TIME 2 \(ours/),
      ])
      expect(await findProblems(testbed)).toEqual([])
    },
  )

  it('a rotation before the creation of its KMS key', async () => {
    const testbed = await createDistributed()
    const put = (path: string, value: Uint8Array, revision: string | undefined) =>
      path.startsWith('distribution/') ? fail() : testbed.store.put(path, value, revision)
    const { engine } = testbedOver({ ...testbed.store, put }, testbed.kms, testbed.kms.kind)
    expect((await refusal(rotateKey(engine, 'app'))).slice(0, 2)).toEqual(['KMS_FAILED', 'failed'])
    to(0, disabled)(testbed.kms.keys)
    expect(await found(testbed.engine)).toEqual(['unfinished 0 us-west-1', 'state 1 us-west-1'])
    expect(await findProblems(testbed)).toEqual([])
  })

  it('a rotation in some of the Regions', async () => {
    const testbed = await died(ROTATE, notInVirginia, { keys: GLOBAL, prepare: [REPLICATE] })
    to(0, untagged)(testbed.kms.keys)
    expect(await found(testbed.engine)).toContain('tags 1 us-west-1')
    expect(await findProblems(testbed)).toEqual([])
  })

  it('a replication: the alias is created, and one that somebody else created is left alone', async () => {
    const testbed = await died(REPLICATE, notInVirginia, { keys: GLOBAL })
    to(0, untagged)(testbed.kms.keys)
    const { engine, calls } = recorded(testbed)
    expect(await found(engine)).toContain('tags 1 us-west-1')
    expect(calls.filter((call) => call.includes('Alias'))).toEqual([
      'pointAlias us-east-1 app-TIME 1 (new)',
    ])
    expect(await findProblems(testbed)).toEqual([])
  })

  it.each([
    [
      'what was scheduled stays so',
      () => undefined,
      ['but unfinished 0 us-west-1', 'but state 2 us-west-1'],
      ['scheduleDeletion us-west-1 2 7'],
      [true, true],
    ],
    [
      'what was taken back is scheduled again',
      to(0, (key) => {
        key.deletion = undefined
      }),
      ['but unfinished 0 us-west-1', 'but state 1 us-west-1', 'but state 2 us-west-1'],
      ['scheduleDeletion us-west-1 1 7', 'scheduleDeletion us-west-1 2 7'],
      [true, true],
    ],
    [
      'a KMS key that awaits its deletion is neither tagged nor filled',
      to(0, untagged, expiring),
      [
        'but unfinished 0 us-west-1',
        'but expiry 1 us-west-1',
        'but tags 1 us-west-1',
        'but state 2 us-west-1',
      ],
      ['scheduleDeletion us-west-1 2 7'],
      [false, true],
    ],
  ] as const)(
    'no removal, but corrects its records: %s',
    async (_name, outsideChange, finds, expected, imported) => {
      const remove: Step = (engine) => removeDistribution(engine, 'k', 'app', 7)
      let scheduled = 0
      const testbed = await died(
        remove,
        (provider) => ({
          scheduleDeletion: (region, key, days) =>
            scheduled++ > 0 ? fail() : provider.scheduleDeletion(region, key, days),
        }),
        { prepare: TWO },
      )
      outsideChange(testbed.kms.keys)
      const { engine, calls } = recorded(testbed)
      expect(await found(engine)).toEqual(finds)
      expect(calls).toEqual([])
      await removeDistribution(engine, 'k', 'app', 7)
      expect(calls).toEqual(expected)
      const [{ record } = {}] = await archivedOf(engine, (await requireKey(engine, 'app')).current)
      const kmsKeys = record ? createdKmsKeys(record) : []
      expect(kmsKeys.map(({ deletion }) => deletion?.date)).toEqual(
        testbed.kms.keys.map(({ deletion }) => (deletion as Date).toISOString()),
      )
      expect(kmsKeys.map(holdsMaterial)).toEqual(imported)
      expect(await refusal(repairDistribution(engine, 'k', 'app'))).toEqual([
        'DISTRIBUTION_NOT_FOUND',
        'key "app" is not distributed to k',
        'its distribution was removed; to restore it: keymgmt write -f keymgmt/kms/k/key/app/restore',
        'to distribute it: keymgmt write keymgmt/kms/k/key/app purpose=encrypt,decrypt',
      ])
    },
  )

  it('a removal of aliases: each stays on record until it is removed', async () => {
    const drop: Step = (engine) => distribute(engine, 'k', 'app', { ...AES, versionAliases: false })
    const testbed = await died(drop, () => ({ removeAlias: fail }), { prepare: [NAME_VERSIONS] })
    to(0, untagged)(testbed.kms.keys)
    const { engine, calls } = recorded(testbed)
    expect(await found(engine)).toEqual(['unfinished 0 us-west-1', 'tags 1 us-west-1'])
    expect(calls).toEqual([
      'tag us-west-1 1',
      expect.stringMatching(/^removeAlias us-west-1 app-TIME\/v1/),
    ])
    expect([...testbed.kms.aliases.keys()]).toHaveLength(1)
  })

  it('a removal of which only the last write is missing', async () => {
    const testbed = await createDistributed()
    const { engine } = testbedOver(
      { ...testbed.store, delete: fail },
      testbed.kms,
      testbed.kms.kind,
    )
    expect((await refusal(removeDistribution(engine, 'k', 'app'))).slice(0, 2)).toEqual([
      'KMS_FAILED',
      'failed',
    ])
    expect((await verifyDistribution(engine, 'k', 'app', true)).differences.map(summarise)).toEqual(
      ['unfinished 0 us-west-1'],
    )
    await removeDistribution(testbed.engine, 'k', 'app')
    expect(await readDistribution(testbed.engine, 'k', 'app')).toBeUndefined()
  })

  it('a restore of KMS keys that somebody else restored', async () => {
    const testbed = await died(
      (engine) => restoreDistribution(engine, 'k', 'app'),
      () => ({ cancelDeletion: fail }),
      { prepare: [(engine) => removeDistribution(engine, 'k', 'app')] },
    )
    to(0, disabled, (key) => {
      key.deletion = undefined
    })(testbed.kms.keys)
    const { engine, calls } = recorded(testbed)
    expect(await found(engine)).toEqual([
      'unfinished 0 us-west-1',
      'state 1 us-west-1',
      'alias 1 us-west-1',
    ])
    expect(calls).toEqual(['enable us-west-1 1', 'pointAlias us-west-1 app-TIME 1 (new)'])
    const [kmsKey] = (await readDistribution(engine, 'k', 'app'))?.kmsKeys ?? []
    expect(Object.keys(kmsKey ?? {}).sort()).toEqual([
      'enabled',
      'key',
      'materials',
      'operationId',
      'region',
      'state',
      'version',
    ])
  })
})
