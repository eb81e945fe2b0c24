import { describe, expect, it } from '@jest/globals'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { distribute } from '../../../src/core/operations/distribute.js'
import { deleteKey, saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { deleteProvider, saveProvider } from '../../../src/core/operations/providers.js'
import { removeDistribution } from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { describeSnapshot } from '../../../src/core/operations/snapshot-contents.js'
import {
  openSnapshot,
  parseSnapshot,
  type Snapshot,
} from '../../../src/core/operations/snapshot-file.js'
import { recordNewerVersions } from '../../../src/core/operations/snapshot-newer.js'
import {
  compareWithSnapshot,
  restoreSnapshot,
  type RestoreOptions,
} from '../../../src/core/operations/snapshot-restore.js'
import { missingMaterial } from '../../../src/core/operations/snapshot-records.js'
import { saveSnapshot } from '../../../src/core/operations/snapshot-save.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { withMaterial } from '../../../src/core/records/material.js'
import { recordPath } from '../../../src/core/records/model.js'
import { readKey, requireKey } from '../../../src/core/records/repository.js'
import { createRootKey, createSealHeader } from '../../../src/crypto/root-key.js'
import { createMemoryStore, type Store } from '../../../src/store/index.js'
import { AES, createDistributed, createTestbed, testbedOver, type Testbed } from './testbed.js'

const root = createRootKey()
const header = createSealHeader(root, [{ kind: 'keyfile', wrapped: 'AAAA' }])
const CREATED = new Date('2026-11-28T12:00:00Z')

const save = (store: Store) => saveSnapshot(store, header, root, CREATED)
const open = (text: string) => openSnapshot(parseSnapshot(Buffer.from(text), 'the file'), root)
const snapshotOf = async (store: Store) => open((await save(store)).text)
const values = (snapshot: Snapshot) =>
  new Map(snapshot.paths.map((path) => [path, { value: snapshot.read(path) ?? new Uint8Array() }]))

/** Every record of a store, by path, as text. */
async function contentOf(store: Store): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const collect = async (path: string): Promise<void> => {
    const stored = await store.get(path)
    if (stored) found[path] = Buffer.from(stored.value).toString('base64')
    for (const name of await store.list(path)) await collect(`${path}/${name}`)
  }
  for (const [folder = ''] of Object.values(recordPath).map((path) =>
    (typeof path === 'string' ? path : path('x', 'x')).split('/'),
  ))
    if (!(folder in found)) await collect(folder)
  return found
}

/**
 * A store with a key with two versions in AWS, a removed one, and one that is only in the store.
 */
async function createFilled(): Promise<Testbed> {
  const testbed = await createDistributed()
  const { engine } = testbed
  await rotateKey(engine, 'app')
  await saveKey(engine, 'old', { type: 'ed25519' })
  await distribute(engine, 'k', 'old', { purpose: ['sign', 'verify'], protection: 'hsm' })
  await removeDistribution(engine, 'k', 'old', 7)
  await saveKey(engine, 'local', { type: 'hmac-sha256' })
  return testbed
}

describe('a snapshot', () => {
  it('contains every record of the store, and no plaintext', async () => {
    const { store } = await createFilled()
    const { text, warnings } = await save(store)
    const read = values(open(text))
    expect(
      Object.fromEntries(
        [...read].map(([path, { value }]) => [path, Buffer.from(value).toString('base64')]),
      ),
    ).toEqual(await contentOf(store))
    expect(warnings).toEqual([])
    for (const word of ['aes256', 'us-west-1', 'latest_version', 'fingerprint'])
      expect(`${Buffer.from(text, 'base64').toString()}${text}`.includes(word)).toBe(false)
  })

  it('is described without opening material or credentials', async () => {
    const { store } = await createFilled()
    const snapshot = await snapshotOf(store)
    const opened: string[] = []
    const watched = {
      ...snapshot,
      read: (path: string) => {
        opened.push(path)
        return snapshot.read(path)
      },
    }
    expect(describeSnapshot(watched)).toEqual({
      storeId: root.storeId,
      created: CREATED.toISOString(),
      seals: ['keyfile'],
      providers: 1,
      distributions: 1,
      archived: 1,
      keys: [
        { name: 'app', type: 'aes256-gcm96', versions: [1, 2] },
        { name: 'local', type: 'hmac-sha256', versions: [1] },
        { name: 'old', type: 'ed25519', versions: [1] },
      ],
    })
    expect(opened).toEqual(['key/app', 'key/local', 'key/old'])
  })

  it('can be of an empty store', async () => {
    const snapshot = await snapshotOf(createMemoryStore())
    expect(snapshot.paths).toEqual([])
    expect(describeSnapshot(snapshot).keys).toEqual([])
  })

  it('states which material the store lacks', async () => {
    const { engine, store } = await createDistributed()
    const key = (await requireKey(engine, 'app')).current
    const [name = ''] = await store.list(recordPath.materialOf(key.id))
    const path = recordPath.material(key.id, name)
    await store.delete(path, (await store.get(path))?.revision ?? '')
    expect((await save(store)).warnings).toEqual([
      'the store does not have the material of app version 1',
    ])
  })
})

