import assert from 'node:assert/strict'
import { OPERATION_TAG } from '../../../../src/kms/kms-key.js'
import { materialOf, nameOf, type Kind } from '../kinds.js'
import { opens, prove, seal } from '../proofs.js'
import { clientAt, RUN_TAG, type Site } from '../site.js'
import { once, type Check, type Group } from '../suite.js'
import { makeEmpty } from './type.js'

/** A multi-Region KMS key, and its replica in another Region. */
export function replicaGroup(kind: Kind): Group {
  return {
    name: `contract, multi-Region ${kind.type}`,
    kmsKeys: 2,
    checks: (site) => {
      const primary = once(() => makeEmpty(site, kind, true))
      return [
        ...placeChecks(kind, primary, site),
        ...materialChecks(kind, primary, site),
        ...lifeChecks(primary, site),
      ]
    },
  }
}

type Given = () => ReturnType<typeof makeEmpty>

function placeChecks(kind: Kind, primary: Given, site: Site): Check[] {
  const [region, elsewhere] = site.replicas
  const tags = { [RUN_TAG]: site.runId, [OPERATION_TAG]: 'replica' }
  const replicate = async () => {
    const { provider, key } = await primary()
    const { key: replica } = await provider.replicate(key, region, {
      ...kind,
      multiRegion: true,
      description: `keymgmt conformance: ${nameOf(kind)}`,
      tags,
    })
    await provider.awaitReplica(region, replica)
    return replica
  }
  return [
    {
      name: 'create makes a primary',
      run: async () => {
        const { provider, key } = await primary()
        assert.match(key.id, /^mrk-[0-9a-f]{32}$/)
        assert.deepEqual((await provider.inspect(site.home, key))?.multiRegion, {
          primary: site.home,
          regions: [site.home],
        })
        await provider.importMaterial(
          site.home,
          key,
          kind.type,
          await materialOf(kind.type, 'ours'),
        )
      },
    },
    {
      name: 'replicate makes a KMS key of the same id',
      run: async () => {
        const replica = await replicate()
        assert.equal(replica.id, (await primary()).key.id)
        assert.ok(replica.arn.includes(`:${region}:`), replica.arn)
      },
    },
    {
      name: 'the replica has tags of its own',
      run: async () => {
        const { provider, key } = await primary()
        assert.deepEqual(await provider.tagsOf(region, key), tags)
      },
    },
    {
      name: 'the replica is empty',
      run: async () => {
        const { provider, key } = await primary()
        const status = await provider.inspect(region, key)
        assert.deepEqual(status, {
          ...status,
          state: 'pending-import',
          external: true,
          kind,
          multiRegion: { primary: site.home, regions: [site.home, region] },
        })
      },
    },
    {
      name: 'replicate, once more',
      run: async () => {
        assert.equal((await replicate()).id, (await primary()).key.id)
      },
    },
    {
      name: 'findReplica finds it there, and nowhere else',
      run: async () => {
        const { provider, key } = await primary()
        const longAgo = new Date(0)
        assert.equal((await provider.findReplica(key, region, longAgo))?.id, key.id)
        assert.equal(await provider.findReplica(key, elsewhere, longAgo), undefined)
      },
    },
  ]
}

function materialChecks(kind: Kind, primary: Given, site: Site): Check[] {
  const [region] = site.replicas
  return [
    {
      name: 'the replica takes the same material, and computes as the primary does',
      run: async () => {
        const { provider, key } = await primary()
        const material = await materialOf(kind.type, 'ours')
        await provider.importMaterial(region, key, kind.type, material)
        assert.equal((await provider.inspect(region, key))?.state, 'enabled')
        await prove(clientAt(site, region), key.id, kind, material)
        if (kind.type !== 'aes256-gcm96') return
        const openedBy = await opens(
          clientAt(site, region),
          await seal(clientAt(site, site.home), key.id),
        )
        assert.ok(openedBy.includes(`:${region}:`), openedBy)
      },
    },
    {
      name: 'the replica refuses other material',
      run: async () => {
        const { provider, key } = await primary()
        await provider.deleteMaterial(region, key)
        const other = await materialOf(kind.type, 'other')
        const accepted = await provider.accepts(region, key, kind.type, other)
        assert.equal(accepted !== undefined, false)
      },
    },
  ]
}

function lifeChecks(primary: Given, site: Site): Check[] {
  const [region] = site.replicas
  return [
    {
      name: 'disable concerns one Region',
      run: async () => {
        const { provider, key } = await primary()
        await provider.disable(site.home, key)
        assert.equal((await provider.inspect(site.home, key))?.state, 'disabled')
        assert.notEqual((await provider.inspect(region, key))?.state, 'disabled')
      },
    },
    {
      name: 'scheduleDeletion of the primary waits for its replica',
      run: async () => {
        const { provider, key } = await primary()
        assert.equal(await provider.scheduleDeletion(site.home, key, 7), undefined)
        const status = await provider.inspect(site.home, key)
        assert.deepEqual(status, { ...status, state: 'pending-deletion', deletionDate: undefined })
        await provider.cancelDeletion(site.home, key)
        assert.equal((await provider.inspect(site.home, key))?.state, 'disabled')
      },
    },
  ]
}
