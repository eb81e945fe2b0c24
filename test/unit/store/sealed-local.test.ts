import { afterEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openSealedLocalStore, type CreatedStore } from '../../../src/store/index.js'

const bases: string[] = []
afterEach(() => {
  for (const base of bases.splice(0)) rmSync(base, { recursive: true, force: true })
})

const newPlace = () => {
  const base = mkdtempSync(join(tmpdir(), 'keymgmt-sealed-local-'))
  bases.push(base)
  return { storeDir: join(base, 'data'), keyfile: join(base, 'keyfile') }
}
const value = Buffer.from('planted secret')

function makeFifo(file: string): void {
  rmSync(file)
  execFileSync('mkfifo', ['-m', '600', file])
}

async function makeStore() {
  const place = newPlace()
  const revision = await openSealedLocalStore(place).store.put(
    'distribution/k/app',
    value,
    undefined,
  )
  return {
    ...place,
    revision,
    record: join(place.storeDir, 'store', 'distribution', 'k', 'app.json'),
    store: openSealedLocalStore(place).store,
  }
}
type Made = Awaited<ReturnType<typeof makeStore>>

describe('a store', () => {
  it('is not created by reading; the first write creates all of it, private to this user', async () => {
    const place = newPlace()
    const created: CreatedStore[] = []
    const opened = openSealedLocalStore({
      ...place,
      onCreated: (store) => created.push(store),
    })
    expect([
      await opened.store.get('key/app'),
      await opened.store.list('key'),
      await opened.seal(),
    ]).toEqual([undefined, [], { seals: [], kmsKeys: [], path: place.storeDir }])
    expect(existsSync(place.storeDir)).toBe(false)
    await opened.store.put('key/app', value, undefined)
    await openSealedLocalStore(place).store.put('key/b', value, undefined)
    const seal = { seals: ['keyfile'], kmsKeys: [], path: place.storeDir, keyfile: place.keyfile }
    expect(created).toEqual([{ ...seal, isKeyfileNew: true }])
    expect(await opened.seal()).toEqual(seal)
    const modes = [
      '.',
      'locks',
      'store',
      'store/key',
      'store/key/app.json',
      'seal.json',
      '../keyfile',
    ].map((file) => statSync(join(place.storeDir, file)).mode & 0o777)
    expect(modes).toEqual([0o700, 0o700, 0o700, 0o700, 0o600, 0o600, 0o600])
    expect(readFileSync(join(place.storeDir, 'store', 'key', 'app.json'), 'latin1')).not.toContain(
      value.toString('base64'),
    )
  })

  it('has its id in its header, which the first request for the id creates', async () => {
    const place = newPlace()
    const id = await openSealedLocalStore(place).store.id()
    expect(JSON.parse(readFileSync(join(place.storeDir, 'seal.json'), 'utf8'))).toMatchObject({
      store_id: id,
    })
    expect(await openSealedLocalStore(place).store.id()).toBe(id)
  })

  it('is sealed with the existing keyfile, which is never replaced', async () => {
    const made = await makeStore()
    const keyfile = readFileSync(made.keyfile, 'utf8')
    const other = { storeDir: join(made.storeDir, '..', 'other'), keyfile: made.keyfile }
    await openSealedLocalStore(other).store.put('key/app', value, undefined)
    expect(readFileSync(made.keyfile, 'utf8')).toBe(keyfile)
    expect((await openSealedLocalStore(made).store.get('distribution/k/app'))?.value).toEqual(value)
  })

  it('removes the drafts of a header and a keyfile that killed processes left', async () => {
    const made = await makeStore()
    const draft = join(made.storeDir, '.seal.json.draft-0123456789abcdef')
    writeFileSync(draft, 'torn')
    await made.store.put('key/b', value, undefined)
    expect(existsSync(draft)).toBe(false)
  })

  it('opens with its passphrase only, and is not created with an empty one', async () => {
    const place = newPlace()
    const asked: string[] = []
    const withPassphrase = (text?: string) =>
      openSealedLocalStore({
        ...place,
        createSeals: [{ kind: 'passphrase' }],
        passphrase: (to) => {
          asked.push(to)
          return Promise.resolve(text === undefined ? undefined : Buffer.from(text))
        },
      }).store
    for (const none of [undefined, ''])
      await expect(withPassphrase(none).put('key/app', value, undefined)).rejects.toMatchObject({
        code: 'STORE_SEALED',
      })
    expect(existsSync(join(place.storeDir, 'seal.json'))).toBe(false)
    await withPassphrase('right').put('key/app', value, undefined)
    expect(Buffer.from((await withPassphrase('right').get('key/app'))?.value ?? [])).toEqual(value)
    for (const wrong of ['wrong', undefined]) {
      await expect(withPassphrase(wrong).get('key/app')).rejects.toMatchObject({
        code: 'STORE_SEALED',
      })
      await expect(withPassphrase(wrong).put('key/b', value, undefined)).rejects.toMatchObject({
        code: 'STORE_SEALED',
      })
    }
    // Without a passphrase from the environment, the user is asked.
    expect(asked).toEqual(['create', 'create', 'create', ...Array<string>(7).fill('open')])
    expect(existsSync(place.keyfile)).toBe(false)
  })
})

