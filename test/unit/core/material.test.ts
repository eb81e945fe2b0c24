import { describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import {
  deleteMaterial,
  fingerprintOf,
  withMaterial,
  writeMaterial,
} from '../../../src/core/records/material.js'
import { recordPath, type KeyRecord } from '../../../src/core/records/model.js'
import { requireKey } from '../../../src/core/records/repository.js'
import { KeymgmtError } from '../../../src/errors.js'
import { createMemoryStore, type Store } from '../../../src/store/index.js'
import { createTestbed, refusal } from './testbed.js'

const BACKUP = 'restore the store from a backup; nothing was changed'
const [one, other] = [randomBytes(32), randomBytes(32)]

/** Writes the material under its fingerprint, which it returns. */
async function storeMaterial(store: Store, keyId: string, version: number, material: Uint8Array) {
  const fingerprint = await fingerprintOf(store, material)
  await writeMaterial(store, keyId, version, material, fingerprint)
  return fingerprint
}

async function createKey(): Promise<{ store: Store; key: KeyRecord; path: string }> {
  const { engine, store } = await createTestbed()
  await saveKey(engine, 'app', { type: 'aes256-gcm96' })
  const key = (await requireKey(engine, 'app')).current
  const [name = ''] = await store.list(recordPath.materialOf(key.id))
  return { store, key, path: recordPath.material(key.id, name) }
}

const readBytes = (store: Store, key: KeyRecord, version = 1) =>
  withMaterial(store, key, version, (material) => Promise.resolve(Buffer.from(material)))

const revisionOf = async (store: Store, path: string) => (await store.get(path))?.revision ?? ''

describe('material', () => {
  it('is named by its key id, version and fingerprint', async () => {
    const { key, path } = await createKey()
    const { material } = key.versions[1] ?? {}
    if (material?.state !== 'stored') throw new Error('the material is not stored')
    expect(path).toBe(`material/${key.id}/1-${material.fingerprint}`)
  })

  it('is written once: the same bytes again change nothing', async () => {
    const store = createMemoryStore()
    const fingerprint = await storeMaterial(store, 'id', 1, one)
    const path = recordPath.material('id', `1-${fingerprint}`)
    const revision = await revisionOf(store, path)
    expect(await storeMaterial(store, 'id', 1, one)).toBe(fingerprint)
    const stored = await store.get(path)
    expect(stored?.revision).toBe(revision)
    expect(Buffer.from(stored?.value ?? [])).toEqual(one)
  })

  it.each([
    ['other bytes', other],
    ['fewer bytes', one.subarray(1)],
  ])('is never replaced: %s of its name are refused, and the first stay', async (_name, first) => {
    const store = createMemoryStore()
    const path = recordPath.material('id', `1-${await fingerprintOf(store, one)}`)
    await store.put(path, first, undefined)
    expect(await refusal(storeMaterial(store, 'id', 1, one))).toEqual([
      'STORE_CORRUPT',
      `${path} contains material that does not match its name`,
      'nothing was changed; restore the store from a backup',
    ])
    expect(Buffer.from((await store.get(path))?.value ?? [])).toEqual(Buffer.from(first))
  })

  it('of another version or another fingerprint is written separately', async () => {
    const store = createMemoryStore()
    await storeMaterial(store, 'id', 1, one)
    await storeMaterial(store, 'id', 1, other)
    await storeMaterial(store, 'id', 2, one)
    expect(await store.list(recordPath.materialOf('id'))).toHaveLength(3)
  })

  it('passes on any other failure of the store', async () => {
    const full = new KeymgmtError('STORE_UNAVAILABLE', 'the disk is full')
    const store = createMemoryStore()
    const failing = { ...store, put: () => Promise.reject(full) }
    await expect(storeMaterial(failing, 'id', 1, one)).rejects.toBe(full)
    await fingerprintOf(store, one)
    await expect(storeMaterial(failing, 'id', 1, one)).rejects.toBe(full)
  })

  it('is refused when it is read if it does not match the fingerprint in the key', async () => {
    const { store, key, path } = await createKey()
    await store.put(path, other, await revisionOf(store, path))
    expect(await refusal(readBytes(store, key))).toEqual([
      'STORE_CORRUPT',
      "the material of app version 1 does not match the fingerprint in the key's record",
      BACKUP,
    ])
  })

  it('is missing if the store does not have it, or if the version is marked so', async () => {
    const { store, key, path } = await createKey()
    const missing = ['STORE_CORRUPT', 'the material of app version 1 is not in the store', BACKUP]
    const marked: KeyRecord = {
      ...key,
      versions: { 1: { creationTime: '', material: { state: 'not-in-store' } } },
    }
    expect(await refusal(readBytes(store, marked))).toEqual(missing)
    await store.delete(path, await revisionOf(store, path))
    expect(await refusal(readBytes(store, key))).toEqual(missing)
    expect((await refusal(readBytes(store, key, 2)))[1]).toContain('version 2')
  })

  it('is wiped after its use, even after an error', async () => {
    const { store, key } = await createKey()
    const seen: Uint8Array[] = []
    await withMaterial(store, key, 1, (material) => Promise.resolve(seen.push(material)))
    const failed = withMaterial(store, key, 1, (material) => {
      seen.push(material)
      return Promise.reject(new Error('failed'))
    })
    await expect(failed).rejects.toThrow('failed')
    expect(seen.map((bytes) => Buffer.from(bytes))).toEqual([Buffer.alloc(32), Buffer.alloc(32)])
  })

  it('that an interrupted rotation left stays, and the next rotation uses its own', async () => {
    const testbed = await createTestbed()
    await saveKey(testbed.engine, 'app', { type: 'aes256-gcm96' })
    const put: Store['put'] = (path, value, revision) =>
      path === 'key/app'
        ? Promise.reject(new KeymgmtError('INTERRUPTED', 'interrupted'))
        : testbed.store.put(path, value, revision)
    const interrupted = { ...testbed.engine, store: { ...testbed.store, put } }
    expect(await refusal(rotateKey(interrupted, 'app'))).toEqual(['INTERRUPTED', 'interrupted'])
    const key = await rotateKey(testbed.engine, 'app')
    const names = await testbed.store.list(recordPath.materialOf(key.id))
    expect(names.filter((name) => name.startsWith('2-'))).toHaveLength(2)
    expect(await readBytes(testbed.store, key, 2)).toHaveLength(32)
    await deleteMaterial(testbed.store, key.id)
    expect(await testbed.store.list(recordPath.materialOf(key.id))).toEqual([])
  })
})

describe('a fingerprint', () => {
  it('is equal for equal bytes of one store, and for no others', async () => {
    const store = createMemoryStore()
    const fingerprint = await fingerprintOf(store, one)
    expect(fingerprint).toMatch(/^[0-9a-f]{32}$/)
    expect(await fingerprintOf(store, Buffer.from(one))).toBe(fingerprint)
    expect(await fingerprintOf(store, other)).not.toBe(fingerprint)
    expect(await fingerprintOf(createMemoryStore(), one)).not.toBe(fingerprint)
  })

  it('is the same for two commands that create its key at once', async () => {
    const store = createMemoryStore()
    const written: string[] = []
    const put: Store['put'] = async (path, value, expected) => {
      const revision = await store.put(path, value, expected)
      written.push(path)
      return revision
    }
    const [first, second] = await Promise.all([
      fingerprintOf({ ...store, put }, one),
      fingerprintOf({ ...store, put }, one),
    ])
    expect(first).toBe(second)
    expect(written).toEqual([recordPath.fingerprintKey])
  })

  it('is made with the key that another command wrote in between', async () => {
    const store = createMemoryStore()
    let theirs: string | undefined
    const list: Store['list'] = async (path) => {
      theirs = await fingerprintOf(store, one)
      return store.list(path)
    }
    expect(await fingerprintOf({ ...store, list }, one)).toBe(theirs)
    const late = createMemoryStore()
    const put: Store['put'] = async (path, value, revision) => {
      theirs = await fingerprintOf(late, one)
      return late.put(path, value, revision)
    }
    expect(await fingerprintOf({ ...late, put }, one)).toBe(theirs)
  })

  it('is refused if its key is missing although material exists, or is damaged', async () => {
    const { store, key } = await createKey()
    const lost = ['STORE_CORRUPT', 'the record fingerprint-key is not in the store', BACKUP]
    const { fingerprintKey } = recordPath
    await store.delete(fingerprintKey, await revisionOf(store, fingerprintKey))
    expect(await refusal(fingerprintOf(store, one))).toEqual(lost)
    expect(await refusal(readBytes(store, key))).toEqual(lost)
    await store.put(fingerprintKey, Buffer.alloc(31), undefined)
    expect(await refusal(fingerprintOf(store, one))).toEqual([
      'STORE_CORRUPT',
      'the record fingerprint-key has no valid content',
      BACKUP,
    ])
  })
})
