import { describe, expect, it } from '@jest/globals'
import type { Engine, Outcome } from '../../../src/core/engine.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import { removeDistribution, revokeDistribution } from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { dependsOn } from '../../../src/core/reconcile/outcomes.js'
import type { Step } from '../../../src/core/reconcile/plan.js'
import { readKey } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { KmsProvider } from '../../../src/kms/provider.js'
import {
  AES,
  createDistributed,
  createTestbed,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  shown,
  testbedOver,
  type Testbed,
} from './testbed.js'

const unreachable = () => Promise.reject(new KeymgmtError('KMS_UNREACHABLE', 'no route'))

/** An engine that collects the outcomes as short texts. */
function reporting({ engine }: Pick<Testbed, 'engine'>): { engine: Engine; outcomes: string[] } {
  const outcomes: string[] = []
  const outcome = ({ provider, region, version, alias, action, state }: Outcome) =>
    outcomes.push(
      [state, provider, region, alias === undefined ? version : 'alias', action].join(' '),
    )
  return { engine: { ...engine, outcome }, outcomes }
}

/** A provider that can't be reached. */
const dead = (provider: KmsProvider): KmsProvider =>
  new Proxy(provider, {
    get: (target, name, receiver): unknown => {
      const value: unknown = Reflect.get(target, name, receiver)
      return typeof value === 'function' ? unreachable : value
    },
  })

/** The key `app` in `k` and in `other`, which can't be reached from now on. */
async function createHalfDead(): Promise<Testbed> {
  const testbed = await createDistributed()
  await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
  await distribute(testbed.engine, 'other', 'app', AES)
  const { store, kms } = testbed
  return testbedOver(store, kms, {
    ...kms.kind,
    open: async (settings) => {
      const provider = await kms.kind.open(settings)
      return settings.region === 'eu-west-1' ? dead(provider) : provider
    },
  })
}

describe('the outcomes of a command', () => {
  it('has one entry for each provider, Region and version, and one for each alias', async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    await rotateKey(testbed.engine, 'app')
    const { engine, outcomes } = reporting(testbed)
    await distribute(engine, 'k', 'app', AES)
    expect(outcomes).toEqual([
      `done k ${HOME} 1 create`,
      `done k ${HOME} 2 create`,
      `done k ${HOME} alias point-alias`,
    ])
    outcomes.length = 0
    await distribute(engine, 'k', 'app', AES)
    expect(outcomes).toEqual([])
    await removeDistribution(engine, 'k', 'app')
    expect(outcomes).toEqual([
      `done k ${HOME} alias remove-alias`,
      `done k ${HOME} 1 schedule-deletion`,
      `done k ${HOME} 2 schedule-deletion`,
    ])
  })

  it('state the failed action, the reason and the next step', async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    const denied = new KeymgmtError('KMS_ACCESS_DENIED', 'denied', { hints: ['allow it'] })
    const outcomes: Outcome[] = []
    const { engine } = recorded(testbed, () => ({ create: () => Promise.reject(denied) }))
    const outcome = (each: Outcome) => outcomes.push(each)
    expect(await refusal(distribute({ ...engine, outcome }, 'k', 'app', AES))).toEqual([
      'KMS_ACCESS_DENIED',
      'denied',
      'allow it',
    ])
    const place = { provider: 'k', region: HOME, version: 1, state: 'failed' }
    expect(outcomes).toEqual([
      { ...place, action: 'create', reason: 'denied', nextStep: 'allow it' },
      {
        ...place,
        alias: expect.stringMatching(/^alias\/hashicorp\/app-/),
        action: 'point-alias',
        reason: `waits for version 1 in ${HOME}, which failed (create)`,
        nextStep: 'allow it',
      },
    ])
  })

  it.each(['KMSInvalidStateException', 'DisabledException'])(
    'name repair if AWS refuses the state of a KMS key: %s',
    async (awsError) => {
      const testbed = await createDistributed()
      await rotateKey(testbed.engine, 'app')
      const hints = ['AWS refused the request']
      const refused = new KeymgmtError('KMS_FAILED', 'refused', { hints, awsError })
      const { engine } = recorded(testbed, () => ({ disable: () => Promise.reject(refused) }))
      const outcomes: Outcome[] = []
      const outcome = (each: Outcome) => outcomes.push(each)
      const ways = [
        'to record its state in AWS and to correct it: keymgmt write -f keymgmt/kms/k/key/app/repair',
        'to compare the records with AWS: keymgmt read keymgmt/kms/k/key/app/verify',
      ]
      expect(
        await refusal(saveKey({ ...engine, outcome }, 'app', { minEnabledVersion: 2 })),
      ).toEqual(['KMS_FAILED', 'refused', ...ways, ...hints])
      expect(outcomes).toMatchObject([
        { action: 'disable', state: 'failed', nextStep: [...ways, ...hints].join('; ') },
      ])
    },
  )
})

