import { describe, expect, it } from '@jest/globals'
import { lost, withImported } from '../../../src/core/records/kms-keys.js'
import { plan, planDropping, type Planner, type Step } from '../../../src/core/reconcile/plan.js'
import { skippedMoves, skippedReplicas } from '../../../src/core/reconcile/skipped.js'
import {
  without,
  type AliasEntry,
  type CreatedKmsKey,
  type DistributionRecord,
  type KeyRecord,
  type KeyVersion,
  type KmsKeyEntry,
} from '../../../src/core/records/model.js'

const STORED: KeyVersion = { creationTime: '', material: { state: 'stored', fingerprint: 'f' } }
const key: KeyRecord = {
  id: 'id',
  name: 'app',
  type: 'aes256-gcm96',
  replicaRegions: [],
  deletionAllowed: false,
  minEnabledVersion: 1,
  latestVersion: 1,
  versions: { 1: STORED, 2: STORED, 3: STORED },
}
const distribution: DistributionRecord = {
  name: 'app-1',
  keyId: 'id',
  distributionTime: '',
  purpose: ['decrypt', 'encrypt'],
  protection: 'hsm',
  regions: ['r1'],
  state: 'active',
  kmsKeys: [],
  aliases: [],
}

/** The KMS key of a version in a Region: with its material, and enabled. */
const kmsKey = (
  version: number,
  region = 'r1',
  change: Partial<CreatedKmsKey> = {},
): CreatedKmsKey => ({
  version,
  region,
  state: 'created',
  key: { id: 'k', arn: 'a' },
  operationId: 'o',
  materials: [{ version, fingerprint: 'f', imported: true }],
  enabled: true,
  ...change,
})
const empty = (version: number, region = 'r1') => withImported(kmsKey(version, region), false)
const creating = (version: number, region = 'r1'): KmsKeyEntry => ({
  version,
  region,
  state: 'creating',
  operationId: 'o',
  begun: '',
})
const name = 'alias/hashicorp/app-1'
const named = (version: number, ...regions: readonly string[]): AliasEntry[] =>
  regions.map((region) => ({ region, name, state: 'set', version }))

const inWords = (step: Step) =>
  'version' in step
    ? `${step.action} ${step.version} ${step.region}`
    : `${step.action} ${step.alias} ${step.region}`
const planned = (of: KeyRecord, change: Partial<DistributionRecord>, planOf: Planner = plan) =>
  planOf(of, { ...distribution, ...change }).map((stage) =>
    stage.map((chain) => chain.map(inWords)),
  )

describe('a custom alias', () => {
  const custom = 'alias/apps/app'
  const kmsKeys = [kmsKey(1), kmsKey(1, 'r2')]
  const record = { regions: ['r1', 'r2'], kmsKeys, aliases: named(1, 'r1', 'r2') }
  const set = (alias: string, region: string): AliasEntry => ({
    region,
    name: alias,
    state: 'set',
    version: 1,
  })

  it('is pointed to the latest version in every Region', () => {
    expect(plan(key, { ...distribution, ...record, customAlias: custom })).toEqual([
      ['r1', 'r2'].map((region) => [{ action: 'point-alias', version: 1, region, alias: custom }]),
    ])
  })

  it('takes the place of an earlier one', () => {
    const aliases = [...record.aliases, set('alias/apps/old', 'r1'), set(custom, 'r2')]
    expect(plan(key, { ...distribution, ...record, aliases, customAlias: custom })).toEqual([
      [
        [{ action: 'point-alias', version: 1, region: 'r1', alias: custom }],
        [{ action: 'remove-alias', region: 'r1', alias: 'alias/apps/old' }],
      ],
    ])
  })

  it('is removed with the setting', () => {
    const aliases = [...record.aliases, set(custom, 'r2')]
    expect(plan(key, { ...distribution, ...record, aliases })).toEqual([
      [[{ action: 'remove-alias', region: 'r2', alias: custom }]],
    ])
  })
})

