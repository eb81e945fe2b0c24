import { describe, expect, it } from '@jest/globals'
import { plan } from '../../../src/core/plan.js'
import type { CopyRecord, DistributionRecord, KeyRecord } from '../../../src/core/records.js'

const key: KeyRecord = { id: 'id', name: 'app', type: 'aes256-gcm96', replica_regions: [], deletion_allowed: false, min_enabled_version: 1, latest_version: 1, versions: {} }
const distribution: DistributionRecord = {
  name: 'app-1', key_id: 'id', distribution_time: '', purpose: ['decrypt', 'encrypt'], protection: 'hsm', regions: ['r1'], state: 'active', copies: {}, aliases: {},
}
const copy = (change: Partial<CopyRecord> = {}): CopyRecord => ({ operation_id: 'o', key: { id: 'k', arn: 'a' }, imported: true, enabled: true, ...change })
const shown = (of: KeyRecord, at: DistributionRecord) =>
  plan(of, at).map((stage) => stage.map((chain) => chain.map(({ action, version, region }) => `${action} ${version} ${region}`)))

describe('the plan', () => {
  it('makes, fills, and only then names the KMS keys', () => {
    expect(shown({ ...key, latest_version: 2 }, distribution)).toEqual([
      [['create 1 r1', 'import 1 r1'], ['create 2 r1', 'import 2 r1']],
      [['point-alias 2 r1']],
    ])
  })
  it('is empty when everything is so', () => {
    expect(plan(key, { ...distribution, copies: { 1: { r1: copy() } }, aliases: { r1: 1 } })).toEqual([])
  })
  it('goes on where it was left', () => {
    expect(shown(key, { ...distribution, copies: { 1: { r1: copy({ imported: false }) } } })).toEqual([[['import 1 r1']], [['point-alias 1 r1']]])
    expect(shown(key, { ...distribution, copies: { 1: { r1: copy() } }, aliases: { r1: 0 } })).toEqual([[['point-alias 1 r1']]])
  })
  it('rotates to the pending version, and disables last', () => {
    const rotated = { ...key, pending_version: 2, min_enabled_version: 2 }
    expect(shown(rotated, { ...distribution, copies: { 1: { r1: copy() } }, aliases: { r1: 1 } })).toEqual([
      [['create 2 r1', 'import 2 r1']], [['point-alias 2 r1']], [['disable 1 r1']],
    ])
  })
  it('wakes a disabled version for as long as it is replicated', () => {
    const two = { ...distribution, regions: ['r1', 'r2'], copies: { 1: { r1: copy({ enabled: false }) }, 2: { r1: copy(), r2: copy() } }, aliases: { r1: 2, r2: 2 } }
    const older = { ...key, latest_version: 2, min_enabled_version: 2 }
    expect(shown(older, two)).toEqual([[['enable 1 r1', 'replicate 1 r2', 'import 1 r2']], [['disable 1 r2']]])
  })
  it('removes the alias, then the replicas, then the primary', () => {
    const there = { ...distribution, state: 'removing' as const, regions: ['r1', 'r2'], copies: { 1: { r1: copy(), r2: copy({ deletion_scheduled: true }) } }, aliases: { r1: 1 } }
    expect(shown(key, there)).toEqual([[['remove-alias 0 r1']], [['schedule-deletion 1 r1']]])
  })
})
