import { describe, expect, it } from '@jest/globals'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { distribute } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { AliasOwner, KmsProvider } from '../../../src/kms/provider.js'
import {
  AES,
  findProblems,
  createTestbed,
  createDistributed,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  fail,
  type Step,
  ROTATE,
  REPLICATE,
} from './testbed.js'

// The calls of each command, their order and progress messages, and the effect of a failure.

const MANY = 40
const SIDE_BY_SIDE = 32
const NAMED = { ...AES, versionAliases: true }

describe('a command makes exactly these calls', () => {
  it.each<
    readonly [
      string,
      readonly Step[],
      Step,
      readonly string[],
      Parameters<typeof createDistributed>[0],
    ]
  >([
    ['distribute again', [], (engine) => distribute(engine, 'k', 'app', AES), [], {}],
    [
      'rotate',
      [],
      ROTATE,
      ['create 2', `importMaterial ${HOME} 2`, `pointAlias ${HOME} app-TIME 2 (ours)`],
      {},
    ],
    [
      'rotate what has an alias for each version',
      [(engine) => distribute(engine, 'k', 'app', NAMED)],
      ROTATE,
      [
        'create 2',
        `importMaterial ${HOME} 2`,
        `pointAlias ${HOME} app-TIME 2 (ours)`,
        `pointAlias ${HOME} app-TIME/v2 2 (new)`,
      ],
      {},
    ],
    [
      'drop the aliases of versions',
      [(engine) => distribute(engine, 'k', 'app', NAMED)],
      (engine) => distribute(engine, 'k', 'app', { ...AES, versionAliases: false }),
      [`removeAlias ${HOME} app-TIME/v1`],
      {},
    ],
    [
      'disable',
      [ROTATE],
      (engine) => saveKey(engine, 'app', { minEnabledVersion: 2 }),
      [`disable ${HOME} 1`],
      {},
    ],
    [
      'replicate',
      [ROTATE],
      REPLICATE,
      [
        'replicate 1 eu-west-1 1',
        'replicate 1 us-east-1 1',
        'replicate 2 eu-west-1 2',
        'replicate 2 us-east-1 2',
        'importMaterial eu-west-1 1',
        'importMaterial us-east-1 1',
        'importMaterial eu-west-1 2',
        'importMaterial us-east-1 2',
        'pointAlias eu-west-1 app-TIME 2 (new)',
        'pointAlias us-east-1 app-TIME 2 (new)',
      ],
      GLOBAL,
    ],
    ['replicate again', [REPLICATE], REPLICATE, [], GLOBAL],
    [
      'remove: replicas before what they are replicas of',
      [REPLICATE],
      (engine) => removeDistribution(engine, 'k', 'app', 7),
      [
        `removeAlias ${HOME} app-TIME`,
        'removeAlias eu-west-1 app-TIME',
        'removeAlias us-east-1 app-TIME',
        'scheduleDeletion eu-west-1 1 7',
        'scheduleDeletion us-east-1 1 7',
        `scheduleDeletion ${HOME} 1 7`,
      ],
      GLOBAL,
    ],
    [
      'restore',
      [(engine) => removeDistribution(engine, 'k', 'app', 7)],
      (engine) => restoreDistribution(engine, 'k', 'app'),
      [`cancelDeletion ${HOME} 1`, `enable ${HOME} 1`, `pointAlias ${HOME} app-TIME 1 (new)`],
      {},
    ],
    [
      'revoke',
      [],
      (engine) => revokeDistribution(engine, 'k', 'app'),
      [`deleteMaterial ${HOME} 1`],
      {},
    ],
    [
      'revoke again',
      [(engine) => revokeDistribution(engine, 'k', 'app')],
      (engine) => revokeDistribution(engine, 'k', 'app'),
      [],
      {},
    ],
    [
      'put the material back',
      [(engine) => revokeDistribution(engine, 'k', 'app')],
      (engine) => restoreDistribution(engine, 'k', 'app'),
      [`importMaterial ${HOME} 1`, `enable ${HOME} 1`],
      {},
    ],
  ])('%s', async (_name, prepare, step, calls, keys) => {
    const testbed = await createDistributed(keys)
    for (const each of prepare) await each(testbed.engine)
    const run = recorded(testbed)
    await step(run.engine)
    expect([...run.calls].sort()).toEqual([...calls].sort())
    // Only calls of one kind run in parallel, so only the order of the kinds matters.
    const kinds = (of: readonly string[]) => [...new Set(of.map((call) => call.split(' ')[0]))]
    expect(kinds(run.calls)).toEqual(kinds(calls))
    const scheduled = run.calls.filter((call) => call.startsWith('scheduleDeletion'))
    if (scheduled.length > 1) expect(scheduled.at(-1)).toBe(calls.at(-1))
  })

  it('and reports progress for each', async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    const run = recorded(testbed)
    await distribute(run.engine, 'k', 'app', NAMED)
    await revokeDistribution(run.engine, 'k', 'app')
    await removeDistribution(run.engine, 'k', 'app')
    expect(run.progress.map((message) => message.replace(/\d{10}/, 'TIME'))).toEqual([
      `create: app version 1 in ${HOME}`,
      `import: app version 1 in ${HOME}`,
      `point alias: alias/hashicorp/app-TIME in ${HOME}`,
      `point alias: alias/hashicorp/app-TIME/v1 in ${HOME}`,
      `delete material: app version 1 in ${HOME}`,
      `remove alias: alias/hashicorp/app-TIME in ${HOME}`,
      `remove alias: alias/hashicorp/app-TIME/v1 in ${HOME}`,
      `schedule deletion: app version 1 in ${HOME}`,
    ])
  })
})

