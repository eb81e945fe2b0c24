import { describe, expect, it } from '@jest/globals'
import { readKey } from '../../../src/core/records/repository.js'
import { decodeRecord, encodeRecord } from '../../../src/core/records/codec.js'
import {
  recordPath,
  type DistributionRecord,
  type KeyRecord,
  type KmsRecord,
} from '../../../src/core/records/model.js'
import { createTestbed, refusal } from './testbed.js'

const bytes = (text: string) => Buffer.from(text)
const attempt = async (text: string) =>
  refusal(Promise.resolve().then(() => decodeRecord('key/app', bytes(text))))

const KEY_ID = '01234567-89ab-cdef-0123-456789abcdef'
const KMS_KEY = { id: 'mrk-1', arn: 'arn:aws:kms:us-west-1:111122223333:key/mrk-1' }

/** Every field of the records, as the code has it and as it is stored. */
const STORED: readonly (readonly [
  KeyRecord | KmsRecord | DistributionRecord,
  Readonly<Record<string, unknown>>,
])[] = [
  [
    {
      id: KEY_ID,
      name: 'app',
      type: 'ecdsa-p256',
      replicaRegions: ['eu-west-1'],
      deletionAllowed: true,
      minEnabledVersion: 1,
      latestVersion: 1,
      pendingVersion: 2,
      versions: {
        1: { creationTime: 'T1', publicKey: 'PEM', material: { state: 'not-in-store' } },
        2: { creationTime: 'T2', material: { state: 'stored', fingerprint: '00ff' } },
      },
      forgotten: [{ provider: 'old_kms', name: 'app-1', kmsKeys: [], aliases: [] }],
    },
    {
      id: KEY_ID,
      name: 'app',
      type: 'ecdsa-p256',
      replica_regions: ['eu-west-1'],
      deletion_allowed: true,
      min_enabled_version: 1,
      latest_version: 1,
      pending_version: 2,
      versions: {
        1: { creation_time: 'T1', public_key: 'PEM', material: { state: 'not-in-store' } },
        2: { creation_time: 'T2', material: { state: 'stored', fingerprint: '00ff' } },
      },
      forgotten: [{ provider: 'old_kms', name: 'app-1', kms_keys: [], aliases: [] }],
    },
  ],
  [
    {
      name: 'my_kms',
      provider: 'awskms',
      keyCollection: 'us-west-1',
      credentials: { access_key: 'AKIA', roleArn: 'kept' },
    },
    {
      name: 'my_kms',
      provider: 'awskms',
      key_collection: 'us-west-1',
      credentials: { access_key: 'AKIA', roleArn: 'kept' },
    },
  ],
  [
    {
      name: 'app-1700000000',
      keyId: KEY_ID,
      distributionTime: 'T1',
      purpose: ['sign', 'verify'],
      protection: 'hsm',
      regions: ['us-west-1'],
      droppedRegions: ['eu-west-1'],
      state: 'active',
      pinned: {
        account: '111122223333',
        partition: 'aws',
        endpoint: { origin: 'https://kms.us-west-1.amazonaws.com', isLoopback: false, isAws: true },
      },
      versionAliases: true,
      behind: { since: 'T2', reason: 'KMS_LIMIT: the_reason' },
      deletionWindow: 7,
      kmsKeys: [
        { version: 2, region: 'us-west-1', state: 'creating', operationId: 'op', begun: 'T2' },
        {
          version: 1,
          region: 'us-west-1',
          state: 'created',
          key: KMS_KEY,
          operationId: 'op',
          materials: [
            { version: 1, fingerprint: '00', materialId: 'ff', imported: true, validTo: 'T3' },
          ],
          enabled: true,
          staleSettings: ['tags'],
          deletion: { date: 'T3' },
        },
      ],
      aliases: [{ region: 'us-west-1', name: 'alias/hashicorp/app', state: 'set', version: 1 }],
    },
    {
      name: 'app-1700000000',
      key_id: KEY_ID,
      distribution_time: 'T1',
      purpose: ['sign', 'verify'],
      protection: 'hsm',
      regions: ['us-west-1'],
      dropped_regions: ['eu-west-1'],
      state: 'active',
      pinned: {
        account: '111122223333',
        partition: 'aws',
        endpoint: { origin: 'https://kms.us-west-1.amazonaws.com', isLoopback: false, isAws: true },
      },
      version_aliases: true,
      behind: { since: 'T2', reason: 'KMS_LIMIT: the_reason' },
      deletion_window: 7,
      kms_keys: [
        { version: 2, region: 'us-west-1', state: 'creating', operation_id: 'op', begun: 'T2' },
        {
          version: 1,
          region: 'us-west-1',
          state: 'created',
          key: KMS_KEY,
          operation_id: 'op',
          materials: [
            { version: 1, fingerprint: '00', material_id: 'ff', imported: true, valid_to: 'T3' },
          ],
          enabled: true,
          stale_settings: ['tags'],
          deletion: { date: 'T3' },
        },
      ],
      aliases: [{ region: 'us-west-1', name: 'alias/hashicorp/app', state: 'set', version: 1 }],
    },
  ],
]

describe('a record', () => {
  it.each(STORED)('is stored with fields in snake_case: $name', (record, stored) => {
    const text = JSON.stringify({ format: 2, ...stored })
    expect(Buffer.from(encodeRecord(record)).toString()).toBe(text)
    expect(decodeRecord('key/app', bytes(text))).toEqual(record)
  })

  it('contains its format, which is not part of the value', () => {
    const encoded = encodeRecord({ name: 'app' })
    expect(JSON.parse(Buffer.from(encoded).toString())).toEqual({ format: 2, name: 'app' })
    expect(decodeRecord('key/app', encoded)).toEqual({ name: 'app' })
  })

  it.each([
    ['{"name":"app"}', '1'],
    ['{"format":1,"name":"app"}', '1'],
    ['{"format":0}', '0'],
  ])('of an earlier format is refused: %s', async (text, format) => {
    expect(await attempt(text)).toEqual([
      'STORE_VERSION',
      `record key/app has format ${format}, which this version of keymgmt no longer reads`,
      'use the older version of keymgmt that wrote it, or create a new store',
    ])
  })

  it.each([
    ['{"format":3}', '3'],
    ['{"format":"next"}', 'next'],
  ])('of a later format is refused: %s', async (text, format) => {
    expect(await attempt(text)).toEqual([
      'STORE_VERSION',
      `record key/app has format ${format}, which this version of keymgmt does not know`,
      'use the newer version of keymgmt that wrote it',
    ])
  })

  it.each(['', '{"id":', 'null', '7'])('that is not an object is damaged: %j', async (text) => {
    expect(await attempt(text)).toEqual([
      'STORE_CORRUPT',
      'the record key/app has no valid content',
    ])
  })

  it('of an earlier format is refused by every command, and stays unchanged', async () => {
    const { engine, store } = await createTestbed()
    const revision = await store.put(recordPath.key('app'), bytes('{"name":"app"}'), undefined)
    expect((await refusal(readKey(engine, 'app')))[0]).toBe('STORE_VERSION')
    expect(await store.get(recordPath.key('app'))).toMatchObject({ revision })
  })
})
