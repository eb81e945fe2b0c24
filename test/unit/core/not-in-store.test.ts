import { describe, expect, it } from '@jest/globals'
import { distribute } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { restoreDistribution } from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { parseSnapshot, openSnapshot } from '../../../src/core/operations/snapshot-file.js'
import { recordNewerVersions } from '../../../src/core/operations/snapshot-newer.js'
import { restoreSnapshot } from '../../../src/core/operations/snapshot-restore.js'
import { saveSnapshot } from '../../../src/core/operations/snapshot-save.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { createRootKey, createSealHeader } from '../../../src/crypto/root-key.js'
import { createMemoryStore, type Store } from '../../../src/store/index.js'
import { AES, createTestbed, REVOKE, testbedOver, type Testbed } from './testbed.js'

const root = createRootKey()
const header = createSealHeader(root, [{ kind: 'keyfile', wrapped: 'AAAA' }])

async function restoreInto(store: Store, text: string): Promise<void> {
  await restoreSnapshot(store, openSnapshot(parseSnapshot(Buffer.from(text), 'the file'), root), {
    force: false,
    begin: () => Promise.resolve(),
    saveFirst: () => Promise.resolve(),
  })
}

/** A store without the material of version 2, which it has found in the KMS. */
async function createWithoutMaterial(rotation: 'alias' | 'in_place'): Promise<Testbed> {
  const { engine, store, kms } = await createTestbed()
  await saveKey(engine, 'app', { type: 'aes256-gcm96' })
  await distribute(engine, 'k', 'app', { ...AES, rotation })
  const { text } = await saveSnapshot(store, header, root, new Date())
  await rotateKey(engine, 'app')
  const older = createMemoryStore()
  await restoreInto(older, text)
  // Tags contain the id of the store, which a restore to a sealed store keeps.
  const testbed = testbedOver({ ...older, id: () => store.id() }, kms, kms.kind)
  await recordNewerVersions(testbed.engine, 'app')
  return testbed
}

/** Somebody deletes the material of version 2. */
function deleteMaterial({ kms }: Testbed): void {
  const material = kms.keys.at(-1)?.materials.at(-1)
  if (!material) throw new Error('no material')
  material.bytes = undefined
}

describe.each(['alias', 'in_place'] as const)(
  'material that is not in the store (%s)',
  (rotation) => {
    it('can not be repaired after somebody deleted it', async () => {
      const testbed = await createWithoutMaterial(rotation)
      expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toEqual([])
      deleteMaterial(testbed)
      const { remaining } = await repairDistribution(testbed.engine, 'k', 'app')
      expect(remaining).toContainEqual(
        expect.objectContaining({
          version: 2,
          repairable: false,
          nextStep: expect.stringContaining('the newest copy of the store') as unknown,
        }),
      )
      const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
      expect(differences).toEqual(remaining)
    })

    it('does not fail a revocation after somebody deleted it', async () => {
      const testbed = await createWithoutMaterial(rotation)
      deleteMaterial(testbed)
      await REVOKE(testbed.engine)
      expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toEqual([])
    })

    it('survives a revocation, after which no KMS key is usable', async () => {
      const testbed = await createWithoutMaterial(rotation)
      const { engine, kms } = testbed
      const states = async () => {
        const verification = await verifyDistribution(engine, 'k', 'app', false)
        expect(verification.differences).toEqual([])
        return verification.observation.kmsKeys.map(({ status }) => status?.state)
      }
      await REVOKE(engine)
      const newest = kms.keys.at(-1)
      if (!newest) throw new Error('no KMS key')
      expect(newest.materials.at(-1)?.bytes).toBeDefined()
      expect(await states()).toEqual(
        rotation === 'alias' ? ['pending-import', 'disabled'] : ['pending-import'],
      )
      newest.enabled = true
      await repairDistribution(engine, 'k', 'app')
      await REVOKE(engine)
      await states()
      await restoreDistribution(engine, 'k', 'app')
      expect(await states()).toEqual(rotation === 'alias' ? ['enabled', 'enabled'] : ['enabled'])
    })
  },
)
