import { beforeEach, describe, expect, it } from '@jest/globals'
import { replicate } from '../../../src/core/operations/distribute.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { removeDistribution, revokeDistribution } from '../../../src/core/operations/remove.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { trimKey } from '../../../src/core/operations/trim.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import type { Engine } from '../../../src/core/engine.js'
import { KeymgmtError } from '../../../src/errors.js'
import type { KmsProvider } from '../../../src/kms/provider.js'
import {
  createDistributed,
  findProblems,
  GLOBAL,
  HOME,
  recorded,
  refusal,
  shown,
  type Testbed,
} from './testbed.js'

// A replica that is not on record: an older copy of the store lacks it, or somebody created it.

const [NEAR, OTHER] = ['us-east-1', 'sa-east-1']
const DELETE = 'aws kms schedule-key-deletion --region'

let testbed: Testbed
let provider: KmsProvider
beforeEach(async () => {
  testbed = await createDistributed(GLOBAL)
  provider = await testbed.kms.kind.open({ region: HOME, credentials: {} })
})

/** Replicates version 1 without keymgmt. Returns the id of the KMS key. */
async function replicateOutside(region: string): Promise<string> {
  const [primary] = testbed.kms.keys
  if (!primary) throw new Error('there is no KMS key')
  await provider.replicate(primary.key, region, { ...primary.request, tags: {} })
  return primary.key.id
}

const COMMANDS: readonly [string, (engine: Engine) => Promise<unknown>][] = [
  ['delete', (engine) => removeDistribution(engine, 'k', 'app')],
  ['revoke', (engine) => revokeDistribution(engine, 'k', 'app')],
  [
    'trim',
    async (engine) => {
      await rotateKey(engine, 'app')
      await saveKey(engine, 'app', { minEnabledVersion: 2 })
      await trimKey(engine, 'app', 2, { allowRecentUse: true })
    },
  ],
]

describe.each(COMMANDS)('%s', (_name, run) => {
  it('changes nothing while there is one, and names the next step', async () => {
    const id = await replicateOutside(NEAR)
    const [code, message, ...hints] = await refusal(run(testbed.engine))
    expect([code, message]).toEqual([
      'STORE_OUTDATED',
      `KMS key ${id} of app version 1 has a replica in ${NEAR} that this store does not know: AWS would keep it, and the material in it`,
    ])
    expect(hints).toEqual([
      'nothing was changed in AWS',
      `first take it into the distribution: keymgmt write keymgmt/kms/k/key/app/replicate regions=${NEAR}; or delete it: ${DELETE} ${NEAR} --key-id ${id}`,
    ])
    expect(shown(testbed).filter((line) => line.includes('pending'))).toEqual([])
  })

  it('ignores one that awaits its deletion', async () => {
    await replicateOutside(NEAR)
    for (const { key, region } of testbed.kms.keys.filter((each) => each.region === NEAR))
      await provider.scheduleDeletion(region, key, 7)
    await run(testbed.engine)
  })

  it('works if AWS denies the look', async () => {
    await replicateOutside(NEAR)
    const { engine } = recorded(testbed, () => ({
      inspect: () => Promise.reject(new KeymgmtError('KMS_ACCESS_DENIED', 'denied')),
    }))
    await run(engine)
  })
})

it('is reported by verify, with the way to take it into the distribution', async () => {
  const id = await replicateOutside(NEAR)
  const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
  expect(differences).toMatchObject([
    { what: 'multi-region', nextStep: expect.stringContaining(`/replicate regions=${NEAR}`) },
  ])
  await replicate(testbed.engine, 'k', 'app', [NEAR])
  expect(shown(testbed)).toContain(`app version 1 ${NEAR} enabled`)
  expect((await verifyDistribution(testbed.engine, 'k', 'app', false)).differences).toEqual([])
  await removeDistribution(testbed.engine, 'k', 'app')
  expect(await findProblems(testbed)).toEqual([])
  expect(id).toBe(testbed.kms.keys.at(-1)?.key.id)
})

it('is only to be deleted in a Region that is not one of the replica_regions', async () => {
  const id = await replicateOutside(OTHER)
  const { differences } = await verifyDistribution(testbed.engine, 'k', 'app', false)
  expect(differences).toMatchObject([
    { what: 'multi-region', nextStep: `delete it: ${DELETE} ${OTHER} --key-id ${id}` },
  ])
})