describe('a damaged snapshot is refused:', () => {
  interface File {
    keymgmt_snapshot: number
    id: string
    seal: { store_id: string; wrapped: string }
    manifest: string
    records: string[]
  }

  /** A change of the file, and the code of the error. */
  const CHANGES: readonly (readonly [string, (file: File, second: File) => void, string?])[] = [
    ['a record is missing', ({ records }) => records.pop()],
    ['the first record is missing', ({ records }) => records.shift()],
    ['a record is there twice', ({ records }) => records.push(records[0] ?? '')],
    ['two records are swapped', ({ records }) => records.reverse()],
    [
      'a byte of a record is changed',
      ({ records }) =>
        (records[0] = (records[0] ?? '').replace(/^./, (was) => (was === 'B' ? 'C' : 'B'))),
    ],
    ['a record is empty', ({ records }) => (records[0] = '')],
    [
      'a record is of another snapshot',
      (file, { records }) => (file.records[0] = records[0] ?? ''),
    ],
    ['the records are of another snapshot', (file, { records }) => (file.records = records)],
    ['the manifest is of another snapshot', (file, { manifest }) => (file.manifest = manifest)],
    ['the id is of another snapshot', (file, { id }) => (file.id = id)],
    ['there is no manifest', (file) => (file.manifest = '')],
    ['a record is a number', (file) => (file.records = [1 as never])],
    ['the seal header is damaged', (file) => (file.seal.wrapped = 'x')],
    ['the format is unknown', (file) => (file.keymgmt_snapshot = 0)],
    ['the format is newer', (file) => (file.keymgmt_snapshot = 2), 'STORE_VERSION'],
  ]

  it.each(CHANGES)('%s', async (_what, change, code = 'SNAPSHOT_INVALID') => {
    const { store } = await createFilled()
    const [file, second] = [
      JSON.parse((await save(store)).text) as File,
      JSON.parse((await save(store)).text) as File,
    ]
    change(file, second)
    expect(() => open(JSON.stringify(file))).toThrow(expect.objectContaining({ code }))
  })

  it('truncated anywhere', async () => {
    const { store } = await createDistributed()
    const { text } = await save(store)
    const end = text.trimEnd().length
    for (let length = 0; length < end; length += 7)
      expect(() => open(text.slice(0, length))).toThrow(
        expect.objectContaining({ code: 'SNAPSHOT_INVALID' }),
      )
  })

  it.each(['', 'null', '[]', '"x"', '{}', '{"format":2,"number":1,"value":""}', '\0\xff'])(
    'another file: %j',
    (text) => {
      expect(() => open(text)).toThrow(expect.objectContaining({ code: 'SNAPSHOT_INVALID' }))
    },
  )

  it('opened with another root key', async () => {
    const { text } = await save((await createDistributed()).store)
    expect(() =>
      openSnapshot(parseSnapshot(Buffer.from(text), 'the file'), createRootKey()),
    ).toThrow(expect.objectContaining({ code: 'SNAPSHOT_INVALID' }))
  })
})

/** The store, which runs `between` before each read of a record below `folder`. */
function interleaved(store: Store, between: (path: string) => Promise<void>): Store {
  return {
    ...store,
    get: async (path) => {
      await between(path)
      return store.get(path)
    },
    list: async (path) => {
      await between(path)
      return store.list(path)
    },
  }
}

