import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { OPERATION_TAG, type KmsKey } from '../../../../src/kms/kms-key.js'
import type { KmsProvider } from '../../../../src/kms/provider.js'
import { FAMILIES, materialOf, nameOf, type Kind } from '../kinds.js'
import { opens, prove, seal } from '../proofs.js'
import { clientAt, providerAt, RUN_TAG, type Site } from '../site.js'
import { once, type Check, type Group } from '../suite.js'

/** One KMS key of a kind, on its way through the checks. */
interface Subject {
  readonly provider: KmsProvider
  readonly key: KmsKey
  readonly operation: string
  readonly begun: Date
}

/** Creates a KMS key of the kind, without material. */
export async function makeEmpty(site: Site, kind: Kind, multiRegion = false): Promise<Subject> {
  const provider = await providerAt(site)
  const [operation, begun] = [randomUUID(), new Date()]
  const tags = { [RUN_TAG]: site.runId, [OPERATION_TAG]: operation }
  const key = await provider.create({
    ...kind,
    multiRegion,
    description: `keymgmt conformance: ${nameOf(kind)}`,
    tags,
  })
  return { provider, key, operation, begun }
}

/**
 * Every method of a provider that concerns one KMS key in one Region, in the order of that KMS
 * key's life. One kind of each family goes through the whole life.
 */
export function typeGroup(kind: Kind): Group {
  return {
    name: `contract, ${nameOf(kind)}`,
    kmsKeys: 1,
    checks: (site) => {
      const subject = once(() => makeEmpty(site, kind))
      const taking = [...emptyChecks(kind, subject, site), ...filledChecks(kind, subject, site)]
      return FAMILIES.includes(kind)
        ? [...taking, ...lifeChecks(kind, subject, site), ...otherMaterialChecks(kind, subject)]
        : taking
    },
  }
}

type Given = () => Promise<Subject>

async function stateOf({ provider, key }: Subject) {
  return (await provider.inspect(provider.region, key))?.state
}

function emptyChecks(kind: Kind, subject: Given, site: Site): Check[] {
  return [
    {
      name: 'create makes an empty KMS key of that type',
      run: async () => {
        const { provider, key } = await subject()
        const status = await provider.inspect(provider.region, key)
        assert.deepEqual(status, {
          ...status,
          key,
          state: 'pending-import',
          external: true,
          kind,
          multiRegion: undefined,
          expires: undefined,
          deletionDate: undefined,
        })
      },
    },
    {
      name: 'findByOperation finds it',
      run: async () => {
        const { provider, key, operation, begun } = await subject()
        assert.deepEqual(
          [...(await provider.findByOperation(new Set([operation]), begun))],
          [[operation, key]],
        )
      },
    },
    {
      name: 'tag adds and replaces what tagsOf tells',
      run: async () => {
        const { provider, key, operation } = await subject()
        await provider.tag(provider.region, key, { [OPERATION_TAG]: 'replaced', added: 'too' })
        const tags = { [RUN_TAG]: site.runId, [OPERATION_TAG]: 'replaced', added: 'too' }
        assert.deepEqual(await provider.tagsOf(provider.region, key), tags)
        await provider.tag(provider.region, key, { [OPERATION_TAG]: operation })
      },
    },
  ]
}

