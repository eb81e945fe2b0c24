import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { KEY_TYPES, type KeyTypeName } from '../../src/crypto/key-types.js'
import { startDevKms, type DevKms } from '../../src/dev-kms/index.js'
import { awsKms } from '../../src/kms/aws/index.js'
import { createMemoryKms } from '../support/memory-kms.js'
import { OPERATION_TAG, type KmsKey, type Purpose } from '../../src/kms/kms-key.js'
import type { KmsProvider } from '../../src/kms/provider.js'

// The contract of every KmsProvider. Above all, every call except `create` can be repeated.

const HOME = 'us-west-1'
const AWAY = 'eu-west-1'

/** An implementation to test. */
interface Candidate {
  open(): Promise<KmsProvider>
  close(): Promise<void>
}

async function aws(): Promise<Candidate> {
  const kms: DevKms = await startDevKms()
  const { accessKeyId, secretAccessKey } = kms.credentials
  const kind = awsKms({ env: {}, signal: new AbortController().signal })
  return {
    open: () =>
      kind.open({
        region: HOME,
        credentials: {
          endpoint: kms.endpoint,
          access_key: accessKeyId,
          secret_key: secretAccessKey,
        },
      }),
    close: () => kms.close(),
  }
}

/** The KMS of the core's tests, so that these do not rely on something that no KMS does. */
function inMemory(): Promise<Candidate> {
  const { kind } = createMemoryKms()
  return Promise.resolve({
    open: () => kind.open({ region: HOME, credentials: {} }),
    close: () => Promise.resolve(),
  })
}

const CANDIDATES: Readonly<Record<string, () => Promise<Candidate>>> = {
  awskms: aws,
  'in memory': inMemory,
}

const KINDS: readonly (readonly [KeyTypeName, readonly Purpose[], holds: true | undefined])[] = [
  ['aes256-gcm96', ['decrypt', 'encrypt'], undefined],
  ['rsa-2048', ['sign', 'verify'], true],
  ['ecdsa-p256', ['derive'], true],
  ['ed25519', ['sign', 'verify'], true],
  ['hmac-sha256', ['sign', 'verify'], true],
]

