import { describe, expect, it } from '@jest/globals'
import { servesNewest, versionsBehind } from '../../../src/core/reconcile/behind.js'
import { plan, type Step } from '../../../src/core/reconcile/plan.js'
import type {
  AliasEntry,
  CreatedKmsKey,
  DistributionRecord,
  KeyRecord,
  KeyVersion,
  MaterialEntry,
} from '../../../src/core/records/model.js'

const STORED: KeyVersion = { creationTime: '', material: { state: 'stored', fingerprint: 'f' } }
const MISSING: KeyVersion = { creationTime: '', material: { state: 'not-in-store' } }
const key: KeyRecord = {
  id: 'id',
  name: 'app',
  type: 'aes256-gcm96',
  replicaRegions: ['r2', 'r3'],
  deletionAllowed: false,
  minEnabledVersion: 1,
  latestVersion: 3,
  versions: { 1: STORED, 2: STORED, 3: STORED, 4: STORED },
}
const distribution: DistributionRecord = {
  name: 'app-1',
  keyId: 'id',
  distributionTime: '',
  purpose: ['decrypt', 'encrypt'],
  protection: 'hsm',
  rotation: 'in_place',
  regions: ['r1'],
  state: 'active',
  kmsKeys: [],
  aliases: [],
}

/** Material that the KMS key has and has been rotated to. */
const material = (version: number, change: Partial<MaterialEntry> = {}): MaterialEntry => ({
  version,
  fingerprint: 'f',
  imported: true,
  materialId: `m${version}`,
  ...change,
})
const kmsKey = (
  materials: readonly MaterialEntry[],
  region = 'r1',
  change: Partial<CreatedKmsKey> = {},
): CreatedKmsKey => ({
  version: materials[0]?.version ?? 1,
  region,
  state: 'created',
  key: { id: 'k', arn: 'a' },
  operationId: 'o',
  materials,
  enabled: true,
  ...change,
})
const versions = (...numbers: readonly number[]) => numbers.map((number) => material(number))
const pending = (version: number, change: Partial<MaterialEntry> = {}) =>
  material(version, { pending: true, ...change })
const name = 'alias/hashicorp/app-1'
const named = (...regions: readonly string[]): AliasEntry[] =>
  regions.map((region) => ({ region, name, state: 'set', version: 1 }))

const inWords = (step: Step) =>
  'version' in step
    ? `${step.action} ${step.version} ${step.region}`
    : `${step.action} ${step.alias} ${step.region}`
const planned = (change: Partial<DistributionRecord>, of = key) =>
  plan(of, { ...distribution, ...change }).map((stage) => stage.map((chain) => chain.map(inWords)))

