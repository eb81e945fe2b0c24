import { describe, expect, it } from '@jest/globals'
import { readKey } from '../../../src/core/records/repository.js'
import { decodeRecord, encodeRecord, recordPath } from '../../../src/core/records/model.js'
import { createTestbed, refusal } from './testbed.js'

const bytes = (text: string) => Buffer.from(text)
const attempt = async (text: string) =>
  refusal(Promise.resolve().then(() => decodeRecord('key/app', bytes(text))))

describe('a record', () => {
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
