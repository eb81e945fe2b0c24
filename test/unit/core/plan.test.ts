import { describe, expect, it } from '@jest/globals'
import { plan } from '../../../src/core/reconcile/plan.js'
import {
  without,
  type CopyRecord,
  type DistributionRecord,
  type KeyRecord,
} from '../../../src/core/records/model.js'

const key: KeyRecord = {
  id: 'id',
  name: 'app',
  type: 'aes256-gcm96',
  replica_regions: [],
  deletion_allowed: false,
  min_enabled_version: 1,
  latest_version: 1,
  versions: {},
}
const distribution: DistributionRecord = {
  name: 'app-1',
  key_id: 'id',
  distribution_time: '',
  purpose: ['decrypt', 'encrypt'],
  protection: 'hsm',
  regions: ['r1'],
  state: 'active',
  copies: {},
  aliases: {},
}
const copy = (change: Partial<CopyRecord> = {}): CopyRecord => ({
  operation_id: 'o',
  begun: '',
  key: { id: 'k', arn: 'a' },
  imported: true,
  enabled: true,
  ...change,
})
const ALIAS = 'alias/hashicorp/app-1'
const names = (version: number) => ({ [ALIAS]: { version, ours: true } })
const shown = (of: KeyRecord, at: DistributionRecord) =>
  plan(of, at).map((stage) =>
    stage.map((chain) =>
      chain.map(({ action, version, region }) => `${action} ${version} ${region}`),
    ),
  )

describe('the plan', () => {
  it('makes, fills, and only then names the KMS keys', () => {
    expect(shown({ ...key, latest_version: 2 }, distribution)).toEqual([
      [
        ['create 1 r1', 'import 1 r1'],
        ['create 2 r1', 'import 2 r1'],
      ],
      [['point-alias 2 r1']],
    ])
  })
  it('is empty when everything is so', () => {
    expect(
      plan(key, { ...distribution, copies: { 1: { r1: copy() } }, aliases: { r1: names(1) } }),
    ).toEqual([])
  })
  it('goes on where it was left', () => {
    expect(
      shown(key, { ...distribution, copies: { 1: { r1: copy({ imported: false }) } } }),
    ).toEqual([[['import 1 r1']], [['point-alias 1 r1']]])
    expect(
      shown(key, {
        ...distribution,
        copies: { 1: { r1: copy() } },
        aliases: { r1: { [ALIAS]: { version: 0, ours: false } } },
      }),
    ).toEqual([[['point-alias 1 r1']]])
  })
  it('rotates to the pending version, and disables last', () => {
    const rotated = { ...key, pending_version: 2, min_enabled_version: 2 }
    expect(
      shown(rotated, { ...distribution, copies: { 1: { r1: copy() } }, aliases: { r1: names(1) } }),
    ).toEqual([[['create 2 r1', 'import 2 r1']], [['point-alias 2 r1']], [['disable 1 r1']]])
  })
  it('wakes a disabled version for as long as it is replicated', () => {
    const two = {
      ...distribution,
      regions: ['r1', 'r2'],
      copies: { 1: { r1: copy({ enabled: false }) }, 2: { r1: copy(), r2: copy() } },
      aliases: { r1: names(2), r2: names(2) },
    }
    const older = { ...key, latest_version: 2, min_enabled_version: 2 }
    expect(shown(older, two)).toEqual([
      [['enable 1 r1', 'replicate 1 r2', 'import 1 r2']],
      [['disable 1 r2']],
    ])
  })
  it('removes the alias, then the replicas, then the primary', () => {
    const there = {
      ...distribution,
      state: 'removed' as const,
      regions: ['r1', 'r2'],
      copies: { 1: { r1: copy(), r2: copy({ deletion_scheduled: true }) } },
      aliases: { r1: names(1) },
    }
    expect(shown(key, there)).toEqual([[['remove-alias 0 r1']], [['schedule-deletion 1 r1']]])
  })
  it('takes a removal back: cancels, and only the next plan enables, since AWS leaves them disabled', () => {
    const unknown = without(copy(), 'enabled')
    const removed = {
      ...distribution,
      copies: { 1: { r1: { ...unknown, deletion_scheduled: true } } },
    }
    expect(shown(key, removed)[0]).toEqual([['cancel-deletion 1 r1']])
    expect(
      shown(key, { ...distribution, copies: { 1: { r1: unknown } }, aliases: { r1: names(1) } }),
    ).toEqual([[['enable 1 r1']]])
    expect(
      shown(
        { ...key, latest_version: 2, min_enabled_version: 2 },
        {
          ...distribution,
          copies: { 1: { r1: unknown }, 2: { r1: copy() } },
          aliases: { r1: names(2) },
        },
      ),
    ).toEqual([[['disable 1 r1']]])
  })
  it('enables nothing that has no material: that comes first', () => {
    const unknown = without(copy({ imported: false }), 'enabled')
    expect(
      shown(key, { ...distribution, copies: { 1: { r1: unknown } }, aliases: { r1: names(1) } }),
    ).toEqual([[['import 1 r1']]])
  })
  it('takes the material out of a revoked one, and does nothing else', () => {
    const there = {
      ...distribution,
      state: 'revoked' as const,
      copies: { 1: { r1: copy() }, 2: { r1: copy({ imported: false }) } },
      aliases: { r1: names(1) },
    }
    expect(shown({ ...key, latest_version: 3 }, there)).toEqual([[['delete-material 1 r1']]])
  })
  it('replicates what is awake without waking it', () => {
    const there = {
      ...distribution,
      regions: ['r1', 'r2'],
      copies: { 1: { r1: copy() } },
      aliases: { r1: names(1), r2: names(1) },
    }
    expect(shown(key, there)).toEqual([[['replicate 1 r2', 'import 1 r2']]])
  })
  it('saves what is revoked from deletion, takes its material out and tags it, in this order', () => {
    const there = {
      ...distribution,
      state: 'revoked' as const,
      copies: { 1: { r1: copy({ deletion_scheduled: true, untagged: true }) } },
    }
    expect(shown(key, there)).toEqual([
      [['cancel-deletion 1 r1']],
      [['delete-material 1 r1']],
      [['tag 1 r1']],
    ])
  })
  it('removes every replica before any primary', () => {
    const there = {
      ...distribution,
      state: 'removed' as const,
      regions: ['r1', 'r2'],
      copies: { 1: { r1: copy(), r2: copy() }, 2: { r1: copy(), r2: copy() } },
    }
    expect(shown(key, there)).toEqual([
      [['schedule-deletion 1 r2'], ['schedule-deletion 2 r2']],
      [['schedule-deletion 1 r1'], ['schedule-deletion 2 r1']],
    ])
  })
  it('tags what has lost its tags', () => {
    expect(
      shown(key, {
        ...distribution,
        copies: { 1: { r1: copy({ untagged: true }) } },
        aliases: { r1: names(1) },
      }),
    ).toEqual([[['tag 1 r1']]])
  })
})