describe('a dead provider', () => {
  it('does not prevent a new version or setting in the others', async () => {
    const { engine, outcomes } = reporting(await createHalfDead())
    expect((await refusal(rotateKey(engine, 'app')))[0]).toBe('KMS_UNREACHABLE')
    expect(outcomes).toEqual([
      `done k ${HOME} 2 create`,
      `done k ${HOME} alias point-alias`,
      'failed other eu-west-1 2 create',
      'failed other eu-west-1 alias point-alias',
    ])
    outcomes.length = 0
    expect((await refusal(saveKey(engine, 'app', { minEnabledVersion: 2 })))[0]).toBe(
      'KMS_UNREACHABLE',
    )
    expect(outcomes).toContain(`done k ${HOME} 1 disable`)
    expect(outcomes).toContain('failed other eu-west-1 2 create')
  })

  it('does not fail a command that needs nothing there', async () => {
    const half = await createHalfDead()
    await refusal(rotateKey(half.engine, 'app'))
    await saveProvider(half.engine, 'third', { provider: 'awskms', keyCollection: 'us-east-2' })
    for (const command of [
      (engine: Engine) => saveKey(engine, 'app', { deletionAllowed: true }),
      (engine: Engine) => distribute(engine, 'third', 'app', AES),
      (engine: Engine) => repairDistribution(engine, 'k', 'app'),
      (engine: Engine) => revokeDistribution(engine, 'k', 'app'),
      (engine: Engine) => removeDistribution(engine, 'k', 'app'),
    ]) {
      const { engine, outcomes } = reporting(half)
      await command(engine)
      expect(outcomes.filter((outcome) => outcome.startsWith('failed'))).toEqual([])
    }
  })
})

describe('a dead Region', () => {
  it('does not prevent a replica or a new version in the others', async () => {
    const testbed = await createDistributed(GLOBAL)
    const failing = recorded(testbed, (provider) => ({
      replicate: (key, region, request) =>
        region === 'eu-west-1' ? unreachable() : provider.replicate(key, region, request),
    }))
    const { engine, outcomes } = reporting(failing)
    expect((await refusal(replicate(engine, 'k', 'app')))[0]).toBe('KMS_UNREACHABLE')
    expect(outcomes).toEqual([
      'done k us-east-1 1 replicate',
      'failed k eu-west-1 1 replicate',
      'failed k eu-west-1 alias point-alias',
      'done k us-east-1 alias point-alias',
    ])
    await rotateKey(testbed.engine, 'app')
    expect((await refusal(rotateKey(engine, 'app')))[0]).toBe('KMS_UNREACHABLE')
    expect((await readKey(testbed.engine, 'app'))?.latestVersion).toBe(2)
    expect(shown(testbed)).toContain('us-east-1 alias/hashicorp/app-TIME is app version 2')
    expect(shown(testbed)).toContain(`${HOME} alias/hashicorp/app-TIME is app version 2`)
    await rotateKey(testbed.engine, 'app')
    expect((await readKey(testbed.engine, 'app'))?.latestVersion).toBe(2)
    expect(shown(testbed)).toContain('eu-west-1 alias/hashicorp/app-TIME is app version 2')
  })

  it("in which the alias can't move keeps its old version enabled", async () => {
    const testbed = await createDistributed()
    const failing = recorded(testbed, () => ({ pointAlias: unreachable }))
    await refusal(rotateKey(failing.engine, 'app'))
    await refusal(saveKey(failing.engine, 'app', { minEnabledVersion: 2 }))
    expect(shown(testbed)).toEqual([
      `app version 1 ${HOME} enabled`,
      `app version 2 ${HOME} enabled`,
      `${HOME} alias/hashicorp/app-TIME is app version 1`,
    ])
  })
})

describe('a step depends on one that failed', () => {
  const at =
    (action: 'create' | 'replicate' | 'import' | 'tag' | 'disable' | 'schedule-deletion') =>
    (version: number, region: string): Step => ({ action, version, region })
  const alias = (version: number, region: string): Step => ({
    action: 'point-alias',
    version,
    region,
    alias: 'a',
  })
  const move: Step = { action: 'move-primary', version: 1, region: 'p', to: 'r' }
  const unalias = (region: string): Step => ({ action: 'remove-alias', region, alias: 'a' })

  it.each([
    [at('import')(1, 'p'), at('create')(1, 'p')],
    [at('tag')(1, 'p'), at('tag')(1, 'p')],
    [at('replicate')(1, 'r'), at('import')(1, 'p')],
    [move, at('import')(1, 'r')],
    [move, at('import')(1, 'p')],
    [alias(1, 'p'), at('import')(1, 'p')],
    [at('disable')(1, 'p'), alias(2, 'p')],
    [at('schedule-deletion')(1, 'p'), unalias('p')],
    [at('schedule-deletion')(1, 'p'), at('schedule-deletion')(1, 'r')],
  ])('%j, %j', (step, failed) => {
    expect(dependsOn(step, failed, 'p')).toBe(true)
  })

  it.each([
    [at('import')(2, 'p'), at('create')(1, 'p')],
    [at('disable')(1, 'p'), at('tag')(1, 'p')],
    [at('replicate')(1, 'r'), at('replicate')(1, 'q')],
    [alias(1, 'r'), at('import')(1, 'p')],
    [alias(1, 'p'), at('tag')(1, 'p')],
    [at('disable')(1, 'r'), alias(2, 'p')],
    [at('schedule-deletion')(1, 'r'), unalias('p')],
    [at('schedule-deletion')(1, 'r'), at('schedule-deletion')(1, 'p')],
    [at('schedule-deletion')(1, 'p'), at('schedule-deletion')(2, 'r')],
    [unalias('p'), at('schedule-deletion')(1, 'p')],
    [move, at('import')(1, 'q')],
    [move, alias(1, 'r')],
    [alias(1, 'r'), move],
    [at('disable')(1, 'r'), move],
  ])('but not %j on %j', (step, failed) => {
    expect(dependsOn(step, failed, 'p')).toBe(false)
  })
})
