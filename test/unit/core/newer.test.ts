import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import type { Engine } from '../../../src/core/engine.js'
import { distribute } from '../../../src/core/operations/distribute.js'
import { importVersion } from '../../../src/core/operations/import.js'
import { findOrphans } from '../../../src/core/operations/orphans.js'
import { removeDistribution, revokeDistribution } from '../../../src/core/operations/remove.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { recordNewerVersions } from '../../../src/core/operations/snapshot-newer.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { recordPath } from '../../../src/core/records/model.js'
import { readDistribution } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import {
  AES,
  createDistributed,
  createTestbed,
  HOME,
  recorded,
  refusal,
  type Testbed,
} from './testbed.js'

const RECORDS = [recordPath.key('app'), recordPath.distribution('k', 'app')]

/** An older copy of the store: AWS has version 2, and the copy has version 1 only. */
async function createOlderCopy(): Promise<Testbed> {
  const testbed = await createDistributed()
  await returnToCopy(testbed, () => rotateKey(testbed.engine, 'app'))
  return testbed
}

/** Runs `command`, and puts the records back that were there before. */
async function returnToCopy({ store }: Testbed, command: () => Promise<unknown>): Promise<void> {
  const copy = await Promise.all(RECORDS.map((path) => store.get(path)))
  await command()
  for (const [index, path] of RECORDS.entries()) {
    const newer = await store.get(path)
    const older = copy[index]
    if (newer && older) await store.put(path, older.value, newer.revision)
  }
}

const own = { material: randomBytes(32), type: 'aes256-gcm96' } as const

describe('an older copy of the store', () => {
  it.each<readonly [string, (engine: Engine) => Promise<unknown>]>([
    ['rotate', (engine) => rotateKey(engine, 'app')],
    ['import_version', (engine) => importVersion(engine, 'app', own)],
    ['repair', (engine) => repairDistribution(engine, 'k', 'app')],
  ])('is refused by %s before anything changes', async (_name, command) => {
    const testbed = await createOlderCopy()
    testbed.kms.keys[0]?.tags.delete('managed-by')
    const { engine, calls, written } = recorded(testbed)
    const [code, message, ...hints] = await refusal(command(engine))
    expect([code, calls]).toEqual(['STORE_OUTDATED', []])
    expect(written.filter((path) => RECORDS.includes(path))).toEqual([])
    expect(message).toContain(
      `names KMS key ${testbed.kms.keys[1]?.key.id ?? ''}, version 2 of app`,
    )
    expect(hints.join()).toContain('operator snapshot restore')
  })

  it('is refused if the newer rotation has only created the alias of its version', async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    await distribute(testbed.engine, 'k', 'app', { ...AES, versionAliases: true })
    const { name } = (await readDistribution(testbed.engine, 'k', 'app')) ?? {}
    await returnToCopy(testbed, () => rotateKey(testbed.engine, 'app'))
    testbed.kms.aliases.set(
      `${HOME} alias/hashicorp/${name ?? ''}`,
      testbed.kms.keys[0]?.key.id ?? '',
    )
    const { engine, calls } = recorded(testbed)
    const [code, message] = await refusal(rotateKey(engine, 'app'))
    expect([code, calls]).toEqual(['STORE_OUTDATED', []])
    expect(message).toContain(`alias/hashicorp/${name ?? ''}/v2 in ${HOME} names KMS key`)
    const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
    expect(differences).toMatchObject([
      { what: 'alias', version: 2, repairable: false, expected: 'names a KMS key on record' },
    ])
    expect(await recordNewerVersions(testbed.engine, 'app')).toMatchObject([{ version: 2 }])
    await repairDistribution(testbed.engine, 'k', 'app')
    expect(await verifyDistribution(testbed.engine, 'k', 'app', false)).toMatchObject({
      differences: [],
    })
  })

  it("is refused although the tags of the newer KMS key can\'t be read", async () => {
    const testbed = await createOlderCopy()
    const blind = recorded(testbed, () => ({
      tagsOf: () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied')),
    }))
    expect((await refusal(rotateKey(blind.engine, 'app')))[0]).toBe('STORE_OUTDATED')
    expect(blind.calls).toEqual([])
  })

  it('is refused by a removal, which would leave the newer KMS key behind', async () => {
    const testbed = await createOlderCopy()
    const { engine, calls } = recorded(testbed)
    const [code, , ...hints] = await refusal(removeDistribution(engine, 'k', 'app'))
    expect([code, calls]).toEqual(['STORE_OUTDATED', []])
    expect(hints.join()).toContain('operator snapshot restore')
    expect((await readDistribution(engine, 'k', 'app'))?.state).toBe('active')
  })

  it('names no command that deletes the newer KMS key, which is an orphan to it', async () => {
    const { engine, kms } = await createOlderCopy()
    const { orphans } = await findOrphans(engine, 'k')
    expect(orphans.map(({ kmsKeyId }) => kmsKeyId)).toEqual([kms.keys[1]?.key.id])
    expect(orphans[0]?.nextStep).toContain('snapshot restore')
    expect(orphans[0]?.nextStep).not.toContain('schedule-key-deletion')
  })

  it('is refused by a revocation, which would leave the newer KMS key usable', async () => {
    const testbed = await createOlderCopy()
    const { engine, calls } = recorded(testbed)
    const [code] = await refusal(revokeDistribution(engine, 'k', 'app'))
    expect([code, calls]).toEqual(['STORE_OUTDATED', []])
    expect((await readDistribution(engine, 'k', 'app'))?.state).toBe('active')
  })

  it('is refused when it finishes an earlier rotation', async () => {
    const testbed = await createOlderCopy()
    const { store } = testbed
    const path = recordPath.key('app')
    const stored = await store.get(path)
    const key = JSON.parse(Buffer.from(stored?.value ?? []).toString()) as object
    const pending = { ...key, pendingVersion: 2 }
    await store.put(path, Buffer.from(JSON.stringify(pending)), stored?.revision)
    const { engine, calls } = recorded(testbed)
    expect((await refusal(rotateKey(engine, 'app')))[0]).toBe('STORE_OUTDATED')
    expect(calls).toEqual([])
  })

  it('is reported by verify, and can be used once the newer version is recorded', async () => {
    const testbed = await createOlderCopy()
    const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
    expect(differences).toMatchObject([
      { what: 'alias', repairable: false, nextStep: expect.stringContaining('snapshot restore') },
    ])
    expect(await recordNewerVersions(testbed.engine, 'app')).toMatchObject([{ version: 2 }])
    await rotateKey(testbed.engine, 'app')
    expect(testbed.kms.keys.map(({ tags }) => tags.get('keymgmt:version'))).toEqual(['1', '2', '3'])
  })

  it('is not assumed if somebody moved the alias to an unrelated KMS key', async () => {
    const testbed = await createDistributed()
    for (const name of testbed.kms.aliases.keys()) testbed.kms.aliases.set(name, 'another')
    await repairDistribution(testbed.engine, 'k', 'app')
    expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toEqual([])
    await distribute(testbed.engine, 'k', 'app', AES)
  })
})
