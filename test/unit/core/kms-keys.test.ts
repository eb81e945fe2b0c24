import { describe, expect, it } from '@jest/globals'
import {
  aliasAt,
  createdKmsKeyAt,
  dropKmsKey,
  holdsMaterial,
  kmsKeyAt,
  putAlias,
  putKmsKey,
} from '../../../src/core/records/kms-keys.js'
import type {
  CreatedKmsKey,
  DistributionRecord,
  KmsKeyEntry,
} from '../../../src/core/records/model.js'

const record: DistributionRecord = {
  name: 'app-1',
  keyId: 'id',
  distributionTime: '',
  purpose: ['decrypt', 'encrypt'],
  protection: 'hsm',
  regions: ['us-west-1', 'eu-west-1', 'ap-south-1'],
  state: 'active',
  kmsKeys: [],
  aliases: [],
}
const creating = (version: number, region: string): KmsKeyEntry => ({
  version,
  region,
  state: 'creating',
  operationId: 'o',
  begun: '',
})
const created = (version: number, region: string): CreatedKmsKey => ({
  version,
  region,
  state: 'created',
  key: { id: `${version} ${region}`, arn: 'a' },
  materials: [],
})
const shown = ({ kmsKeys }: DistributionRecord) =>
  kmsKeys.map(({ version, region, state }) => `${version} ${region} ${state}`)

describe('the KMS keys of a distribution', () => {
  it('are sorted by version, then in the order of its Regions', () => {
    const places = [
      [10, 'us-west-1'],
      [2, 'ap-south-1'],
      [2, 'us-west-1'],
      [1, 'us-west-1'],
      [2, 'eu-west-1'],
    ] as const
    const filled = places.reduce(
      (known, [version, region]) => putKmsKey(known, creating(version, region)),
      record,
    )
    expect(shown(filled)).toEqual([
      '1 us-west-1 creating',
      '2 us-west-1 creating',
      '2 eu-west-1 creating',
      '2 ap-south-1 creating',
      '10 us-west-1 creating',
    ])
  })

  it('have one entry for each version and Region', () => {
    const one = putKmsKey(record, creating(1, 'us-west-1'))
    expect(createdKmsKeyAt(one, 1, 'us-west-1')).toBeUndefined()
    const two = putKmsKey(putKmsKey(one, created(1, 'eu-west-1')), created(1, 'us-west-1'))
    expect(shown(two)).toEqual(['1 us-west-1 created', '1 eu-west-1 created'])
    expect(kmsKeyAt(two, 1, 'eu-west-1')).toEqual(created(1, 'eu-west-1'))
    expect(kmsKeyAt(two, 2, 'eu-west-1')).toBeUndefined()
    expect(shown(dropKmsKey(two, { version: 1, region: 'us-west-1' }))).toEqual([
      '1 eu-west-1 created',
    ])
  })

  it('have their material if they have all of it', () => {
    const material = (version: number, imported: boolean) => ({
      version,
      fingerprint: '',
      imported,
    })
    const holding = (...materials: CreatedKmsKey['materials']) =>
      holdsMaterial({ ...created(1, 'us-west-1'), materials })
    expect(holding()).toBe(false)
    expect(holding(material(1, true), material(2, true))).toBe(true)
    expect(holding(material(1, true), material(2, false))).toBe(false)
  })
})

it('an alias has one entry for each Region and name', () => {
  const pending = putAlias(record, 'us-west-1', 'a', { state: 'pending' })
  const both = putAlias(pending, 'eu-west-1', 'a', { state: 'set', version: 1 })
  const set = putAlias(both, 'us-west-1', 'a', { state: 'set', version: 2 })
  expect(set.aliases).toHaveLength(2)
  expect(aliasAt(set, 'us-west-1', 'a')).toEqual({
    region: 'us-west-1',
    name: 'a',
    state: 'set',
    version: 2,
  })
  expect(aliasAt(set, 'us-west-1', 'b')).toBeUndefined()
  expect(putAlias(set, 'us-west-1', 'a', undefined).aliases).toEqual([
    { region: 'eu-west-1', name: 'a', state: 'set', version: 1 },
  ])
})