describe('the plan of an active distribution', () => {
  it('renews stale material that the KMS keys have, the earliest expiry first', () => {
    const stale = (version: number, validTo?: string, change: Partial<CreatedKmsKey> = {}) =>
      kmsKey(version, 'r1', {
        materials: [
          { version, fingerprint: 'f', imported: true, stale: true, ...(validTo && { validTo }) },
        ],
        ...change,
      })
    const three = { ...key, latestVersion: 3 }
    const aliases = named(3, 'r1')
    const kmsKeys = [stale(1), stale(2, '2027-01-02'), stale(3, '2027-01-01')]
    expect(planned(three, { kmsKeys, aliases })).toEqual([
      [['renew 3 r1'], ['renew 2 r1'], ['renew 1 r1']],
    ])
    const others = [withImported(stale(1), false), lost(stale(2)), kmsKey(3)]
    expect(planned(three, { kmsKeys: others, aliases })).toEqual([[['import 1 r1']]])
    expect(planned(three, { kmsKeys, aliases, state: 'removed' }).flat(2)).not.toContain(
      'renew 1 r1',
    )
  })

  it('renews material before anything that AWS refuses while it is expired', () => {
    const expired = kmsKey(1, 'r1', {
      materials: [{ version: 1, fingerprint: 'f', imported: true, stale: true, validTo: '2020' }],
      enabled: false,
    })
    expect(planned(key, { regions: ['r1', 'r2'], kmsKeys: [expired] }).flat(2)).toEqual([
      'renew 1 r1',
      'enable 1 r1',
      'replicate 1 r2',
      'import 1 r2',
      'point-alias 1 r1',
      'point-alias 1 r2',
    ])
  })

  it('creates the KMS keys and imports material before an alias names one', () => {
    expect(planned({ ...key, latestVersion: 2 }, {})).toEqual([
      [
        ['create 1 r1', 'import 1 r1'],
        ['create 2 r1', 'import 2 r1'],
      ],
      [['point-alias 2 r1']],
    ])
  })

  it('has exactly the fields that each step needs', () => {
    expect(plan(key, distribution)).toEqual([
      [
        [
          { action: 'create', version: 1, region: 'r1' },
          { action: 'import', version: 1, region: 'r1' },
        ],
      ],
      [[{ action: 'point-alias', version: 1, region: 'r1', alias: name }]],
    ])
    const removed = plan(key, { ...distribution, state: 'removed', aliases: named(1, 'r1') })
    expect(removed).toEqual([[[{ action: 'remove-alias', region: 'r1', alias: name }]]])
  })

  it('is empty if nothing is left to do', () => {
    expect(planned(key, { kmsKeys: [kmsKey(1)], aliases: named(1, 'r1') })).toEqual([])
  })

  it('enables a KMS key with material that is not in this store', () => {
    const material = { state: 'not-in-store' } as const
    const unknown = { ...key, versions: { 1: { creationTime: '', material } } }
    const aliases = named(1, 'r1')
    const disabled = kmsKey(1, 'r1', { materials: [], enabled: false })
    expect(planned(unknown, { kmsKeys: [disabled], aliases })).toEqual([[['enable 1 r1']]])
    const unseen = without(kmsKey(1, 'r1', { materials: [] }), 'enabled')
    expect(planned(unknown, { kmsKeys: [unseen], aliases })).toEqual([])
  })

  it('continues after an interruption', () => {
    expect(planned(key, { kmsKeys: [empty(1)] })).toEqual([
      [['import 1 r1']],
      [['point-alias 1 r1']],
    ])
    expect(planned(key, { kmsKeys: [creating(1)], aliases: named(1, 'r1') })).toEqual([
      [['create 1 r1', 'import 1 r1']],
    ])
    const pending: AliasEntry = { region: 'r1', name, state: 'pending' }
    expect(planned(key, { kmsKeys: [kmsKey(1)], aliases: [pending] })).toEqual([
      [['point-alias 1 r1']],
    ])
  })

  it('points an alias back that was moved', () => {
    const moved: AliasEntry = { region: 'r1', name, state: 'moved' }
    expect(planned(key, { kmsKeys: [kmsKey(1)], aliases: [moved] })).toEqual([
      [['point-alias 1 r1']],
    ])
  })

  it('rotates to the pending version, and disables last', () => {
    const rotated = { ...key, pendingVersion: 2, minEnabledVersion: 2 }
    expect(planned(rotated, { kmsKeys: [kmsKey(1)], aliases: named(1, 'r1') })).toEqual([
      [['create 2 r1', 'import 2 r1']],
      [['point-alias 2 r1']],
      [['disable 1 r1']],
    ])
  })

  it('replicates a disabled version only after it is enabled', () => {
    const older = { ...key, latestVersion: 2, minEnabledVersion: 2 }
    const kmsKeys = [kmsKey(1, 'r1', { enabled: false }), kmsKey(2), kmsKey(2, 'r2')]
    const record = { regions: ['r1', 'r2'], kmsKeys, aliases: named(2, 'r1', 'r2') }
    expect(planned(older, record)).toEqual([])
    expect(skippedReplicas(older, { ...distribution, ...record })).toEqual([
      { version: 1, region: 'r2' },
    ])
    const enabled = { ...older, minEnabledVersion: 1 }
    expect(planned(enabled, record)).toEqual([
      [['enable 1 r1']],
      [['replicate 1 r2', 'import 1 r2']],
    ])
    expect(skippedReplicas(enabled, { ...distribution, ...record })).toEqual([])
  })

  it('schedules nothing in a dropped Region, except for the command that drops it', () => {
    const record = {
      regions: ['r1'],
      droppedRegions: ['r2'],
      kmsKeys: [kmsKey(1), kmsKey(1, 'r2')],
      aliases: named(1, 'r1', 'r2'),
    }
    expect(planned(key, record)).toEqual([])
    expect(planned(key, record, planDropping('r3', 7))).toEqual([])
    expect(planned(key, record, planDropping('r2', 7))).toEqual([
      [['remove-alias alias/hashicorp/app-1 r2']],
      [['schedule-deletion 1 r2']],
    ])
  })

  it('replicates from the Region to which somebody moved the primary', () => {
    const older = { ...key, latestVersion: 2, minEnabledVersion: 1 }
    const kmsKeys = [
      kmsKey(1, 'r1'),
      kmsKey(1, 'r2'),
      ...['r1', 'r2', 'r3'].map((region) => kmsKey(2, region)),
    ]
    const regions = ['r1', 'r2', 'r3']
    expect(
      planned(older, {
        regions,
        primaryRegions: { 1: 'r2' },
        kmsKeys,
        aliases: named(2, ...regions),
      }),
    ).toEqual([[['replicate 1 r3', 'import 1 r3']]])
  })

  describe('with a Region that the user chose for the primaries', () => {
    const regions = ['r1', 'r2']
    const all = (...versions: readonly number[]) =>
      versions.flatMap((version) => regions.map((region) => kmsKey(version, region)))
    const chosen = { regions, aliases: named(2, ...regions), primaryRegion: 'r2' }
    const second = { ...key, latestVersion: 2 }

    it('moves the primary of each version there, once', () => {
      const kmsKeys = all(1, 2)
      expect(plan(second, { ...distribution, ...chosen, kmsKeys })).toEqual([
        [1, 2].map((version) => [{ action: 'move-primary', version, region: 'r1', to: 'r2' }]),
      ])
      expect(planned(second, { ...chosen, kmsKeys, primaryRegions: { 1: 'r2' } })).toEqual([
        [['move-primary 2 r1']],
      ])
      expect(planned(second, { ...chosen, kmsKeys, primaryRegions: { 1: 'r2', 2: 'r2' } })).toEqual(
        [],
      )
    })

    it('moves it back to the Region of the provider', () => {
      const back = { ...chosen, primaryRegion: 'r1', primaryRegions: { 1: 'r2' } }
      expect(plan(second, { ...distribution, ...back, kmsKeys: all(1, 2) })).toEqual([
        [[{ action: 'move-primary', version: 1, region: 'r2', to: 'r1' }]],
      ])
    })

    it('moves the primary of a later version after its replication, before the aliases', () => {
      const record = { ...chosen, primaryRegions: { 1: 'r2', 2: 'r2' } }
      const rotated = { ...second, pendingVersion: 3 }
      expect(planned(rotated, { ...record, kmsKeys: all(1, 2) })).toEqual([
        [['create 3 r1', 'import 3 r1']],
        [['replicate 3 r2', 'import 3 r2']],
        [['point-alias 3 r1'], ['point-alias 3 r2']],
      ])
      expect(planned(rotated, { ...record, kmsKeys: all(1, 2, 3) })).toEqual([
        [['move-primary 3 r1']],
        [['point-alias 3 r1'], ['point-alias 3 r2']],
      ])
    })

    it('does not move one that somebody else moved after that', () => {
      const accepted = { ...chosen, kmsKeys: all(1, 2), acceptedPrimaries: [1] }
      expect(planned(second, accepted)).toEqual([[['move-primary 2 r1']]])
    })

    it('does not move a primary if the user chose no Region', () => {
      const record = { ...without({ ...distribution, ...chosen }, 'primaryRegion') }
      expect(
        planned(second, { ...record, kmsKeys: all(1, 2), primaryRegions: { 1: 'r2' } }),
      ).toEqual([])
    })

    it('skips a disabled version until it is enabled', () => {
      const disabled = (version: number) =>
        regions.map((region) => kmsKey(version, region, { enabled: false }))
      const kmsKeys = [...disabled(1), ...all(2)]
      const older = { ...second, minEnabledVersion: 2 }
      expect(planned(older, { ...chosen, kmsKeys })).toEqual([[['move-primary 2 r1']]])
      expect(skippedMoves(older, { ...distribution, ...chosen, kmsKeys })).toEqual([
        { action: 'move-primary', version: 1, region: 'r1', to: 'r2' },
      ])
      expect(planned(second, { ...chosen, kmsKeys })[0]).toEqual([['enable 1 r1'], ['enable 1 r2']])
      expect(skippedMoves(second, { ...distribution, ...chosen, kmsKeys })).toEqual([])
    })

    it.each<[string, KmsKeyEntry[]]>([
      ['no replica', []],
      ['a lost replica', [lost(kmsKey(1, 'r2'))]],
      ['a replica whose creation has no reply', [creating(1, 'r2')]],
      ['a replica without material', [empty(1, 'r2')]],
      ['a replica that is scheduled for deletion', [kmsKey(1, 'r2', { deletion: {} })]],
      ['a replica in an unknown state', [without(kmsKey(1, 'r2'), 'enabled')]],
    ])('does not move a primary with %s', (_what, replicas) => {
      const record = { ...chosen, kmsKeys: [kmsKey(1), ...replicas] }
      expect(planned(key, record).flat(2)).not.toContain('move-primary 1 r1')
    })
  })

  it('replicates an enabled version directly, including one that is still to be created', () => {
    const regions = ['r1', 'r2']
    const aliases = named(1, ...regions)
    expect(planned(key, { regions, kmsKeys: [kmsKey(1)], aliases })).toEqual([
      [['replicate 1 r2', 'import 1 r2']],
    ])
    expect(planned(key, { regions, kmsKeys: [creating(1)], aliases })).toEqual([
      [['create 1 r1', 'import 1 r1']],
      [['replicate 1 r2', 'import 1 r2']],
    ])
  })

  it('reverses a removal: only the next plan enables, because AWS leaves the KMS keys disabled', () => {
    const unknown = without(kmsKey(1), 'enabled')
    const scheduled = { ...unknown, deletion: {} }
    expect(planned(key, { kmsKeys: [scheduled] })[0]).toEqual([['cancel-deletion 1 r1']])
    expect(planned(key, { kmsKeys: [unknown], aliases: named(1, 'r1') })).toEqual([
      [['enable 1 r1']],
    ])
    expect(
      planned(
        { ...key, latestVersion: 2, minEnabledVersion: 2 },
        { kmsKeys: [unknown, kmsKey(2)], aliases: named(2, 'r1') },
      ),
    ).toEqual([[['disable 1 r1']]])
  })

  it('imports before it enables', () => {
    const unknown = without(empty(1), 'enabled')
    expect(planned(key, { kmsKeys: [unknown], aliases: named(1, 'r1') })).toEqual([
      [['import 1 r1']],
    ])
  })

  it('imports if one of several materials is missing, or all are', () => {
    const half = kmsKey(1, 'r1', {
      materials: [
        { version: 1, fingerprint: 'f', imported: true },
        { version: 2, fingerprint: 'g', imported: false },
      ],
    })
    for (const entry of [half, kmsKey(1, 'r1', { materials: [] })])
      expect(planned(key, { kmsKeys: [entry], aliases: named(1, 'r1') })).toEqual([
        [['import 1 r1']],
      ])
  })

  it('neither creates nor imports a version whose material is not in this store', () => {
    const versions = { 1: { ...STORED, material: { state: 'not-in-store' } }, 2: STORED } as const
    expect(planned({ ...key, latestVersion: 2, versions }, { aliases: named(2, 'r1') })).toEqual([
      [['create 2 r1', 'import 2 r1']],
    ])
    const found = kmsKey(1, 'r1', { materials: [] })
    expect(
      planned(
        { ...key, latestVersion: 2, versions },
        { kmsKeys: [found, kmsKey(2)], aliases: named(2, 'r1') },
      ),
    ).toEqual([])
  })

  it('tags a KMS key that has lost its tags', () => {
    const untagged = kmsKey(1, 'r1', { staleSettings: ['tags'] })
    expect(planned(key, { kmsKeys: [untagged], aliases: named(1, 'r1') })).toEqual([[['tag 1 r1']]])
  })
})

