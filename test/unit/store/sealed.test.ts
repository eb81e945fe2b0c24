import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { createMemoryStore, createSealedStore } from '../../../src/store/index.js'
import { decodeEnvelope, encodeEnvelope } from '../../../src/store/envelope.js'

const PATH = 'key/app'
const bytes = (text: string) => Buffer.from(text)

/** A sealed store over a memory store, and direct access to the sealed bytes. */
function createStores() {
  const inner = createMemoryStore()
  const root = { key: randomBytes(32), storeId: 'a store' }
  const sealed = createSealedStore(inner, () => Promise.resolve(root))
  const read = async (path: string) => (await inner.get(path))?.value ?? Buffer.alloc(0)
  const overwrite = async (path: string, value: Uint8Array) => {
    await inner.put(path, value, (await inner.get(path))?.revision)
  }
  return { sealed, read, overwrite }
}

describe('the header of a sealed record', () => {
  it('counts the puts and identifies each write', async () => {
    const { sealed, read } = createStores()
    const writeIds = new Set<string>()
    let revision = await sealed.put(PATH, bytes('0'), undefined)
    for (let number = 1; number <= 3; number++) {
      const envelope = decodeEnvelope(PATH, await read(PATH))
      expect(envelope.revisionNumber).toBe(number)
      expect(envelope.writeId).toMatch(/^[0-9a-f]{32}$/)
      writeIds.add(envelope.writeId)
      revision = await sealed.put(PATH, bytes(String(number)), revision)
    }
    expect(writeIds.size).toBe(3)
  })

  it('continues to count from a record that was read', async () => {
    const { sealed, read } = createStores()
    await sealed.put(PATH, bytes('one'), undefined)
    await sealed.put(PATH, bytes('two'), (await sealed.get(PATH))?.revision)
    expect(decodeEnvelope(PATH, await read(PATH)).revisionNumber).toBe(2)
  })

  it.each([
    ['the format', 0, 'STORE_VERSION'],
    ['the first byte of the revision number', 1, 'STORE_CORRUPT'],
    ['the last byte of the revision number', 8, 'STORE_CORRUPT'],
    ['the first byte of the write id', 9, 'STORE_CORRUPT'],
    ['the last byte of the write id', 24, 'STORE_CORRUPT'],
    ['the first sealed byte', 25, 'STORE_CORRUPT'],
  ])('is authenticated: a change of %s is refused', async (_part, offset, code) => {
    const { sealed, read, overwrite } = createStores()
    await sealed.put(PATH, bytes('one'), undefined)
    const changed = Buffer.from(await read(PATH))
    changed[offset] = (changed[offset] ?? 0) ^ 2
    await overwrite(PATH, changed)
    await expect(sealed.get(PATH)).rejects.toMatchObject({ code })
  })

  it.each([0, 1, 24])('is refused if only %d bytes of it remain', async (length) => {
    const { sealed, read, overwrite } = createStores()
    await sealed.put(PATH, bytes('one'), undefined)
    await overwrite(PATH, (await read(PATH)).subarray(0, length))
    await expect(sealed.get(PATH)).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  })

  it('is refused if its revision number is 0', async () => {
    const { sealed, read, overwrite } = createStores()
    await sealed.put(PATH, bytes('one'), undefined)
    const envelope = decodeEnvelope(PATH, await read(PATH))
    await overwrite(PATH, encodeEnvelope({ ...envelope, revisionNumber: 0 }))
    await expect(sealed.get(PATH)).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('damaged header') as unknown,
    })
  })
})

describe('a sealed record in the wrong place', () => {
  it('is refused under another path', async () => {
    const { sealed, read, overwrite } = createStores()
    await sealed.put(PATH, bytes('one'), undefined)
    await sealed.put('key/other', bytes('other'), undefined)
    await overwrite('key/other', await read(PATH))
    await expect(sealed.get('key/other')).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  })

  it('is refused with the header of a later revision', async () => {
    const { sealed, read, overwrite } = createStores()
    const first = await sealed.put(PATH, bytes('one'), undefined)
    const { sealed: old } = decodeEnvelope(PATH, await read(PATH))
    await sealed.put(PATH, bytes('two'), first)
    await overwrite(
      PATH,
      encodeEnvelope({ ...decodeEnvelope(PATH, await read(PATH)), sealed: old }),
    )
    await expect(sealed.get(PATH)).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  })

  // SECURITY.md states this limit: nothing outside the store knows the latest revision.
  it('opens if an earlier one replaces it as a whole, but refuses writes based on the later one', async () => {
    const { sealed, read, overwrite } = createStores()
    const first = await sealed.put(PATH, bytes('one'), undefined)
    const old = await read(PATH)
    const second = await sealed.put(PATH, bytes('two'), first)
    await overwrite(PATH, old)
    expect(bytes('one').equals((await sealed.get(PATH))?.value ?? bytes(''))).toBe(true)
    await expect(sealed.put(PATH, bytes('three'), second)).rejects.toMatchObject({
      code: 'STORE_CONFLICT',
    })
  })
})
