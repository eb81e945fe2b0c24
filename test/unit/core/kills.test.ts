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

// Every command is killed before and after each request to the KMS and each write of a record. Then
// the same command must reach the state that an uninterrupted one reaches.

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

/** The step, while requests for replicas in eu-west-1 get no reply and create none. */
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
  'distribute a key pair': {
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
  'drop a Region with replicas': {
    prepare: [WIDE, DISTRIBUTE, REPLICATE, ROTATE],
    step: DROP,
  },
  'restore a dropped Region': {
    prepare: [WIDE, DISTRIBUTE, REPLICATE, DROP, ROTATE],
    step: RESTORE,
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
  'add version aliases': {
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

/** A kill before or after the n-th request or write. Nothing happens after it. */
interface Kill {
  readonly at: number
  readonly when: 'before' | 'after'
  done: number
}

/** The object as used by a process that is killed. */
function killable<T extends object>(of: T, kill: Kill): T {
  return new Proxy(of, {
    get: (target, name, receiver) => {
      const method: unknown = Reflect.get(target, name, receiver)
      if (typeof method !== 'function') return method
      return async (...args: unknown[]): Promise<unknown> => {
        const now = READ_ONLY_METHODS.includes(String(name))
          ? kill.done >= kill.at
            ? Infinity
            : -1
          : ++kill.done
        if (now > kill.at || (now === kill.at && kill.when === 'before'))
          throw new KeymgmtError('INTERRUPTED', 'dead')
        const answer: unknown = await Reflect.apply(method, target, args)
        if (now === kill.at) throw new KeymgmtError('INTERRUPTED', 'dead')
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

/** Runs the flow with the kill, and then again without it. Returns true if the kill happened. */
async function interrupt(flow: Flow, kill: Kill): Promise<boolean> {
  const { store, kms } = await prepared(flow)
  const dying = testbedOver(killable(store, kill), kms, {
    ...kms.kind,
    open: async (settings) => killable(await kms.kind.open(settings), kill),
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