function filledChecks(kind: Kind, subject: Given, site: Site): Check[] {
  const isSymmetric = kind.type === 'aes256-gcm96'
  return [
    {
      name: 'importMaterial fills and enables it',
      run: async () => {
        const { provider, key } = await subject()
        const { materialId } = await provider.importMaterial(
          provider.region,
          key,
          kind.type,
          await materialOf(kind.type, 'ours'),
        )
        const status = await provider.inspect(provider.region, key)
        assert.deepEqual(status, {
          ...status,
          state: 'enabled',
          expires: undefined,
          ...(isSymmetric && { materialId }),
        })
        if (isSymmetric) assert.match(materialId ?? '', /^[0-9a-f]{64}$/)
      },
    },
    {
      name: 'holds knows our material, as far as the type shows it',
      run: async () => {
        const { provider, key } = await subject()
        assert.equal(
          await provider.holds(
            provider.region,
            key,
            kind.type,
            await materialOf(kind.type, 'ours'),
          ),
          isSymmetric ? undefined : true,
        )
      },
    },
    {
      name: 'holds knows other material, as far as the type shows it',
      run: async () => {
        const { provider, key } = await subject()
        assert.equal(
          await provider.holds(
            provider.region,
            key,
            kind.type,
            await materialOf(kind.type, 'other'),
          ),
          isSymmetric ? undefined : false,
        )
      },
    },
    {
      name: 'it computes with our material',
      run: async () => {
        const { provider, key } = await subject()
        await prove(
          clientAt(site, provider.region),
          key.id,
          kind,
          await materialOf(kind.type, 'ours'),
        )
      },
    },
    {
      name: 'accepts takes the same material again',
      run: async () => {
        const { provider, key } = await subject()
        const ours = await materialOf(kind.type, 'ours')
        const accepted = await provider.accepts(provider.region, key, kind.type, ours)
        assert.equal(accepted !== undefined, true)
      },
    },
  ]
}

function lifeChecks(kind: Kind, subject: Given, site: Site): Check[] {
  const twice = (name: 'enable' | 'disable' | 'deleteMaterial', expected: string): Check => ({
    name: `${name}, and once more`,
    run: async () => {
      const { provider, key } = await subject()
      await provider[name](provider.region, key)
      await provider[name](provider.region, key)
      assert.equal(await stateOf(await subject()), expected)
    },
  })
  return [
    twice('disable', 'disabled'),
    twice('enable', 'enabled'),
    {
      name: 'deleteMaterial, then importMaterial: it computes as before',
      run: async () => {
        const { provider, key } = await subject()
        const client = clientAt(site, provider.region)
        const material = await materialOf(kind.type, 'ours')
        const sealed = kind.type === 'aes256-gcm96' ? await seal(client, key.id) : undefined
        await provider.deleteMaterial(provider.region, key)
        await provider.importMaterial(provider.region, key, kind.type, material)
        assert.equal(await stateOf(await subject()), 'enabled')
        await prove(client, key.id, kind, material)
        if (sealed) await opens(client, sealed)
      },
    },
    {
      name: 'scheduleDeletion, and once more',
      run: async () => {
        const { provider, key } = await subject()
        const date = await provider.scheduleDeletion(provider.region, key, 7)
        await provider.scheduleDeletion(provider.region, key, 7)
        assert.equal(await stateOf(await subject()), 'pending-deletion')
        assert.equal(Math.round(((date?.getTime() ?? 0) - Date.now()) / 86_400_000), 7)
      },
    },
    {
      name: 'cancelDeletion, and once more',
      run: async () => {
        const { provider, key } = await subject()
        await provider.cancelDeletion(provider.region, key)
        await provider.cancelDeletion(provider.region, key)
        assert.equal(await stateOf(await subject()), 'disabled')
      },
    },
    twice('deleteMaterial', 'pending-import'),
  ]
}

/** Last, because a KMS key that accepts other material keeps it. */
function otherMaterialChecks({ type }: Kind, subject: Given): Check[] {
  const refuses = async () => {
    const { provider, key } = await subject()
    const other = await materialOf(type, 'other')
    const accepted = await provider.accepts(provider.region, key, type, other)
    assert.equal(accepted !== undefined, false)
  }
  return [
    { name: 'accepts refuses other material while it has none', run: refuses },
    {
      name: 'accepts refuses other material while it has ours',
      run: async () => {
        const { provider, key } = await subject()
        await provider.importMaterial(provider.region, key, type, await materialOf(type, 'ours'))
        await refuses()
      },
    },
  ]
}