const DAMAGES: readonly (readonly [code: string, what: string, damage: (made: Made) => void])[] = [
  [
    'STORE_SEALED',
    'no seal.json',
    ({ storeDir }) => {
      rmSync(join(storeDir, 'seal.json'))
    },
  ],
  [
    'STORE_CORRUPT',
    'an empty seal.json',
    ({ storeDir }) => {
      truncateSync(join(storeDir, 'seal.json'))
    },
  ],
  [
    'STORE_SEALED',
    'no keyfile',
    ({ keyfile }) => {
      rmSync(keyfile)
    },
  ],
  [
    'STORE_SEALED',
    'another keyfile',
    ({ keyfile }) => {
      writeFileSync(keyfile, `keymgmt-keyfile-v1:${Buffer.alloc(32).toString('base64')}\n`)
    },
  ],
  [
    'STORE_SEALED',
    'a truncated keyfile',
    ({ keyfile }) => {
      truncateSync(keyfile, 30)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a keyfile that others read',
    ({ keyfile }) => {
      chmodSync(keyfile, 0o640)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a seal.json that others read',
    ({ storeDir }) => {
      chmodSync(join(storeDir, 'seal.json'), 0o604)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a store folder that others read',
    ({ storeDir }) => {
      chmodSync(storeDir, 0o755)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a folder of records that others read',
    ({ storeDir }) => {
      chmodSync(join(storeDir, 'store'), 0o750)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a folder in the middle that others write',
    ({ storeDir }) => {
      chmodSync(join(storeDir, 'store', 'distribution'), 0o720)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a last folder that others enter',
    ({ storeDir }) => {
      chmodSync(join(storeDir, 'store', 'distribution', 'k'), 0o701)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a folder that is a link',
    ({ storeDir }) => {
      renameSync(join(storeDir, 'store', 'distribution'), join(storeDir, 'moved'))
      symlinkSync(join(storeDir, 'moved'), join(storeDir, 'store', 'distribution'))
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a record that others read',
    ({ record }) => {
      chmodSync(record, 0o604)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a record that is a link',
    ({ record, storeDir }) => {
      renameSync(record, join(storeDir, 'x'))
      symlinkSync(join(storeDir, 'x'), record)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a seal.json that is a link',
    ({ storeDir }) => {
      renameSync(join(storeDir, 'seal.json'), join(storeDir, 'x'))
      symlinkSync(join(storeDir, 'x'), join(storeDir, 'seal.json'))
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a keyfile in a folder that others write',
    ({ keyfile }) => {
      chmodSync(dirname(keyfile), 0o757)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a keyfile that links to one in a folder that others write',
    ({ keyfile }) => {
      const open = join(dirname(keyfile), 'open')
      mkdirSync(open, { mode: 0o700 })
      chmodSync(open, 0o777)
      renameSync(keyfile, join(open, 'keyfile'))
      symlinkSync('open/keyfile', keyfile)
    },
  ],
  [
    'STORE_PERMISSIONS',
    'a keyfile to read for everybody',
    ({ keyfile }) => {
      chmodSync(keyfile, 0o444)
    },
  ],
  [
    'STORE_UNAVAILABLE',
    'a FIFO for a keyfile',
    ({ keyfile }) => {
      makeFifo(keyfile)
    },
  ],
  [
    'STORE_UNAVAILABLE',
    'a FIFO for a seal.json',
    ({ storeDir }) => {
      makeFifo(join(storeDir, 'seal.json'))
    },
  ],
  [
    'STORE_CORRUPT',
    'a truncated record',
    ({ record }) => {
      truncateSync(record, 40)
    },
  ],
  [
    'STORE_CORRUPT',
    'an empty record',
    ({ record }) => {
      truncateSync(record, 0)
    },
  ],
  [
    'STORE_CORRUPT',
    'a record that is something else',
    ({ record }) => {
      writeFileSync(record, 'null')
    },
  ],
  [
    'STORE_VERSION',
    'a newer record',
    ({ record }) => {
      writeFileSync(record, '{"format":3}')
    },
  ],
  [
    'STORE_VERSION',
    'an earlier record',
    ({ record }) => {
      writeFileSync(record, '{"format":1,"revision":1,"sealed":""}')
    },
  ],
  [
    'STORE_VERSION',
    'a newer store',
    ({ storeDir }) => {
      writeFileSync(join(storeDir, 'seal.json'), '{"format":2}')
    },
  ],
]

describe('a damaged or unsafe store', () => {
  it.each(DAMAGES)('is refused with %s, and not overwritten: %s', async (code, _what, damage) => {
    const made = await makeStore()
    damage(made)
    const damaged = readFileSync(made.record, 'utf8')
    await expect(made.store.get('distribution/k/app')).rejects.toMatchObject({
      code,
      hints: [expect.any(String)],
    })
    await expect(made.store.put('distribution/k/app', value, made.revision)).rejects.toMatchObject({
      code,
    })
    expect(readFileSync(made.record, 'utf8')).toBe(damaged)
    expect(readdirSync(join(made.storeDir, 'locks'))).toEqual([])
  })

  it('with a FIFO or a folder in place of a record is refused without blocking', async () => {
    const made = await makeStore()
    makeFifo(made.record)
    for (const replace of [
      () => undefined,
      () => {
        rmSync(made.record)
        mkdirSync(made.record, { mode: 0o700 })
      },
    ]) {
      replace()
      const refused = { code: 'STORE_UNAVAILABLE', message: `${made.record} is not a regular file` }
      await expect(made.store.get('distribution/k/app')).rejects.toMatchObject(refused)
      await expect(
        made.store.put('distribution/k/app', value, made.revision),
      ).rejects.toMatchObject(refused)
    }
  })

  it.each([0o777, 0o707])(
    'below a folder that other users can write (mode %o) is refused, unless it is sticky',
    async (mode) => {
      const made = await makeStore()
      const deeper = join(dirname(made.storeDir), 'a', 'b')
      mkdirSync(deeper, { recursive: true, mode: 0o700 })
      renameSync(made.storeDir, join(deeper, 'data'))
      const moved = () =>
        openSealedLocalStore({ storeDir: join(deeper, 'data'), keyfile: made.keyfile }).store
      expect((await moved().get('distribution/k/app'))?.value).toEqual(value)
      chmodSync(dirname(deeper), mode)
      const refused = {
        code: 'STORE_PERMISSIONS',
        message: expect.stringContaining(dirname(deeper)) as unknown,
      }
      await expect(moved().get('distribution/k/app')).rejects.toMatchObject(refused)
      await expect(moved().list('distribution')).rejects.toMatchObject(refused)
      await expect(moved().put('key/app', value, undefined)).rejects.toMatchObject(refused)
      chmodSync(dirname(deeper), 0o1000 | mode)
      expect((await moved().get('distribution/k/app'))?.value).toEqual(value)
    },
  )

  it('with a keyfile that a container platform mounts, a link with mode 0440, is accepted', async () => {
    const made = await makeStore()
    const versions = join(dirname(made.keyfile), '..2026_01')
    mkdirSync(versions, { mode: 0o755 })
    renameSync(made.keyfile, join(versions, 'keyfile'))
    chmodSync(join(versions, 'keyfile'), 0o440)
    symlinkSync('..2026_01', join(dirname(made.keyfile), '..data'))
    symlinkSync('..data/keyfile', made.keyfile)
    expect((await openSealedLocalStore(made).store.get('distribution/k/app'))?.value).toEqual(value)
  })

  it('with a keyfile behind a link loop is refused', async () => {
    const made = await makeStore()
    rmSync(made.keyfile)
    symlinkSync('keyfile', made.keyfile)
    await expect(openSealedLocalStore(made).store.get('distribution/k/app')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    })
  })

  it('with a record that was copied over another is refused', async () => {
    const made = await makeStore()
    await made.store.put('distribution/k/b', value, undefined)
    copyFileSync(made.record, join(made.record, '..', 'b.json'))
    await expect(made.store.get('distribution/k/b')).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
    })
  })

  it('with a folder of locks or records that other users can access is refused', async () => {
    const made = await makeStore()
    chmodSync(join(made.storeDir, 'store', 'distribution', 'k'), 0o770)
    await expect(made.store.list('distribution/k')).rejects.toMatchObject({
      code: 'STORE_PERMISSIONS',
    })
    chmodSync(join(made.storeDir, 'locks'), 0o770)
    await expect(made.store.lock('key/app', 'test')).rejects.toMatchObject({
      code: 'STORE_PERMISSIONS',
    })
  })

  // Only root can change the owner of a folder.
  if (process.getuid?.() === 0)
    it('with a folder that belongs to another user is refused', async () => {
      const made = await makeStore()
      chownSync(join(made.storeDir, 'store', 'distribution'), 65534, 65534)
      await expect(made.store.get('distribution/k/app')).rejects.toMatchObject({
        code: 'STORE_PERMISSIONS',
        message: expect.stringContaining('belongs to another user') as unknown,
      })
    })

  it('with an unknown file in its folders is accepted', async () => {
    const made = await makeStore()
    mkdirSync(join(made.storeDir, 'store', 'key'), { mode: 0o700 })
    writeFileSync(join(made.storeDir, 'store', 'key', '.DS_Store'), 'x')
    expect(await made.store.list('key')).toEqual([])
  })
})
