import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { dropRegion } from '../../../src/core/operations/drop-region.js'
import { distribute } from '../../../src/core/operations/distribute.js'
import { importVersion } from '../../../src/core/operations/import.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { removeDistribution, restoreDistribution } from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  AES,
  testbedOver,
  findProblems,
  createTestbed,
  READ_ONLY_METHODS,
  type Testbed,
  type Step,
  ROTATE,
  REPLICATE,
  REVOKE,
} from './testbed.js'

// Every command dies at everything that it asks of the KMS and at everything that it writes down,
// before that is so and after it. What it left must be enough for the same command, given again, to
// end as if nothing had been.

const OWN = randomBytes(32)

const key =
  (change: Parameters<typeof saveKey>[2] = {}): Step =>
  (engine) =>
    saveKey(engine, 'app', change)
const AES_KEY = key({ type: 'aes256-gcm96' })
const WIDE = key({ type: 'aes256-gcm96', replicaRegions: ['us-east-1', 'eu-west-1'] })
const DISTRIBUTE: Step = (engine) => distribute(engine, 'k', 'app', AES)
const REMOVE: Step = (engine) => removeDistribution(engine, 'k', 'app', 7)
const DROP: Step = (engine) => dropRegion(engine, 'k', 'app', 'eu-west-1')
const RESTORE: Step = (engine) => restoreDistribution(engine, 'k', 'app')

/** The step, while AWS sends no reply about replicas in eu-west-1 and has created none. */
function withoutReplies(step: Step): Step {
  return (engine) => {
    const { awskms } = engine.kinds
    const open: typeof awskms.open = async (settings) => {
      const provider = await awskms.open(settings)
      return {
        ...provider,
        replicate: (key, region, request) =>
          region === 'eu-west-1'
            ? Promise.reject(new KeymgmtError('KMS_AMBIGUOUS', 'no reply'))
            : provider.replicate(key, region, request),
      }
    }
    const kinds = { awskms: { ...awskms, open } }
    return step({ ...engine, kinds }).catch(() => undefined)
  }
}

interface Flow {
  readonly prepare: readonly Step[]
  readonly outsideChange?: (testbed: Testbed) => void
  readonly step: Step
}

const FLOWS: Readonly<Record<string, Flow>> = {
  distribute: { prepare: [AES_KEY, ROTATE, key({ minEnabledVersion: 2 })], step: DISTRIBUTE },
  'distribute a pair': {
    prepare: [key({ type: 'ed25519' })],
    step: (engine) =>
      distribute(engine, 'k', 'app', { purpose: ['sign', 'verify'], protection: 'hsm' }),
  },
  rotate: { prepare: [AES_KEY, DISTRIBUTE], step: ROTATE },
  disable: { prepare: [AES_KEY, DISTRIBUTE, ROTATE], step: key({ minEnabledVersion: 2 }) },
  enable: {
    prepare: [AES_KEY, ROTATE, DISTRIBUTE, key({ minEnabledVersion: 2 })],
    step: key({ minEnabledVersion: 0 }),
  },
  replicate: {
    prepare: [WIDE, ROTATE, key({ minEnabledVersion: 2 }), DISTRIBUTE],
    step: REPLICATE,
  },
  'drop a Region': {
    prepare: [WIDE, DISTRIBUTE, withoutReplies(REPLICATE), withoutReplies(ROTATE)],
    step: DROP,
  },
  'rotate everywhere': { prepare: [WIDE, DISTRIBUTE, REPLICATE], step: ROTATE },
  remove: { prepare: [WIDE, DISTRIBUTE, REPLICATE], step: REMOVE },
  restore: { prepare: [WIDE, DISTRIBUTE, REPLICATE, REMOVE], step: RESTORE },
  'distribute again': { prepare: [AES_KEY, ROTATE, DISTRIBUTE, REMOVE], step: DISTRIBUTE },
  revoke: { prepare: [AES_KEY, ROTATE, DISTRIBUTE], step: REVOKE },
  'restore the material': { prepare: [AES_KEY, ROTATE, DISTRIBUTE, REVOKE], step: RESTORE },
  'import a version': {
    prepare: [AES_KEY, DISTRIBUTE],
    step: (engine) => importVersion(engine, 'app', { material: OWN }),
  },
  'give versions aliases': {
    prepare: [AES_KEY, ROTATE, DISTRIBUTE],
    step: (engine) => distribute(engine, 'k', 'app', { ...AES, versionAliases: true }),
  },
  repair: {
    prepare: [AES_KEY, DISTRIBUTE, ROTATE],
    outsideChange: ({ kms }) => {
      const [first, second] = kms.keys
      if (!first || !second) throw new Error('there are no two KMS keys')
      kms.aliases.clear()
      first.material = undefined
      first.tags.clear()
      second.enabled = false
    },
    step: (engine) => repairDistribution(engine, 'k', 'app'),
  },
}

/**
 * When somebody dies: at the n-th thing that is done, before it or after it; they do nothing
 * afterwards.
 */
interface Fate {
  readonly at: number
  readonly when: 'before' | 'after'
  done: number
}

/** The same, in the hands of one who is going to die. */
function mortal<T extends object>(of: T, fate: Fate): T {
  return new Proxy(of, {
    get: (target, name, receiver) => {
      const method: unknown = Reflect.get(target, name, receiver)
      if (typeof method !== 'function') return method
      return async (...args: unknown[]): Promise<unknown> => {
        const now = READ_ONLY_METHODS.includes(String(name))
          ? fate.done >= fate.at
            ? Infinity
            : -1
          : ++fate.done
        if (now > fate.at || (now === fate.at && fate.when === 'before'))
          throw new KeymgmtError('INTERRUPTED', 'dead')
        const answer: unknown = await Reflect.apply(method, target, args)
        if (now === fate.at) throw new KeymgmtError('INTERRUPTED', 'dead')
        return answer
      }
    },
  })
}

async function prepared({ prepare, outsideChange }: Flow): Promise<Testbed> {
  const testbed = await createTestbed()
  for (const step of prepare) await step(testbed.engine)
  outsideChange?.(testbed)
  return testbed
}

/** Runs the flow with that fate; answers whether it was met. */
async function interrupt(flow: Flow, fate: Fate): Promise<boolean> {
  const { store, kms } = await prepared(flow)
  const dying = testbedOver(mortal(store, fate), kms, {
    ...kms.kind,
    open: async (settings) => mortal(await kms.kind.open(settings), fate),
  })
  const died = await flow.step(dying.engine).then(
    () => false,
    () => true,
  )
  const next = await createTestbed({ store, kms })
  await flow.step(next.engine)
  expect(await findProblems(next)).toEqual([])
  return died
}

describe.each(Object.entries(FLOWS))('%s', (_name, flow) => {
  it('reaches the desired state', async () => {
    const testbed = await prepared(flow)
    await flow.step(testbed.engine)
    expect(await findProblems(testbed)).toEqual([])
    const before = JSON.stringify([testbed.kms.keys, [...testbed.kms.aliases]])
    await flow.step(testbed.engine)
    if (flow.step !== ROTATE)
      expect(JSON.stringify([testbed.kms.keys, [...testbed.kms.aliases]])).toBe(before)
  })

  it.each(['before', 'after'] as const)(
    'can be repeated after a kill %s each request and write',
    async (when) => {
      let at = 1
      while (await interrupt(flow, { at, when, done: 0 })) at++
      expect(at).toBeGreaterThan(3)
    },
  )
})