describe('the plan of an active distribution with rotation in place', () => {
  it('creates one KMS key, imports the oldest version and rotates to each later one', () => {
    expect(planned({})).toEqual([
      [['create 1 r1', 'import 1 r1', 'import 2 r1', 'rotate 2 r1', 'import 3 r1', 'rotate 3 r1']],
      [['point-alias 1 r1']],
    ])
  })

  it('starts with the oldest enabled version, and keeps to it once the KMS key exists', () => {
    const some = { ...key, minEnabledVersion: 2 }
    expect(planned({}, some)).toEqual([
      [['create 2 r1', 'import 2 r1', 'import 3 r1', 'rotate 3 r1']],
      [['point-alias 2 r1']],
    ])
    const kmsKeys = [kmsKey(versions(1, 2, 3))]
    expect(planned({ kmsKeys, aliases: named('r1') }, some)).toEqual([])
  })

  it('is empty if nothing is left to do', () => {
    expect(planned({ kmsKeys: [kmsKey(versions(1, 2, 3))], aliases: named('r1') })).toEqual([])
  })

  it.each([
    ['its creation', [], ['import 1 r1', 'import 2 r1', 'rotate 2 r1']],
    ['an import', [material(1)], ['import 2 r1', 'rotate 2 r1']],
    [
      'an import without a reply',
      [material(1), pending(2, { imported: false, operationId: 'o' })],
      ['import 2 r1', 'rotate 2 r1'],
    ],
    ['the import of pending material', [material(1), pending(2)], ['rotate 2 r1']],
  ])('continues after %s', (_what, materials, steps) => {
    const begun = materials.length > 0 ? materials : [{ ...material(1), imported: false }]
    const [first] = begun.map((each) => (materials.length > 0 ? each : unassociated(each)))
    const kmsKeys = [kmsKey(first ? [first, ...begun.slice(1)] : [])]
    expect(planned({ kmsKeys, aliases: named('r1') }, { ...key, latestVersion: 2 })).toEqual([
      [steps],
    ])
  })

  it('rotates to a pending version in every Region: the primary first, then the replicas', () => {
    const regions = ['r1', 'r2', 'r3']
    const kmsKeys = regions.map((region) => kmsKey(versions(1, 2, 3), region))
    const rotated = { ...key, pendingVersion: 4 }
    expect(planned({ regions, kmsKeys, aliases: named(...regions) }, rotated)).toEqual([
      [['import 4 r1', 'import 4 r2', 'import 4 r3', 'rotate 4 r1']],
    ])
    const begun = [
      kmsKey([...versions(1, 2, 3), pending(4)]),
      kmsKey([...versions(1, 2, 3), pending(4)], 'r2'),
      kmsKey(versions(1, 2, 3), 'r3'),
    ]
    expect(planned({ regions, kmsKeys: begun, aliases: named(...regions) }, rotated)).toEqual([
      [['import 4 r3', 'rotate 4 r1']],
    ])
  })

  it('rotates in the Region to which somebody moved the primary', () => {
    const regions = ['r1', 'r2']
    const kmsKeys = regions.map((region) => kmsKey(versions(1, 2), region))
    const moved = { regions, kmsKeys, aliases: named(...regions), primaryRegions: { 1: 'r2' } }
    expect(planned(moved)).toEqual([[['import 3 r2', 'import 3 r1', 'rotate 3 r2']]])
  })

  it('moves the primary to the Region that the user chose, unless material is pending', () => {
    const regions = ['r1', 'r2']
    const record = { regions, aliases: named(...regions), primaryRegion: 'r2' }
    const kmsKeys = regions.map((region) => kmsKey(versions(1, 2, 3), region))
    expect(planned({ ...record, kmsKeys })).toEqual([[['move-primary 1 r1']]])
    expect(planned({ ...record, kmsKeys, primaryRegions: { 1: 'r2' } })).toEqual([])
    const waiting = regions.map((region) => kmsKey([...versions(1, 2, 3), pending(4)], region))
    expect(planned({ ...record, kmsKeys: waiting }, { ...key, pendingVersion: 4 })).toEqual([
      [['rotate 4 r1']],
    ])
  })

  it('gives a new replica every material of its primary, after the rotations', () => {
    const kmsKeys = [kmsKey(versions(1, 2))]
    expect(planned({ regions: ['r1', 'r2'], kmsKeys, aliases: named('r1') })).toEqual([
      [['import 3 r1', 'rotate 3 r1']],
      [['replicate 1 r2', 'import 1 r2', 'import 2 r2']],
      [['point-alias 1 r2']],
    ])
  })

  it('brings back each missing material, and then enables', () => {
    const missing = { imported: false }
    const kmsKeys = [kmsKey([material(1, missing), material(2), material(3, missing)])]
    expect(planned({ kmsKeys, aliases: named('r1') })).toEqual([[['import 1 r1', 'import 3 r1']]])
    const filled = [kmsKey(versions(1, 2, 3), 'r1', { enabled: false })]
    expect(planned({ kmsKeys: filled, aliases: named('r1') })).toEqual([[['enable 1 r1']]])
  })

  it('never disables, for any min_enabled_version', () => {
    const kmsKeys = [kmsKey(versions(1, 2, 3))]
    const aliases = named('r1')
    expect(planned({ kmsKeys, aliases }, { ...key, minEnabledVersion: 3 })).toEqual([])
  })

  it('leaves out versions whose material is not in this store', () => {
    const some = { ...key, versions: { 1: MISSING, 2: STORED, 3: MISSING } }
    expect(planned({}, some)).toEqual([[['create 2 r1', 'import 2 r1']], [['point-alias 2 r1']]])
    expect(planned({}, { ...key, versions: { 1: MISSING, 2: MISSING, 3: MISSING } })).toEqual([])
  })

  it('has no step for a lost primary', () => {
    const entry = { ...kmsKey(versions(1, 2)), state: 'lost' } as const
    expect(planned({ regions: ['r1', 'r2'], kmsKeys: [entry], aliases: named('r1') })).toEqual([])
  })

  it('points the alias to the KMS key once, and never moves it', () => {
    const kmsKeys = [kmsKey(versions(1, 2, 3))]
    expect(planned({ kmsKeys })).toEqual([[['point-alias 1 r1']]])
    const rotated = planned({ kmsKeys, aliases: named('r1') }, { ...key, pendingVersion: 4 })
    expect(rotated).toEqual([[['import 4 r1', 'rotate 4 r1']]])
  })

  it('lacks a version until the KMS key is rotated to it', () => {
    const rotated = { ...key, latestVersion: 2, pendingVersion: 3 }
    const at = (...materials: readonly MaterialEntry[]) => {
      const record = { ...distribution, kmsKeys: [kmsKey(materials)], aliases: named('r1') }
      return [versionsBehind(rotated, record), servesNewest(rotated, record)]
    }
    expect(at(...versions(1, 2))).toEqual([[3], false])
    expect(at(...versions(1, 2), pending(3))).toEqual([[3], false])
    expect(at(...versions(1, 2, 3))).toEqual([[], true])
  })
})

