import { expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import type { Engine } from '../../../src/core/engine.js'
import { importKey, importVersion } from '../../../src/core/operations/import.js'
import { deleteKey, saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { deleteProvider, saveProvider } from '../../../src/core/operations/providers.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { AES, createTestbed, recorded } from './testbed.js'

// A waiting command shows the purpose of the lock's holder, and every command releases its locks.

const material = randomBytes(32)

const COMMANDS: Readonly<
  Record<string, readonly [run: (engine: Engine) => Promise<unknown>, locks: readonly string[]]>
> = {
  'write a key': [(engine) => saveKey(engine, 'app', {}), ['key/app: write keymgmt/key/app']],
  rotate: [(engine) => rotateKey(engine, 'app'), ['key/app: rotate keymgmt/key/app']],
  import: [
    (engine) => importKey(engine, 'own', { material, type: 'aes256-gcm96' }, {}),
    ['key/own: write keymgmt/key/own/import'],
  ],
  'import a version': [
    (engine) => importVersion(engine, 'app', { material }),
    ['key/app: write keymgmt/key/app/import_version'],
  ],
  'delete a key': [(engine) => deleteKey(engine, 'app'), ['key/app: delete keymgmt/key/app']],
  'write a provider': [(engine) => saveProvider(engine, 'k', {}), ['kms/k: write keymgmt/kms/k']],
  'delete a provider': [(engine) => deleteProvider(engine, 'k'), ['kms/k: delete keymgmt/kms/k']],
  distribute: [
    (engine) => distribute(engine, 'k', 'app', AES),
    ['key/app: write keymgmt/kms/k/key/app', 'kms/k: write keymgmt/kms/k/key/app'],
  ],
  replicate: [
    (engine) => replicate(engine, 'k', 'app'),
    ['key/app: write keymgmt/kms/k/key/app/replicate'],
  ],
  adopt: [
    (engine) => adopt(engine, 'k', 'app', { kmsKeyId: 'id', version: 1 }),
    [
      'key/app: write keymgmt/kms/k/key/app/adopt',
      'kms/k: write keymgmt/kms/k/key/app/adopt',
      'adoption: write keymgmt/kms/k/key/app/adopt',
    ],
  ],
  revoke: [
    (engine) => revokeDistribution(engine, 'k', 'app'),
    ['key/app: write keymgmt/kms/k/key/app/revoke'],
  ],
  restore: [
    (engine) => restoreDistribution(engine, 'k', 'app'),
    ['key/app: write keymgmt/kms/k/key/app/restore'],
  ],
  remove: [
    (engine) => removeDistribution(engine, 'k', 'app'),
    ['key/app: delete keymgmt/kms/k/key/app'],
  ],
  // A read takes no lock, so that it works on a read-only store.
  verify: [(engine) => verifyDistribution(engine, 'k', 'app', true), []],
  repair: [
    (engine) => repairDistribution(engine, 'k', 'app'),
    ['key/app: write keymgmt/kms/k/key/app/repair'],
  ],
}

it.each(Object.entries(COMMANDS))('%s', async (_name, [run, locks]) => {
  const testbed = recorded(await createTestbed())
  await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
  testbed.locks.length = 0
  // Many of them are refused after they have taken the locks.
  const outcome = () =>
    run(testbed.engine).then(
      () => 'done',
      (error: unknown) => String(error),
    )
  const first = await outcome()
  expect(testbed.locks).toEqual(locks)
  // With a leftover lock, this would wait for ever.
  expect(typeof (await outcome())).toBe('string')
  expect(first).not.toContain('TypeError')
})
