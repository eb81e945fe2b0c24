import { expect, describe, it } from '@jest/globals'
import type { Engine, Outcome } from '../../../src/core/engine.js'
import { distribute } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import type { MemoryKey } from '../../support/memory-keyring.js'
import {
  AES,
  createDistributed,
  HOME,
  recorded,
  refusal,
  shown,
  type Testbed,
  type Step,
} from './testbed.js'

/** Two versions; AWS has lost the KMS key of the first. Returns it too. */
async function createLost(): Promise<Testbed & { gone: MemoryKey }> {
  const testbed = await createDistributed()
  await rotateKey(testbed.engine, 'app')
  const [gone] = testbed.kms.keys.splice(0, 1)
  if (!gone) throw new Error('there is no KMS key')
  return { ...testbed, gone }
}

const statesOf = async ({ engine }: Testbed) =>
  (await readDistribution(engine, 'k', 'app'))?.kmsKeys.map(({ state }) => state)

const run = async ({ engine }: Testbed, step: Step) => {
  const outcomes: Outcome[] = []
  await step({ ...engine, outcome: (outcome) => outcomes.push(outcome) })
  return outcomes.map(({ version, action, state }) => `${state} ${version ?? ''} ${action}`)
}

describe('a KMS key that AWS no longer has', () => {
  it.each<readonly [string, Step, string]>([
    ['a setting', (engine) => saveKey(engine, 'app', { minEnabledVersion: 2 }), 'disable'],
    ['revoke', (engine) => revokeDistribution(engine, 'k', 'app'), 'delete-material'],
  ])('is recorded as lost by %s, and blocks nothing', async (_name, step, action) => {
    const testbed = await createLost()
    expect(await run(testbed, step)).toContain(`lost 1 ${action}`)
    expect(await statesOf(testbed)).toEqual(['lost', 'created'])
    const next = recorded(testbed)
    await step(next.engine)
    expect(next.calls).toEqual([])
  })

  it('is not reported as scheduled for deletion', async () => {
    const testbed = await createLost()
    const scheduled = await removeDistribution(testbed.engine, 'k', 'app')
    expect(scheduled.map(({ kmsKeyId }) => kmsKeyId)).toEqual([testbed.kms.keys[0]?.key.id])
  })

  it('is not waited for, nor created again, by the commands after repair', async () => {
    const testbed = await createLost()
    await repairDistribution(testbed.engine, 'k', 'app')
    expect(await statesOf(testbed)).toEqual(['lost', 'created'])
    for (const step of [
      (engine: Engine) => rotateKey(engine, 'app'),
      (engine: Engine) => saveKey(engine, 'app', { minEnabledVersion: 2 }),
      (engine: Engine) => revokeDistribution(engine, 'k', 'app'),
      (engine: Engine) => restoreDistribution(engine, 'k', 'app'),
      (engine: Engine) => distribute(engine, 'k', 'app', { ...AES, versionAliases: true }),
    ])
      expect((await run(testbed, step)).filter((outcome) => !outcome.startsWith('done'))).toEqual(
        [],
      )
    expect(await statesOf(testbed)).toEqual(['lost', 'created', 'created'])
    expect(shown(testbed).filter((line) => line.includes('version 1'))).toEqual([])
  })

  it('is reported by verify as deleted until it is recorded, then as lost', async () => {
    const testbed = await createLost()
    const found = async () =>
      (await verifyDistribution(testbed.engine, 'k', 'app', false)).differences.map(
        (difference) => difference.found,
      )
    expect(await found()).toEqual(['deleted'])
    await repairDistribution(testbed.engine, 'k', 'app')
    expect(await found()).toEqual(['lost'])
  })

  it('is no longer lost when it is seen again', async () => {
    const testbed = await createLost()
    await repairDistribution(testbed.engine, 'k', 'app')
    testbed.kms.keys.unshift(testbed.gone)
    expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toMatchObject(
      [{ what: 'kms-key', expected: 'lost', found: 'enabled', repairable: true }],
    )
    await repairDistribution(testbed.engine, 'k', 'app')
    expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toEqual([])
  })

  it('does not prevent restore from restoring the others', async () => {
    const testbed = await createDistributed()
    await rotateKey(testbed.engine, 'app')
    await removeDistribution(testbed.engine, 'k', 'app')
    testbed.kms.keys.splice(0, 1)
    expect(await run(testbed, (engine) => restoreDistribution(engine, 'k', 'app'))).toEqual([
      'lost 1 cancel-deletion',
      'done 2 cancel-deletion',
      'done 2 point-alias',
    ])
    expect(shown(testbed)).toEqual([
      `app version 2 ${HOME} enabled`,
      `${HOME} alias/hashicorp/app-TIME is app version 2`,
    ])
  })

  it('is the only one: restore says so', async () => {
    const testbed = await createDistributed()
    await removeDistribution(testbed.engine, 'k', 'app')
    testbed.kms.keys.splice(0, 1)
    expect((await refusal(restoreDistribution(testbed.engine, 'k', 'app')))[0]).toBe(
      'KMS_KEY_NOT_FOUND',
    )
  })
})