/** The inconsistencies of a snapshot. */
function tornIn(snapshot: Snapshot): string[] {
  const read = values(snapshot)
  const json = (path: string): unknown =>
    JSON.parse(Buffer.from(read.get(path)?.value ?? []).toString())
  return snapshot.paths.flatMap((path) => {
    const [folder, provider = '', name = ''] = path.split('/')
    if (folder === 'key')
      return missingMaterial(read, provider).map((version) => `${path} lacks ${version}`)
    if (folder !== 'distribution') return []
    if (!read.has(recordPath.provider(provider))) return [`${path} lacks its provider`]
    if (!read.has(recordPath.key(name))) return [`${path} lacks its key`]
    const { versions, id } = json(recordPath.key(name)) as { versions: object; id: string }
    const { kms_keys, key_id } = json(path) as {
      kms_keys: { version: number }[]
      key_id: string
    }
    return [
      ...(id === key_id ? [] : [`${path} is of another key`]),
      ...kms_keys.filter(({ version }) => !(version in versions)).map(() => `${path} is newer`),
    ]
  })
}

describe('a snapshot during writes of other commands', () => {
  it('has the records of a key from one moment, even if a rotation happens at any point', async () => {
    for (let moment = 1; ; moment++) {
      const { store, kms } = await createDistributed()
      const writer = testbedOver(store, kms, kms.kind)
      let reads = 0
      const snapshot = await snapshotOf(
        interleaved(store, async () => {
          if (++reads === moment) await rotateKey(writer.engine, 'app')
        }),
      )
      expect([moment, tornIn(snapshot)]).toEqual([moment, []])
      if (reads < moment) break
      expect(moment).toBeLessThan(200)
    }
  })

  it('has no distribution without its provider or key, during any creation or deletion', async () => {
    for (let moment = 1; ; moment++) {
      const { store, kms } = await createDistributed()
      const { engine } = testbedOver(store, kms, kms.kind)
      let reads = 0
      const work = async () => {
        await saveProvider(engine, 'new', { provider: 'awskms', keyCollection: 'eu-west-1' })
        await distribute(engine, 'new', 'app', AES)
        await removeDistribution(engine, 'k', 'app', 7)
        await saveKey(engine, 'late', { type: 'ed25519' })
      }
      const snapshot = await snapshotOf(
        interleaved(store, async () => {
          if (++reads === moment) await work()
        }),
      )
      expect([moment, tornIn(snapshot)]).toEqual([moment, []])
      if (reads < moment) break
      expect(moment).toBeLessThan(200)
    }
  })

  it('takes the lock of a key that keeps changing', async () => {
    const { store } = await createDistributed()
    const locks: string[] = []
    let held = false
    const busy: Store = {
      ...interleaved(store, async (path) => {
        const stored = path === 'key/app' && !held ? await store.get(path) : undefined
        if (stored) await store.put(path, stored.value, stored.revision)
      }),
      lock: async (name, purpose) => {
        locks.push(`${name}: ${purpose}`)
        held = true
        return store.lock(name, purpose)
      },
    }
    expect(tornIn(await snapshotOf(busy))).toEqual([])
    expect(locks).toEqual(['key/app: operator snapshot save'])
  })

  it('leaves out a key that was deleted', async () => {
    for (let moment = 1; ; moment++) {
      const { engine, store } = await createTestbed()
      await saveKey(engine, 'app', { type: 'ed25519', deletionAllowed: true })
      let reads = 0
      const snapshot = await snapshotOf(
        interleaved(store, async () => {
          if (++reads === moment) await deleteKey(engine, 'app')
        }),
      )
      expect([moment, tornIn(snapshot)]).toEqual([moment, []])
      if (reads < moment) break
    }
  })
})

