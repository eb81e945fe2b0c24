import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute } from '../../../src/core/operations/distribute.js'
import type { Engine } from '../../../src/core/engine.js'
import { importKey, importVersion } from '../../../src/core/operations/import.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { KmsProvider } from '../../../src/kms/provider.js'
import type { Store } from '../../../src/store/index.js'
import { watchWiping } from '../../support/watch-wiping.js'
import {
  AES,
  createTestbed,
  HOME,
  recorded,
  type Testbed,
  fail,
  createForeignKmsKey,
} from './testbed.js'

// No command leaves material in memory, generated or read, in success or failure.

const OWN = randomBytes(32)
const own = { material: OWN, type: 'aes256-gcm96' } as const

/** Collects every buffer of material that the store returns or receives, or the KMS receives. */
function witness(
  testbed: Testbed,
  instead: (provider: KmsProvider) => Partial<KmsProvider> = () => ({}),
): { readonly engine: Engine; readonly seen: Uint8Array[] } {
  const seen: Uint8Array[] = []
  const isMaterial = (path: string) => path.startsWith('material/')
  const store: Store = {
    ...testbed.store,
    get: async (path) => {
      const found = await testbed.store.get(path)
      if (found && isMaterial(path)) seen.push(found.value)
      return found
    },
    put: (path, value, revision) => {
      if (isMaterial(path)) seen.push(value)
      return testbed.store.put(path, value, revision)
    },
  }
  return { engine: recorded({ ...testbed, store }, instead).engine, seen }
}

const distributed = async (engine: Engine) => {
  await saveKey(engine, 'app', { type: 'aes256-gcm96' })
  await distribute(engine, 'k', 'app', AES)
}

/** Creates a KMS key with the material of `app` that no record mentions. */
async function createUnrecorded(testbed: Testbed): Promise<string> {
  await importKey(testbed.engine, 'app', own, {})
  const { provider, made } = await createForeignKmsKey(testbed)
  await provider.importMaterial(HOME, made, 'aes256-gcm96', OWN)
  return made.id
}

afterEach(() => {
  jest.restoreAllMocks()
})

describe('material is overwritten', () => {
  it.each<
    readonly [
      string,
      (testbed: Testbed) => Promise<unknown>,
      (engine: Engine) => Promise<unknown>,
      number,
    ]
  >([
    [
      'that was made',
      () => Promise.resolve(),
      (engine) => saveKey(engine, 'app', { type: 'aes256-gcm96' }),
      1,
    ],
    [
      'that a rotation made and imported',
      ({ engine }) => distributed(engine),
      (engine) => rotateKey(engine, 'app'),
      2,
    ],
    [
      'that was distributed',
      ({ engine }) => saveKey(engine, 'app', { type: 'aes256-gcm96' }),
      (engine) => distribute(engine, 'k', 'app', AES),
      1,
    ],
    ["of one's own", () => Promise.resolve(), (engine) => importKey(engine, 'app', own, {}), 1],
    [
      'that was compared',
      ({ engine }) => saveKey(engine, 'app', { type: 'aes256-gcm96' }),
      (engine) => importVersion(engine, 'app', own),
      1,
    ],
    [
      'that was verified',
      ({ engine }) => distributed(engine),
      (engine) => verifyDistribution(engine, 'k', 'app', true),
      1,
    ],
  ])('%s', async (_name, prepare, step, count) => {
    const testbed = await createTestbed()
    await prepare(testbed)
    const { engine, seen } = witness(testbed)
    await step(engine)
    expect(seen).toHaveLength(count)
    for (const bytes of seen) expect(Buffer.from(bytes)).toEqual(Buffer.alloc(32))
  })

  it.each<
    readonly [string, Partial<KmsProvider>, (engine: Engine, id: string) => Promise<unknown>]
  >([
    ['that the KMS did not take', { importMaterial: fail }, (engine) => rotateKey(engine, 'app')],
    [
      'that could not be compared',
      { accepts: () => Promise.reject(new KeymgmtError('INTERRUPTED', 'interrupted')) },
      (engine) => verifyDistribution(engine, 'k', 'app', true),
    ],
    [
      'that was not proven',
      { accepts: () => Promise.resolve(undefined) },
      (engine, keyId) => adopt(engine, 'k', 'app', { kmsKeyId: keyId, version: 1 }),
    ],
  ])('%s', async (name, instead, step) => {
    const testbed = await createTestbed()
    const id = name.includes('proven') ? await createUnrecorded(testbed) : ''
    if (id === '') await distributed(testbed.engine)
    const { engine, seen } = witness(testbed, () => instead)
    await expect(step(engine, id)).rejects.toBeInstanceOf(KeymgmtError)
    expect(seen.length).toBeGreaterThan(0)
    for (const bytes of seen) expect(Buffer.from(bytes)).toEqual(Buffer.alloc(32))
  })

  it("that was recognised and exists already; the caller's input is not", async () => {
    const { engine } = await createTestbed()
    await importKey(engine, 'app', own, {})
    const wiped = watchWiping()
    const given = Uint8Array.from(OWN)
    await importKey(engine, 'app', { ...own, material: given }, {})
    jest.restoreAllMocks()
    expect(Buffer.from(given)).toEqual(OWN)
    // Stored material is compared by its fingerprint, so only the recognised copy is in memory.
    expect(wiped.filter((bytes) => bytes.equals(OWN)).length).toBeGreaterThanOrEqual(1)
  })
})
