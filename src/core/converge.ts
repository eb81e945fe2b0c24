import { randomUUID } from 'node:crypto'
import { KeymgmtError } from '../errors.js'
import { OPERATION_TAG, type KmsKey, type KmsKeyRequest, type KmsProvider } from '../kms/provider.js'
import { aliasName } from './aliases.js'
import type { Engine } from './engine.js'
import type { Ledger } from './ledger.js'
import { plan, type Chain, type Step } from './plan.js'
import { recordPath, type CopyRecord, type DistributionRecord, type KeyRecord } from './records.js'

/** AWS's longest, so that a removal can be taken back for as long as it ever can. */
const DELETION_WINDOW_DAYS = 30

/** What the steps of one distribution work on. */
interface Work {
  readonly engine: Engine
  readonly key: KeyRecord
  readonly ledger: Ledger<DistributionRecord>
  readonly provider: KmsProvider
}

/**
 * Makes the KMS have what `key` and the distribution's record say, each step written down before it is taken and
 * again when it is done. Where an earlier run was interrupted, this one finishes its work.
 *
 * @throws KeymgmtError of the first step that failed, after every step beside it has ended.
 */
export async function converge(engine: Engine, key: KeyRecord, ledger: Ledger<DistributionRecord>, provider: KmsProvider): Promise<void> {
  const work = { engine, key, ledger, provider }
  await findLostCopies(work)
  // A step may make another one necessary (a version enabled only to be replicated), so plan until there is nothing.
  for (let stages = plan(key, ledger.current); stages.length > 0; stages = plan(key, ledger.current)) {
    for (const chains of stages) await runSideBySide(work, chains)
  }
}

async function runSideBySide(work: Work, chains: readonly Chain[]): Promise<void> {
  const results = await Promise.allSettled(
    chains.map(async (chain) => {
      for (const step of chain) await STEPS[step.action](work, step)
    }),
  )
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  if (failures.length > 0) throw failures[0]
}

type TakeStep = (work: Work, step: Step) => Promise<void>

const STEPS: Readonly<Record<Step['action'], TakeStep>> = {
  create: async (work, { version, region }) => {
    const operation_id = randomUUID()
    await updateCopy(work, version, region, () => ({ operation_id, imported: false, enabled: true }))
    try {
      const key = await work.provider.create(keyRequest(work, version, operation_id))
      await updateCopy(work, version, region, (copy) => ({ ...copy, key }))
    } catch (error) {
      await forgetUnlessAmbiguous(work, version, region, error)
    }
  },
  replicate: async (work, { version, region }) => {
    const operation_id = randomUUID()
    const primary = kmsKeyOf(work, version, work.provider.region)
    const key = await work.provider.replicate(primary, region, keyRequest(work, version, operation_id))
    await updateCopy(work, version, region, () => ({ operation_id, key, imported: false, enabled: true }))
  },
  import: async (work, { version, region }) => {
    const material = await readMaterial(work, version)
    try {
      await work.provider.importMaterial(region, kmsKeyOf(work, version, region), work.key.type, material)
    } finally {
      material.fill(0)
    }
    await updateCopy(work, version, region, (copy) => ({ ...copy, imported: true, enabled: true }))
  },
  'point-alias': async (work, { version, region }) => {
    const { name, aliases, copies } = work.ledger.current
    const ours = new Set(Object.values(copies).flatMap((places) => places[region]?.key?.id ?? []))
    await setAlias(work, region, aliases[region] ?? 0)
    await work.provider.pointAlias(region, aliasName(name), kmsKeyOf(work, version, region), ours, aliases[region] !== undefined && aliases[region] > 0)
    await setAlias(work, region, version)
  },
  enable: async (work, { version, region }) => {
    await work.provider.enable(region, kmsKeyOf(work, version, region))
    await updateCopy(work, version, region, (copy) => ({ ...copy, enabled: true }))
  },
  disable: async (work, { version, region }) => {
    await work.provider.disable(region, kmsKeyOf(work, version, region))
    await updateCopy(work, version, region, (copy) => ({ ...copy, enabled: false }))
  },
  'remove-alias': async (work, { region }) => {
    await work.provider.removeAlias(region, aliasName(work.ledger.current.name))
    await work.ledger.update(({ aliases, ...rest }) => ({
      ...rest,
      aliases: Object.fromEntries(Object.entries(aliases).filter(([other]) => other !== region)),
    }))
  },
  'schedule-deletion': async (work, { version, region }) => {
    const copy = work.ledger.current.copies[version]?.[region]
    const date = copy?.key && (await work.provider.scheduleDeletion(region, copy.key, DELETION_WINDOW_DAYS))
    await updateCopy(work, version, region, (known) => ({
      ...known,
      deletion_scheduled: true,
      ...(date && { deletion_date: date.toISOString() }),
    }))
  },
}