describe('many steps', () => {
  const createMany = async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    for (let version = 1; version < MANY; version++) await rotateKey(testbed.engine, 'app')
    return testbed
  }

  it(`run ${SIDE_BY_SIDE} at a time`, async () => {
    const testbed = await createMany()
    let [now, most] = [0, 0]
    const { engine } = recorded(testbed, (provider) => ({
      create: async (request) => {
        most = Math.max(most, ++now)
        await nextTurn()
        now--
        return provider.create(request)
      },
    }))
    await distribute(engine, 'k', 'app', AES)
    expect(most).toBe(SIDE_BY_SIDE)
    expect(await findProblems(testbed)).toEqual([])
  })

  it.each([
    ['the others continue after one has failed', 'KMS_FAILED', MANY, MANY - 1],
    ['none starts after the command ends', 'INTERRUPTED', SIDE_BY_SIDE, SIDE_BY_SIDE - 1],
  ] as const)('%s, and those under way are recorded', async (_name, code, begun, created) => {
    const testbed = await createMany()
    const { engine, calls } = recorded(testbed, (provider) => ({
      create: async (request) => {
        if (request.tags['keymgmt:version'] === '2') throw new KeymgmtError(code, 'failed')
        // By the next turn, the failure of version 2 is known.
        await nextTurn()
        return provider.create(request)
      },
    }))
    expect(await refusal(distribute(engine, 'k', 'app', AES))).toEqual([code, 'failed'])
    expect(calls.filter((call) => call.startsWith('create'))).toHaveLength(begun)
    const kmsKeys = (await readDistribution(engine, 'k', 'app'))?.kmsKeys ?? []
    expect(kmsKeys.filter(({ state }) => state === 'created')).toHaveLength(created)
  })
})

describe('an alias', () => {
  it("may be moved from the distribution's own KMS keys in the Region only", async () => {
    const testbed = await createDistributed()
    await saveKey(testbed.engine, 'other', { type: 'aes256-gcm96' })
    await distribute(testbed.engine, 'k', 'other', AES)
    const owners: AliasOwner[] = []
    const { engine } = recorded(testbed, (provider) => ({
      pointAlias: (region, alias, key, owner) => {
        owners.push(owner)
        return provider.pointAlias(region, alias, key, owner)
      },
    }))
    await rotateKey(engine, 'app')
    const ids = testbed.kms.keys
      .filter(({ request }) => request.description.startsWith('keymgmt app'))
      .map(({ key }) => key.id)
    expect(owners).toEqual([{ keys: new Set(ids), exists: true }])
  })

  it('whose creation was started may be ours already', async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    const first = recorded(testbed, (provider): Partial<KmsProvider> => ({
      pointAlias: async (...args) => {
        await provider.pointAlias(...args)
        return fail()
      },
    }))
    expect(await refusal(distribute(first.engine, 'k', 'app', AES))).toEqual([
      'KMS_FAILED',
      'failed',
    ])
    const { name = '', aliases } = (await readDistribution(testbed.engine, 'k', 'app')) ?? {}
    expect(aliases).toEqual([{ region: HOME, name: `alias/hashicorp/${name}`, state: 'pending' }])
    const second = recorded(testbed)
    await distribute(second.engine, 'k', 'app', AES)
    expect([first.calls.at(-1), second.calls]).toEqual([
      `pointAlias ${HOME} app-TIME 1 (new)`,
      [`pointAlias ${HOME} app-TIME 1 (begun)`],
    ])
  })
})

it('a KMS key that accepts material and then has other material is not used, and is reported as dangerous', async () => {
  const testbed = await createTestbed()
  await saveKey(testbed.engine, 'app', { type: 'ed25519' })
  const { engine } = recorded(testbed, () => ({ holds: () => Promise.resolve(false) }))
  const sign = { purpose: ['sign', 'verify'], protection: 'hsm' } as const
  const words = await refusal(distribute(engine, 'k', 'app', sign))
  const id = testbed.kms.keys[0]?.key.id ?? ''
  expect(words).toEqual([
    'KMS_MATERIAL_DIFFERS',
    `KMS key ${id} in ${HOME} does not contain version 1 of app, although AWS accepted it`,
    'do not use this KMS key, and report this as a bug of keymgmt',
    `disable it: aws kms disable-key --region ${HOME} --key-id ${id}`,
  ])
  expect(await readDistribution(engine, 'k', 'app')).toMatchObject({
    kmsKeys: [{ version: 1, region: HOME, materials: [{ version: 1, imported: false }] }],
  })
  expect(testbed.kms.aliases.size).toBe(0)
})

it('everything that several commands left unfinished is reported', async () => {
  const testbed = await createDistributed()
  await rotateKey(testbed.engine, 'app')
  await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
  await distribute(testbed.engine, 'other', 'app', AES)
  expect(
    await refusal(
      saveKey(recorded(testbed, () => ({ disable: fail })).engine, 'app', {
        minEnabledVersion: 2,
      }),
    ),
  ).toEqual(['KMS_FAILED', 'failed'])
  await saveKey(testbed.engine, 'app', {})
  expect(testbed.notices).toEqual([
    'Also finishing an interrupted command on app in k',
    'Also finishing an interrupted command on app in other',
  ])
  expect(
    await findProblems({
      ...testbed,
      kms: { ...testbed.kms, keys: testbed.kms.keys.filter(({ region }) => region === HOME) },
    }),
  ).toEqual([])
})
