import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import type { Engine } from '../../../src/core/engine.js'
import { distribute, readInterruption } from '../../../src/core/operations/distribute.js'
import { importVersion } from '../../../src/core/operations/import.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import type { KmsProvider } from '../../../src/kms/provider.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { MemoryKey } from '../../support/memory-keyring.js'
import {
  AES,
  findProblems,
  createDistributed,
  recorded,
  refusal,
  type Testbed,
  type Step,
} from './testbed.js'

const fail = () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied'))

/** Each takedown, the call that fails, and the ways forward. */
const TAKEDOWNS = {
  removal: {
    step: (engine: Engine) => removeDistribution(engine, 'k', 'app', 7),
    denied: { scheduleDeletion: fail },
    finish: 'keymgmt delete keymgmt/kms/k/key/app',
  },
  revocation: {
    step: (engine: Engine) => revokeDistribution(engine, 'k', 'app'),
    denied: { deleteMaterial: fail },
    finish: 'keymgmt write -f keymgmt/kms/k/key/app/revoke',
  },
} satisfies Record<string, { step: Step; denied: Partial<KmsProvider>; finish: string }>

const RESTORE = 'keymgmt write -f keymgmt/kms/k/key/app/restore'

/** Two versions in `k` and in `other`, and the takedown of those in `k` denied. */
async function createInterrupted(name: keyof typeof TAKEDOWNS): Promise<Testbed> {
  const testbed = await createDistributed()
  await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
  await rotateKey(testbed.engine, 'app')
  await distribute(testbed.engine, 'other', 'app', AES)
  const { step, denied } = TAKEDOWNS[name]
  await refusal(step(recorded(testbed, () => denied).engine))
  return testbed
}

/** Later commands, and the versions that `other` has after them. */
const OTHERS: Readonly<Record<string, Step>> = {
  rotate: (engine) => rotateKey(engine, 'app'),
  'a setting': (engine) => saveKey(engine, 'app', { minEnabledVersion: 2 }),
  'a distribution elsewhere': async (engine) => {
    await saveProvider(engine, 'third', { provider: 'awskms', keyCollection: 'us-east-2' })
    await distribute(engine, 'third', 'app', AES)
  },
  'an import of a version': (engine) =>
    importVersion(engine, 'app', { material: randomBytes(32), type: 'aes256-gcm96' }),
  'a repair of it': (engine) => repairDistribution(engine, 'k', 'app'),
  'a repair elsewhere': (engine) => repairDistribution(engine, 'other', 'app'),
  'a restore elsewhere': (engine) => restoreDistribution(engine, 'other', 'app'),
}

const stateOf = ({ tags, material, enabled, deletion }: MemoryKey) => ({
  tags,
  material,
  enabled,
  deletion,
})

const inK = ({ kms }: Testbed) => kms.keys.filter(({ region }) => region === 'us-west-1')

describe.each(['removal', 'revocation'] as const)('an unfinished %s', (name) => {
  const { finish, step } = TAKEDOWNS[name]

  it('names both ways forward when it fails, and when it is read or verified', async () => {
    const testbed = await createDistributed()
    const { denied } = TAKEDOWNS[name]
    expect(await refusal(step(recorded(testbed, () => denied).engine))).toEqual([
      'KMS_ACCESS_DENIED',
      'denied',
      `to finish the ${name}: ${finish}`,
      `to reverse it: ${RESTORE}`,
    ])
    expect(await readInterruption(testbed.engine, 'k', 'app')).toBe(name)
    const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
    expect(differences[0]).toMatchObject({ what: 'unfinished', found: `an unfinished ${name}` })
    expect(differences.map(({ repairable, nextStep }) => [repairable, nextStep])).toEqual(
      differences.map(() => [false, `${finish}, or ${RESTORE}`]),
    )
  })

  it.each(Object.entries(OTHERS))('is not finished by %s', async (_name, other) => {
    const testbed = await createInterrupted(name)
    const before = structuredClone(inK(testbed).map(stateOf))
    await other(testbed.engine)
    expect(inK(testbed).map(stateOf)).toEqual(before)
    if (other !== OTHERS['a repair elsewhere'])
      expect(testbed.notices).toContain(
        `Skipped app in k: its ${name} was started and did not finish. To finish it: ${finish}; to reverse it: ${RESTORE}`,
      )
    expect(await readInterruption(testbed.engine, 'k', 'app')).toBe(name)
  })

  it('does not prevent a rotation in the other provider', async () => {
    const testbed = await createInterrupted(name)
    expect(await rotateKey(testbed.engine, 'app')).toMatchObject({ latestVersion: 3 })
    expect(testbed.kms.keys.filter(({ region }) => region === 'eu-west-1')).toHaveLength(3)
  })

  it('is finished by the same command', async () => {
    const testbed = await createInterrupted(name)
    await step(testbed.engine)
    for (const { deletion, material } of inK(testbed))
      expect(name === 'removal' ? deletion !== undefined : material === undefined).toBe(true)
  })

  it('is reversed by restore, with the versions that were created meanwhile', async () => {
    const testbed = await createInterrupted(name)
    await rotateKey(testbed.engine, 'app')
    await restoreDistribution(testbed.engine, 'k', 'app')
    expect(inK(testbed).map(({ deletion, enabled }) => [deletion, enabled])).toEqual([
      [undefined, true],
      [undefined, true],
      [undefined, true],
    ])
    expect((await verifyDistribution(testbed.engine, 'k', 'app', true)).differences).toEqual([])
  })

  it.each(['removeAlias', 'scheduleDeletion', 'deleteMaterial'] as const)(
    'is reversed although the reply to %s was lost',
    async (method) => {
      const testbed = await createDistributed()
      const lossy = recorded(testbed, (provider) => ({
        [method]: async (...args: never[]) => {
          const call: unknown = Reflect.get(provider, method)
          if (typeof call === 'function') await Reflect.apply(call, provider, args)
          return fail()
        },
      }))
      await step(lossy.engine).catch(() => undefined)
      await restoreDistribution(testbed.engine, 'k', 'app')
      expect(await findProblems(testbed)).toEqual([])
    },
  )
})

it('a revocation is done once the material is deleted, although a setting is refused', async () => {
  const testbed = await createDistributed()
  const { engine, notices } = recorded(testbed, () => ({ setDescription: fail }))
  const refused = distribute(engine, 'k', 'app', { ...AES, description: 'of the payments team' })
  expect((await refusal(refused))[0]).toBe('KMS_ACCESS_DENIED')
  await revokeDistribution(engine, 'k', 'app')
  expect(notices.at(-1)).toBe('An earlier command on app in k is still unfinished: denied')
  expect(await readInterruption(engine, 'k', 'app')).toBe('distribution')
  await restoreDistribution(testbed.engine, 'k', 'app')
  expect(await findProblems(testbed)).toEqual([])
})
