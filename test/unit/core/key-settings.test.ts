import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  isStale,
  KEY_SETTINGS,
  managedSettings,
  withoutStale,
  withSettings,
  withStale,
  type KeySetting,
} from '../../../src/core/records/key-settings.js'
import type {
  CreatedKmsKey,
  DistributionRecord,
  KmsKeyEntry,
} from '../../../src/core/records/model.js'
import type { KmsKeySettings } from '../../../src/kms/kms-key.js'

const CREATED: CreatedKmsKey = {
  version: 1,
  region: 'us-west-1',
  state: 'created',
  key: { id: 'id', arn: 'arn' },
  materials: [],
}
const LOST: KmsKeyEntry = { ...CREATED, version: 2, state: 'lost' }
const CREATING: KmsKeyEntry = {
  version: 3,
  region: 'us-west-1',
  state: 'creating',
  operationId: 'operation',
  begun: '2026-11-29T00:00:00Z',
}
const RECORD: DistributionRecord = {
  name: 'app-1',
  keyId: 'key-id',
  purpose: ['encrypt', 'decrypt'],
  protection: 'hsm',
  distributionTime: '2026-11-29T00:00:00Z',
  state: 'active',
  regions: ['us-west-1'],
  kmsKeys: [CREATED, LOST, CREATING],
  aliases: [],
}

const some = fc.subarray([...KEY_SETTINGS])
const settings: fc.Arbitrary<KmsKeySettings> = fc.record(
  {
    description: fc.constantFrom('', 'text'),
    tags: fc.constantFrom({}, { team: 'payments' }, { team: 'payments', env: 'prod' }),
    policy: fc.constantFrom({ document: '' }, { document: '{}' }),
  },
  { requiredKeys: [] },
)
const staleOf = ({ kmsKeys }: DistributionRecord) =>
  kmsKeys.map((entry) => (entry.state === 'creating' ? undefined : entry.staleSettings))

describe('the mark on a setting', () => {
  it('is set and removed, each on its own', () => {
    fc.assert(
      fc.property(some, some, fc.constantFrom(...KEY_SETTINGS), (first, second, one) => {
        const both = withStale(withStale(CREATED, first), second)
        const isMarked = (setting: KeySetting) =>
          first.includes(setting) || second.includes(setting)
        for (const setting of KEY_SETTINGS) {
          expect(isStale(both, setting)).toBe(isMarked(setting))
          expect(isStale(withoutStale(both, one), setting)).toBe(
            isMarked(setting) && setting !== one,
          )
        }
      }),
    )
  })

  it('leaves nothing in the record after its removal', () => {
    fc.assert(
      fc.property(some, (marked) => {
        expect(KEY_SETTINGS.reduce(withoutStale, withStale(CREATED, marked))).toEqual(CREATED)
      }),
    )
  })
})

describe('a setting', () => {
  it.each<[title: string, record: KmsKeySettings, expected: KeySetting[]]>([
    ['is not managed if nobody has set it', {}, []],
    [
      'is managed if it is empty',
      { description: '', tags: {}, policy: { document: '' } },
      [...KEY_SETTINGS],
    ],
    ['is managed alone', { policy: { document: '{}' } }, ['policy']],
  ])('%s', (_title, record, expected) => {
    expect(managedSettings(record)).toEqual(expected)
  })

  it('that is not mentioned stays as it is', () => {
    const described = withSettings(RECORD, { description: 'text', tags: { team: 'payments' } })
    const changed = withSettings(described, { tags: {} })
    expect(changed).toMatchObject({ description: 'text', tags: {} })
    expect(changed).not.toHaveProperty('policy')
  })

  it.each<[title: string, before: KmsKeySettings, wanted: KmsKeySettings]>([
    ['description from none to empty', {}, { description: '' }],
    ['description to empty', { description: 'text' }, { description: '' }],
    ['tags from none to empty', {}, { tags: {} }],
    ['value of a tag', { tags: { team: 'a' } }, { tags: { team: 'b' } }],
    ['tags to fewer tags', { tags: { team: 'a', env: 'b' } }, { tags: { team: 'a' } }],
    ['policy to the default', { policy: { document: '{}' } }, { policy: { document: '' } }],
    [
      'consent to a lockout',
      { policy: { document: '{}' } },
      { policy: { document: '{}', allowLockout: true } },
    ],
  ])(
    'the change of the %s marks every KMS key whose creation has a reply',
    (_title, before, wanted) => {
      const [setting] = managedSettings(wanted)
      expect(staleOf(withSettings({ ...RECORD, ...before }, wanted))).toEqual([
        [setting],
        [setting],
        undefined,
      ])
    },
  )

  it('changes nothing if it has the value already, in any order of tags', () => {
    const record = { ...RECORD, description: 'text', tags: { team: 'a', env: 'b' } }
    expect(withSettings(record, { description: 'text', tags: { env: 'b', team: 'a' } })).toBe(
      record,
    )
    expect(withSettings(record, {})).toBe(record)
  })

  it('is recorded once, with a mark for each value that differs', () => {
    fc.assert(
      fc.property(settings, settings, (before, wanted) => {
        const record = { ...RECORD, ...before }
        const changed = withSettings(record, wanted)
        expect(changed).toMatchObject({ ...before, ...wanted })
        expect(withSettings(changed, wanted)).toBe(changed)
        const differing = managedSettings(wanted).filter(
          (setting) => JSON.stringify(wanted[setting]) !== JSON.stringify(before[setting]),
        )
        const marks = differing.length > 0 ? differing : undefined
        expect(staleOf(changed)).toEqual([marks, marks, undefined])
      }),
    )
  })
})