/** Copies whose CreateKey was begun without an answer on record are looked for before anything else is made. */
async function findLostCopies(work: Work): Promise<void> {
  const region = work.provider.region
  const lost = new Map(
    Object.entries(work.ledger.current.copies).flatMap(([version, places]) => {
      const copy = places[region]
      return copy && !copy.key ? [[copy.operation_id, Number(version)] as const] : []
    }),
  )
  if (lost.size === 0) return
  work.engine.progress(`looking in ${region} for KMS keys that an interrupted run may have made`)
  const found = await work.provider.findByOperation(region, new Set(lost.keys())).catch((error: unknown) => {
    throw explainLost(error, region, [...lost.keys()])
  })
  for (const [operation, version] of lost) {
    const key = found.get(operation)
    if (key) await updateCopy(work, version, region, (copy) => ({ ...copy, key }))
    else await dropCopy(work, version, region)
  }
}

function explainLost(error: unknown, region: string, operations: readonly string[]): unknown {
  if (!(error instanceof KeymgmtError) || error.code !== 'KMS_ACCESS_DENIED') return error
  return new KeymgmtError('KMS_ACCESS_DENIED', `an interrupted run may have left KMS keys in ${region} that can't be looked for: ${error.message}`, {
    hints: [
      'allow kms:ListKeys and kms:ListResourceTags, then run the same command again',
      `or look yourself for KMS keys with the tag ${OPERATION_TAG}=${operations.join(' or ')}`,
    ],
    requestId: error.requestId,
    cause: error,
  })
}

/** After a refusal there is no KMS key, and a later run need not look for one. */
async function forgetUnlessAmbiguous(work: Work, version: number, region: string, error: unknown): Promise<never> {
  const unknown = error instanceof KeymgmtError && (error.code === 'KMS_AMBIGUOUS' || error.code === 'INTERRUPTED')
  if (error instanceof KeymgmtError && !unknown) await dropCopy(work, version, region)
  throw error
}

function keyRequest({ key, ledger }: Work, version: number, operationId: string): KmsKeyRequest {
  return {
    type: key.type,
    purpose: ledger.current.purpose,
    multiRegion: key.replica_regions.length > 0,
    description: `keymgmt ${key.name} version ${version}`,
    tags: {
      'managed-by': 'keymgmt',
      'keymgmt:key': key.name,
      'keymgmt:key-id': key.id,
      'keymgmt:version': String(version),
      [OPERATION_TAG]: operationId,
    },
  }
}

function kmsKeyOf({ ledger }: Work, version: number, region: string): KmsKey {
  const key = ledger.current.copies[version]?.[region]?.key
  if (!key) throw new KeymgmtError('STORE_CORRUPT', `${ledger.path} has no KMS key for version ${version} in ${region}`)
  return key
}

async function readMaterial({ engine, key }: Work, version: number): Promise<Uint8Array> {
  const stored = await engine.store.get(recordPath.material(key.id, version))
  if (stored) return stored.value
  throw new KeymgmtError('STORE_CORRUPT', `the material of ${key.name} version ${version} is not in the store`, {
    hints: ['restore the store from a backup; nothing was changed'],
  })
}

/** `change` gets the copy as it is, or, where there is none yet, nothing that it may keep. */
async function updateCopy(work: Work, version: number, region: string, change: (copy: CopyRecord) => CopyRecord): Promise<void> {
  const blank: CopyRecord = { operation_id: '', imported: false, enabled: true }
  await work.ledger.update((current) => ({
    ...current,
    copies: {
      ...current.copies,
      [version]: { ...current.copies[version], [region]: change(current.copies[version]?.[region] ?? blank) },
    },
  }))
}

async function dropCopy(work: Work, version: number, region: string): Promise<void> {
  await work.ledger.update((current) => {
    const places = Object.entries(current.copies[version] ?? {}).filter(([other]) => other !== region)
    return { ...current, copies: { ...current.copies, [version]: Object.fromEntries(places) } }
  })
}

async function setAlias({ ledger }: Work, region: string, version: number): Promise<void> {
  await ledger.update((current) => ({ ...current, aliases: { ...current.aliases, [region]: version } }))
}