describe('the plan of a revoked distribution with rotation in place', () => {
  it('deletes pending material in the primary first, then all other material', () => {
    const materials = [...versions(1, 2), pending(3)]
    const kmsKeys = [kmsKey(materials), kmsKey(materials, 'r2')]
    expect(planned({ state: 'revoked', regions: ['r1', 'r2'], kmsKeys })).toEqual([
      [['delete-material 3 r1']],
      [
        ['delete-material 1 r1', 'delete-material 2 r1'],
        ['delete-material 1 r2', 'delete-material 2 r2'],
      ],
    ])
  })

  it('also deletes material whose import has no reply on record', () => {
    const lost = { imported: false, operationId: 'o' }
    const kmsKeys = [kmsKey([material(1, { imported: false }), pending(2, lost)])]
    expect(planned({ state: 'revoked', kmsKeys })).toEqual([[['delete-material 2 r1']]])
    const first = [kmsKey([unassociated(material(1, lost))])]
    expect(planned({ state: 'revoked', kmsKeys: first })).toEqual([[['delete-material 1 r1']]])
  })
})

describe('the plan of a removed distribution with rotation in place', () => {
  it('removes the alias, and schedules the replica before the primary', () => {
    const kmsKeys = [kmsKey(versions(1, 2)), kmsKey(versions(1, 2), 'r2')]
    const regions = ['r1', 'r2']
    expect(planned({ state: 'removed', regions, kmsKeys, aliases: named('r1') })).toEqual([
      [[`remove-alias ${name} r1`]],
      [['schedule-deletion 1 r2']],
      [['schedule-deletion 1 r1']],
    ])
  })
})

/** Material that AWS has given no id. */
function unassociated({ version, operationId }: MaterialEntry): MaterialEntry {
  return { version, imported: false, ...(operationId !== undefined && { operationId }) }
}