describe.each(Object.entries(CANDIDATES))('%s', (_name, start) => {
  let candidate: Candidate
  let provider: KmsProvider
  beforeAll(async () => {
    candidate = await start()
    provider = await candidate.open()
  })
  afterAll(() => candidate.close())

  const make = (
    type: KeyTypeName,
    purpose: readonly Purpose[],
    operation: string = randomUUID(),
    multiRegion = false,
  ) =>
    provider.create({
      type,
      purpose,
      multiRegion,
      description: 'contract',
      tags: { [OPERATION_TAG]: operation },
    })
  const state = async (key: KmsKey, region = HOME) => (await provider.inspect(region, key))?.state
  const twice = async (call: () => Promise<unknown>) => {
    await call()
    await call()
  }
  const filled = async (
    type: KeyTypeName = 'aes256-gcm96',
    purpose: readonly Purpose[] = ['decrypt', 'encrypt'],
  ) => {
    const key = await make(type, purpose)
    const material = await KEY_TYPES[type].generate()
    await provider.importMaterial(HOME, key, type, material)
    return { key, material }
  }

  it.each(KINDS)(
    'imports %s for %j, also again, proves that it has it, and refuses other material',
    async (type, purpose, holds) => {
      const key = await make(type, purpose)
      expect(await state(key)).toBe('pending-import')
      const [material, other] = [await KEY_TYPES[type].generate(), await KEY_TYPES[type].generate()]
      await twice(() => provider.importMaterial(HOME, key, type, material))
      expect(await provider.inspect(HOME, key)).toMatchObject({
        state: 'enabled',
        external: true,
        expires: undefined,
        kind: { type, purpose },
      })
      expect(await provider.holds(HOME, key, type, material)).toBe(holds)
      expect(await provider.holds(HOME, key, type, other)).toBe(holds && false)
      const { materialId } = (await provider.inspect(HOME, key)) ?? {}
      expect([
        await provider.accepts(HOME, key, type, material),
        await provider.accepts(HOME, key, type, other),
      ]).toEqual([{ materialId }, undefined])
    },
  )

  it('knows the last use of a KMS key, in each of its states', async () => {
    const key = await make('aes256-gcm96', ['decrypt', 'encrypt'])
    const { last, created, trackedSince } = await provider.lastUse(HOME, key)
    expect(last).toBeUndefined()
    expect(Math.abs(created.getTime() - Date.now())).toBeLessThan(60_000)
    expect(trackedSince.getTime()).toBeGreaterThanOrEqual(created.getTime())
    await provider.scheduleDeletion(HOME, key, 7)
    expect(await provider.lastUse(HOME, key)).toEqual({ last, created, trackedSince })
    const missing = {
      id: key.id.replace(/^.{8}/, '00000000'),
      arn: key.arn.replace(/\/.{8}/, '/00000000'),
    }
    await expect(provider.lastUse(HOME, missing)).rejects.toMatchObject({
      code: 'KMS_KEY_NOT_FOUND',
    })
  })

  it('deletes material, imports the same again, and so enables the KMS key', async () => {
    const { key, material } = await filled()
    await provider.disable(HOME, key)
    await provider.importMaterial(HOME, key, 'aes256-gcm96', material)
    expect(await state(key)).toBe('disabled')
    await twice(() => provider.deleteMaterial(HOME, key))
    expect(await state(key)).toBe('pending-import')
    await provider.importMaterial(HOME, key, 'aes256-gcm96', material)
    expect(await state(key)).toBe('enabled')
  })

  it('identifies the material of symmetric KMS keys only, differently for each KMS key', async () => {
    const [{ key: one, material }, { key: two }, pair] = [
      await filled(),
      await filled(),
      await filled('ed25519', ['sign', 'verify']),
    ]
    const { materialId } = await provider.importMaterial(HOME, one, 'aes256-gcm96', material)
    expect(materialId).toMatch(/^[0-9a-f]{64}$/)
    const named = await Promise.all(
      [one, two, pair.key].map(async (key) => (await provider.inspect(HOME, key))?.materialId),
    )
    expect(named).toEqual([materialId, expect.not.stringMatching(`^${materialId}$`), undefined])
    expect(await provider.importMaterial(HOME, pair.key, 'ed25519', pair.material)).toEqual({
      materialId: undefined,
    })
  })

  it('finds KMS keys by their operation, and no others', async () => {
    const [one, two] = [randomUUID(), randomUUID()]
    const key = await make('aes256-gcm96', ['decrypt', 'encrypt'], one)
    expect(await provider.findByOperation(new Set([one, two]), new Date())).toEqual(
      new Map([[one, key]]),
    )
  })

  it('imports material with an expiry, and without it again', async () => {
    const { key, material } = await filled()
    const validTo = new Date(Math.floor(Date.now() / 1000) * 1000 + 86_400_000)
    const expires = async () => (await provider.inspect(HOME, key))?.expires
    await provider.importMaterial(HOME, key, 'aes256-gcm96', material, validTo)
    expect(await expires()).toEqual(validTo)
    await provider.accepts(HOME, key, 'aes256-gcm96', material, validTo)
    expect(await expires()).toEqual(validTo)
    await provider.importMaterial(HOME, key, 'aes256-gcm96', material)
    expect(await expires()).toBeUndefined()
  })

  it('finds the KMS keys of a Region by a tag, with all of their tags', async () => {
    const { key } = await filled()
    await provider.tag(HOME, key, { more: 'tags' })
    const { tagged } = await provider.findTagged(HOME, 'more', 'tags')
    expect(tagged).toEqual([{ key, tags: await provider.tagsOf(HOME, key) }])
    expect((await provider.findTagged(HOME, 'more', 'other')).tagged).toEqual([])
    expect((await provider.findTagged('eu-west-1', 'more', 'tags')).tagged).toEqual([])
  })

  it('enables, disables and tags, and can repeat each', async () => {
    const { key } = await filled()
    await twice(() => provider.disable(HOME, key))
    expect(await state(key)).toBe('disabled')
    await twice(() => provider.enable(HOME, key))
    expect(await state(key)).toBe('enabled')
    await twice(() => provider.tag(HOME, key, { more: 'tags' }))
    expect(await provider.tagsOf(HOME, key)).toMatchObject({ more: 'tags' })
  })

  it('schedules and cancels a deletion, and can repeat each; reports a KMS key that never existed as missing', async () => {
    const { key } = await filled()
    expect(await provider.scheduleDeletion(HOME, key, 7)).toBeInstanceOf(Date)
    await provider.scheduleDeletion(HOME, key, 7)
    expect(await state(key)).toBe('pending-deletion')
    await twice(() => provider.cancelDeletion(HOME, key))
    expect(await state(key)).toBe('disabled')
    const none = { id: randomUUID(), arn: '' }
    expect(await provider.inspect(HOME, none)).toBeUndefined()
    await expect(provider.scheduleDeletion(HOME, none, 7)).rejects.toMatchObject({
      code: 'KMS_KEY_NOT_FOUND',
    })
    await expect(provider.cancelDeletion(HOME, none)).rejects.toMatchObject({
      code: 'KMS_KEY_NOT_FOUND',
    })
  })

  it("creates, moves and removes an alias, can repeat each, and leaves another owner's alias alone", async () => {
    const [{ key: one }, { key: two }, { key: foreign }] = [
      await filled(),
      await filled(),
      await filled(),
    ]
    const ours = { keys: new Set([one.id, two.id]), exists: false }
    const target = async () =>
      (await provider.aliasTargets(HOME, new Set(['alias/contract']))).get('alias/contract')
    await twice(() => provider.pointAlias(HOME, 'alias/contract', one, ours))
    expect(await target()).toBe(one.id)
    await twice(() => provider.pointAlias(HOME, 'alias/contract', two, ours))
    expect(await target()).toBe(two.id)
    await expect(
      provider.pointAlias(HOME, 'alias/contract', foreign, {
        keys: new Set([foreign.id]),
        exists: false,
      }),
    ).rejects.toMatchObject({ code: 'KMS_FAILED' })
    expect(await target()).toBe(two.id)
    await provider.pointAlias(HOME, 'alias/contract', foreign, { keys: new Set(), exists: true })
    expect(await target()).toBe(foreign.id)
    await twice(() => provider.removeAlias(HOME, 'alias/contract'))
    expect(await target()).toBeUndefined()
  })

  it('rotates in place to new material, and can repeat that', async () => {
    const { key } = await filled()
    const next = await KEY_TYPES['aes256-gcm96'].generate()
    const add = (material: Uint8Array, description: string) =>
      provider.importMaterial(HOME, key, 'aes256-gcm96', material, undefined, {
        kind: 'new',
        description,
      })
    const { materialId } = await add(next, 'contract/v2')
    expect(await provider.materials(HOME, key)).toMatchObject([
      { state: 'current', imported: true, expires: undefined, rotatedAt: undefined },
      { id: materialId, state: 'pending', imported: true, description: 'contract/v2' },
    ])
    await expect(add(next, 'again')).rejects.toMatchObject({ code: 'KMS_FAILED' })
    await twice(() => provider.rotate(HOME, key))
    expect(await provider.rotate(HOME, key)).toMatchObject([
      { state: 'former', rotatedAt: undefined },
      { id: materialId, state: 'current', rotatedAt: expect.any(Date) },
    ])
    expect(await provider.inspect(HOME, key)).toMatchObject({ state: 'enabled', materialId })
  })

  it('deletes each material by its id, and imports it again by its id', async () => {
    const { key, material } = await filled()
    const next = await KEY_TYPES['aes256-gcm96'].generate()
    const as = { kind: 'new', description: 'contract/v2' } as const
    const type = 'aes256-gcm96'
    const pending = await provider.importMaterial(HOME, key, type, next, undefined, as)
    await provider.deleteMaterial(HOME, key, pending.materialId)
    expect([await state(key), (await provider.materials(HOME, key)).length]).toEqual(['enabled', 1])
    await expect(provider.deleteMaterial(HOME, key, pending.materialId)).rejects.toMatchObject({
      code: 'KMS_KEY_NOT_FOUND',
    })
    await provider.importMaterial(HOME, key, type, next, undefined, as)
    const [first] = await provider.rotate(HOME, key)
    await twice(() => provider.deleteMaterial(HOME, key, first?.id))
    expect(await state(key)).toBe('pending-import')
    const existing = { kind: 'existing', materialId: first?.id } as const
    await expect(
      provider.importMaterial(HOME, key, type, next, undefined, existing),
    ).rejects.toMatchObject({ code: 'KMS_FAILED' })
    await provider.importMaterial(HOME, key, type, material, undefined, existing)
    expect([await state(key), (await provider.materials(HOME, key)).length]).toEqual(['enabled', 2])
  })

  it('rotates a multi-Region key in place when every Region has the material', async () => {
    const type = 'aes256-gcm96'
    const key = await make(type, ['decrypt', 'encrypt'], randomUUID(), true)
    const [first, next] = [await KEY_TYPES[type].generate(), await KEY_TYPES[type].generate()]
    await provider.importMaterial(HOME, key, type, first)
    const request = {
      type,
      purpose: ['decrypt', 'encrypt'] as const,
      multiRegion: true,
      description: 'contract',
      tags: {},
    } as const
    const { key: replica } = await provider.replicate(key, AWAY, request)
    await provider.awaitReplica(AWAY, replica)
    await provider.importMaterial(AWAY, replica, type, first)
    const as = { kind: 'new', description: 'contract/v2' } as const
    const { materialId } = await provider.importMaterial(HOME, key, type, next, undefined, as)
    expect((await provider.materials(HOME, key))[1]).toMatchObject({ state: 'incomplete' })
    expect((await provider.materials(AWAY, replica))[1]).toMatchObject({
      id: materialId,
      imported: false,
    })
    const existing = { kind: 'existing', materialId } as const
    await provider.importMaterial(AWAY, replica, type, next, undefined, existing)
    await provider.rotate(HOME, key)
    for (const [region, each] of [
      [HOME, key],
      [AWAY, replica],
    ] as const)
      expect(await provider.materials(region, each)).toMatchObject([
        { state: 'former' },
        { id: materialId, state: 'current', rotatedAt: expect.any(Date) },
      ])
  })

  it('replicates, can repeat it, and finds the replica', async () => {
    const key = await make('aes256-gcm96', ['decrypt', 'encrypt'], randomUUID(), true)
    const material = await KEY_TYPES['aes256-gcm96'].generate()
    await provider.importMaterial(HOME, key, 'aes256-gcm96', material)
    expect(await provider.findReplica(key, AWAY, new Date())).toBeUndefined()
    const request = {
      type: 'aes256-gcm96' as const,
      purpose: ['decrypt', 'encrypt'] as const,
      multiRegion: true,
      description: 'contract',
      tags: {},
    }
    await twice(async () => {
      const { key: replica } = await provider.replicate(key, AWAY, request)
      await provider.awaitReplica(AWAY, replica)
      expect(replica).toEqual((await provider.inspect(AWAY, replica))?.key)
    })
    expect((await provider.findReplica(key, AWAY, new Date()))?.id).toBe(key.id)
    expect(await state(key, AWAY)).toBe('pending-import')
    await provider.importMaterial(AWAY, key, 'aes256-gcm96', material)
    expect(await provider.inspect(AWAY, key)).toMatchObject({
      state: 'enabled',
      multiRegion: { primary: HOME, regions: [HOME, AWAY] },
    })
    const replica = (await provider.inspect(AWAY, key))?.key ?? key
    await expect(provider.replicate(replica, 'us-east-1', request)).rejects.toMatchObject({
      code: 'KMS_FAILED',
    })
  })

  it('moves the primary to an enabled replica and back, and can repeat each', async () => {
    const type = 'aes256-gcm96'
    const request = {
      type,
      purpose: ['decrypt', 'encrypt'] as const,
      multiRegion: true,
      description: 'contract',
      tags: {},
    } as const
    const key = await make(type, request.purpose, randomUUID(), true)
    const material = await KEY_TYPES[type].generate()
    await provider.importMaterial(HOME, key, type, material)
    const { key: replica } = await provider.replicate(key, AWAY, request)
    await provider.awaitReplica(AWAY, replica)
    const refused = { code: 'KMS_FAILED' }
    await provider.importMaterial(AWAY, replica, type, material)
    await provider.disable(AWAY, replica)
    await expect(provider.movePrimary(HOME, key, AWAY)).rejects.toMatchObject(refused)
    await provider.enable(AWAY, replica)
    await twice(() => provider.movePrimary(HOME, key, AWAY))
    for (const region of [HOME, AWAY])
      expect(await provider.inspect(region, key)).toMatchObject({
        state: 'enabled',
        multiRegion: { primary: AWAY },
      })
    await expect(provider.movePrimary(HOME, key, 'us-east-1')).rejects.toMatchObject(refused)
    await twice(() => provider.movePrimary(AWAY, replica, HOME))
    expect(await provider.inspect(AWAY, key)).toMatchObject({ multiRegion: { primary: HOME } })
  })
})
