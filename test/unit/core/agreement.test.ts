import { describe, expect, it } from '@jest/globals'
import type { Engine } from '../../../src/core/engine.js'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
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
import { decodeRecord, encodeRecord } from '../../../src/core/records/codec.js'
import { recordPath, type KeyRecord } from '../../../src/core/records/model.js'
import type { Store } from '../../../src/store/index.js'
import { AES, createDistributed, GLOBAL, recorded, refusal } from './testbed.js'

type Command = (engine: Engine) => Promise<unknown>

const COMMANDS: Readonly<Record<string, Command>> = {
  rotate: (engine) => rotateKey(engine, 'app'),
  'a setting': (engine) => saveKey(engine, 'app', { minEnabledVersion: 1 }),
  distribute: (engine) => distribute(engine, 'k', 'app', AES),
  'distribute elsewhere': (engine) => distribute(engine, 'other', 'app', AES),
  replicate: (engine) => replicate(engine, 'k', 'app'),
  adopt: (engine) => adopt(engine, 'k', 'app', { kmsKeyId: 'x', version: 1 }),
  revoke: (engine) => revokeDistribution(engine, 'k', 'app'),
  restore: (engine) => restoreDistribution(engine, 'k', 'app'),
  remove: (engine) => removeDistribution(engine, 'k', 'app'),
  verify: (engine) => verifyDistribution(engine, 'k', 'app', true),
  repair: (engine) => repairDistribution(engine, 'k', 'app'),
}

/** Replaces the key's record, as a torn or older copy of a store has it. */
async function replaceKey(store: Store, change: (key: KeyRecord) => KeyRecord): Promise<void> {
  const path = recordPath.key('app')
  const stored = await store.get(path)
  if (!stored) throw new Error('there is no key')
  const key = decodeRecord(path, stored.value) as KeyRecord
  await store.put(path, encodeRecord(change(key)), stored.revision)
}

const first = ({ versions }: KeyRecord) => {
  const [version] = Object.values(versions)
  if (!version) throw new Error('there is no version')
  return version
}

const CONTRADICTIONS: Readonly<Record<string, (key: KeyRecord) => KeyRecord>> = {
  'the distribution is of key id': (key) => ({ ...key, id: 'another' }),
  'the distribution has version 2, the newest of the key is 1': (key) => ({
    ...key,
    latestVersion: 1,
    versions: { 1: first(key) },
  }),
  'version 1 has another fingerprint in the distribution than in the key': (key) => ({
    ...key,
    versions: {
      ...key.versions,
      1: { ...first(key), material: { state: 'stored', fingerprint: 'another' } },
    },
  }),
}

describe.each(Object.entries(CONTRADICTIONS))('records that contradict: %s', (says, change) => {
  it.each(Object.entries(COMMANDS))('are refused by %s', async (_name, command) => {
    const testbed = await createDistributed(GLOBAL)
    await saveProvider(testbed.engine, 'other', { provider: 'awskms', keyCollection: 'eu-west-1' })
    await rotateKey(testbed.engine, 'app')
    await replaceKey(testbed.store, change)
    const { engine, calls, written } = recorded(testbed)
    const [code, message, ...hints] = await refusal(command(engine))
    expect(code).toBe('STORE_CORRUPT')
    expect(message).toContain(says)
    expect(hints.join()).toContain('operator snapshot restore')
    expect([calls, written]).toEqual([[], []])
  })
})