describe('the plan of a revoked distribution', () => {
  const revoked = { state: 'revoked', aliases: named(1, 'r1') } as const

  it('deletes the material, and does nothing else', () => {
    expect(
      planned({ ...key, latestVersion: 3 }, { ...revoked, kmsKeys: [kmsKey(1), empty(2)] }),
    ).toEqual([[['delete-material 1 r1']]])
  })

  it('cancels a deletion, deletes the material and tags, in this order', () => {
    const scheduled = kmsKey(1, 'r1', { deletion: {}, staleSettings: ['tags'] })
    expect(planned(key, { ...revoked, kmsKeys: [scheduled] })).toEqual([
      [['cancel-deletion 1 r1']],
      [['delete-material 1 r1']],
      [['tag 1 r1']],
    ])
  })
})

describe('the plan of a removed distribution', () => {
  const removed = { state: 'removed', regions: ['r1', 'r2'] } as const

  it('removes the alias, then schedules the remaining deletions', () => {
    const kmsKeys = [kmsKey(1), kmsKey(1, 'r2', { deletion: {} })]
    expect(planned(key, { ...removed, kmsKeys, aliases: named(1, 'r1') })).toEqual([
      [[`remove-alias ${name} r1`]],
      [['schedule-deletion 1 r1']],
    ])
  })

  it('removes every replica before any primary', () => {
    const kmsKeys = [kmsKey(1), kmsKey(1, 'r2'), kmsKey(2), kmsKey(2, 'r2')]
    expect(planned(key, { ...removed, kmsKeys })).toEqual([
      [['schedule-deletion 1 r2'], ['schedule-deletion 2 r2']],
      [['schedule-deletion 1 r1'], ['schedule-deletion 2 r1']],
    ])
    expect(planned(key, { ...removed, kmsKeys, primaryRegions: { 2: 'r2' } })).toEqual([
      [['schedule-deletion 1 r2'], ['schedule-deletion 2 r1']],
      [['schedule-deletion 1 r1'], ['schedule-deletion 2 r2']],
    ])
  })
})