describe('a restore', () => {
  const restore = async (
    store: Store,
    snapshot: Snapshot,
    options: Partial<RestoreOptions> = {},
  ) => {
    const saved: Snapshot[] = []
    const result = await restoreSnapshot(store, snapshot, {
      force: false,
      begin: () => Promise.resolve(),
      saveFirst: async (locked) => {
        saved.push(await snapshotOf(locked))
      },
      ...options,
    })
    return { ...result, saved }
  }

  it('to an empty location restores every record', async () => {
    const { store } = await createFilled()
    const empty = createMemoryStore()
    const { removed, saved } = await restore(empty, await snapshotOf(store))
    expect(await contentOf(empty)).toEqual(await contentOf(store))
    expect([removed, saved]).toEqual([[], []])
  })

  it('changes nothing if the store equals the snapshot', async () => {
    const { store } = await createFilled()
    expect((await restore(store, await snapshotOf(store))).changes).toBe(0)
  })

  it('restores a record that was lost, and one that was changed', async () => {
    const { engine, store } = await createFilled()
    const before = await contentOf(store)
    const snapshot = await snapshotOf(store)
    await saveKey(engine, 'app', { minEnabledVersion: 2 })
    await store.delete('key/local', (await store.get('key/local'))?.revision ?? '')
    await restore(store, snapshot)
    expect(await contentOf(store)).toEqual(before)
  })

  /** A change after the snapshot, and what the snapshot then lacks. */
  const LATER: readonly (readonly [
    string,
    (testbed: Testbed) => Promise<unknown>,
    readonly object[],
  ])[] = [
    [
      'a key',
      ({ engine }) => saveKey(engine, 'new', { type: 'ed25519' }),
      [
        { what: 'key', key: 'new' },
        { what: 'version', key: 'new', version: 1 },
      ],
    ],
    [
      'a version and its KMS key',
      ({ engine }) => rotateKey(engine, 'app'),
      [
        { what: 'version', key: 'app', version: 3 },
        {
          what: 'kms-key',
          key: 'app',
          version: 3,
          provider: 'k',
          region: 'us-west-1',
          subject: expect.any(String),
        },
      ],
    ],
    [
      'a distribution and a provider',
      async ({ engine }) => {
        await saveProvider(engine, 'new', { provider: 'awskms', keyCollection: 'eu-west-1' })
        await distribute(engine, 'new', 'local', {
          purpose: ['sign', 'verify'],
          protection: 'hsm',
        })
      },
      [
        { what: 'provider', provider: 'new', region: 'eu-west-1' },
        {
          what: 'distribution',
          key: 'local',
          provider: 'new',
          subject: expect.stringMatching(/^local-\d+$/),
        },
        expect.objectContaining({ what: 'kms-key', key: 'local', provider: 'new' }),
      ],
    ],
    [
      'a key of the same name',
      async ({ engine }) => {
        await saveKey(engine, 'local', { deletionAllowed: true })
        await deleteKey(engine, 'local')
        await saveKey(engine, 'local', { type: 'hmac-sha256' })
      },
      [
        { what: 'key', key: 'local' },
        { what: 'version', key: 'local', version: 1 },
      ],
    ],
    ['nothing but a setting', ({ engine }) => saveKey(engine, 'app', { minEnabledVersion: 2 }), []],
    ['nothing but a removal', ({ engine }) => removeDistribution(engine, 'k', 'app', 7), []],
  ]

  it.each(LATER)('lists the items that the snapshot lacks: %s', async (_what, later, expected) => {
    const testbed = await createFilled()
    const { store } = testbed
    const snapshot = await snapshotOf(store)
    await later(testbed)
    const surplus = await compareWithSnapshot(store, snapshot)
    expect(surplus).toHaveLength(expected.length)
    expect(surplus).toEqual(expect.arrayContaining([...expected]))
    const before = await contentOf(store)
    if (expected.length > 0) {
      await expect(restore(store, snapshot)).rejects.toMatchObject({ code: 'SNAPSHOT_REFUSED' })
      expect(await contentOf(store)).toEqual(before)
    }
  })

  it.each(LATER.filter(([, , surplus]) => surplus.length > 0))(
    'with force saves the store first, and keeps all material: %s',
    async (_what, later) => {
      const testbed = await createFilled()
      const { store } = testbed
      const original = await contentOf(store)
      const snapshot = await snapshotOf(store)
      await later(testbed)
      const newer = await contentOf(store)
      const { saved } = await restore(store, snapshot, { force: true })
      const material = Object.entries(newer).filter(([path]) => path.startsWith('material/'))
      expect(await contentOf(store)).toEqual({ ...Object.fromEntries(material), ...original })
      const [before] = saved
      if (!before) throw new Error('nothing was saved')
      await restore(store, before, { force: true })
      expect(await contentOf(store)).toEqual({ ...original, ...newer })
    },
  )

  it('can be repeated after a kill before each of its writes', async () => {
    const testbed = await createFilled()
    const snapshot = await snapshotOf(testbed.store)
    const original = await contentOf(testbed.store)
    await saveKey(testbed.engine, 'new', { type: 'ed25519' })
    for (let writes = 0; ; writes++) {
      const store = createMemoryStore()
      await restore(store, await snapshotOf(testbed.store))
      let left = writes
      const stop = () => {
        if (left-- === 0) throw new Error('killed')
      }
      const killed: Store = {
        ...store,
        put: async (...args) => {
          stop()
          return store.put(...args)
        },
        delete: async (...args) => {
          stop()
          return store.delete(...args)
        },
      }
      const ended = await restore(killed, snapshot, { force: true }).then(
        () => true,
        () => false,
      )
      await restore(store, snapshot, { force: true })
      expect(await contentOf(store)).toMatchObject(original)
      expect(await readKey({ ...testbed.engine, store }, 'new')).toBeUndefined()
      if (ended) break
    }
  })

  it('refuses a snapshot with other material of the same name', async () => {
    const { engine, store } = await createDistributed()
    const snapshot = await snapshotOf(store)
    const key = (await requireKey(engine, 'app')).current
    const path = snapshot.paths.find((each) => each.startsWith('material/')) ?? ''
    const revision = (await store.get(path))?.revision
    await store.put(path, new Uint8Array(32), revision)
    await expect(restore(store, snapshot, { force: true })).rejects.toMatchObject({
      code: 'SNAPSHOT_REFUSED',
    })
    await expect(withMaterial(store, key, 1, () => Promise.resolve())).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
    })
  })

  it('waits for a command that works on a key', async () => {
    const { store } = await createFilled()
    const snapshot = await snapshotOf(store)
    const lock = await store.lock('key/app', 'test')
    let released = false
    const restoring = restore(store, snapshot).then(() => released)
    for (let turn = 0; turn < 1_000; turn++) await nextTurn()
    released = true
    await lock.release()
    expect(await restoring).toBe(true)
  })

  it('does not contain a provider that was deleted during it', async () => {
    const { engine, store } = await createTestbed()
    const snapshot = await snapshotOf(store)
    await deleteProvider(engine, 'k')
    await restore(store, snapshot)
    expect(await store.list('kms')).toEqual(['k'])
  })
})

describe('a store that is older than AWS', () => {
  /** The store as it was before two rotations, over the same KMS. */
  async function createOlder() {
    const { store, kms, engine } = await createDistributed()
    const older = createMemoryStore()
    const snapshot = await snapshotOf(store)
    await rotateKey(engine, 'app')
    await rotateKey(engine, 'app')
    await restoreSnapshot(older, snapshot, {
      force: false,
      begin: () => Promise.resolve(),
      saveFirst: () => Promise.resolve(),
    })
    // Tags contain the id of the store, which a restore to a sealed store keeps.
    const same: Store = { ...older, id: () => store.id() }
    return testbedOver(same, kms, kms.kind)
  }

  it('records the version that the alias names, and rotates to the one after it', async () => {
    const { engine, kms } = await createOlder()
    const newest = kms.keys.at(-1)?.key.id
    expect(await recordNewerVersions(engine, 'app')).toEqual([
      { key: 'app', provider: 'k', region: 'us-west-1', version: 3, kmsKeyId: newest },
    ])
    expect(await recordNewerVersions(engine, 'app')).toEqual([])
    const key = await readKey(engine, 'app')
    expect(
      Object.entries(key?.versions ?? {}).map(([version, { material }]) => [
        version,
        material.state,
      ]),
    ).toEqual([
      ['1', 'stored'],
      ['2', 'not-in-store'],
      ['3', 'not-in-store'],
    ])
    expect((await verifyDistribution(engine, 'k', 'app', true)).differences).toEqual([])
    await repairDistribution(engine, 'k', 'app')
    expect([...kms.aliases.values()]).toEqual([newest])
    expect((await rotateKey(engine, 'app')).latestVersion).toBe(4)
    expect(kms.keys.map(({ request }) => request.description)).toEqual(
      [1, 2, 3, 4].map((version) => `keymgmt app version ${version}`),
    )
  })

  it("does not record another owner's KMS key at the alias", async () => {
    const { engine, kms } = await createOlder()
    kms.keys.at(-1)?.tags.set('keymgmt:key-id', 'another')
    expect(await recordNewerVersions(engine, 'app')).toEqual([])
    expect((await readKey(engine, 'app'))?.latestVersion).toBe(1)
  })
})
