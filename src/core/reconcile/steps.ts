import { randomUUID } from 'node:crypto'
import { KeymgmtError } from '../../errors.js'
import type { KmsKey } from '../../kms/provider.js'
import { findLostCopies, makePrimary, makeReplica } from './create.js'
import { plan, type Chain, type Step } from './plan.js'
import { without } from '../records/model.js'
import { kmsKeyOf, readMaterial, setAlias, tagsOf, updateCopy, type Work } from './context.js'

/**
 * How many chains of steps run side by side: enough to hide the network, few enough to stay small
 * in memory.
 */
const SIDE_BY_SIDE = 32

/** AWS's longest, so that a removal can be taken back for as long as it ever can. */
export const DEFAULT_DELETION_WINDOW = 30

/**
 * Makes the KMS have what the key's and the distribution's records say, each step written down
 * before it is taken and again when it is done. Where an earlier run was interrupted, this one
 * finishes its work.
 *
 * @throws KeymgmtError of the first step that failed, after the steps that were under way beside it
 * have ended.
 */
export async function converge(work: Work): Promise<void> {
  await findLostCopies(work)
  // A step may make another one necessary (a version enabled only to be replicated), so plan until
  // there is nothing.
  for (
    let stages = plan(work.key, work.ledger.current);
    stages.length > 0;
    stages = plan(work.key, work.ledger.current)
  ) {
    for (const chains of stages) await runSideBySide(work, chains)
  }
}

/**
 * After a failure nothing new is begun, and what has begun is waited for: its outcome is still to
 * be written down.
 */
async function runSideBySide(work: Work, chains: readonly Chain[]): Promise<void> {
  const waiting = chains.values()
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    for (const chain of waiting) {
      if (failures.length > 0) return
      await runChain(work, chain).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, chains.length) }, worker))
  if (failures.length > 0) throw failures[0]
}

async function runChain(work: Work, chain: Chain): Promise<void> {
  for (const step of chain) {
    work.engine.progress(describe(work, step))
    await STEPS[step.action](work, step)
  }
}

function describe({ key }: Work, { action, version, region, alias }: Step): string {
  return `${action.replaceAll('-', ' ')}: ${alias ?? `${key.name} version ${version}`} in ${region}`
}

type TakeStep = (work: Work, step: Step) => Promise<void>

const STEPS: Readonly<Record<Step['action'], TakeStep>> = {
  create: (work, { version }) => makePrimary(work, version),

  replicate: (work, { version, region }) => makeReplica(work, version, region),

  import: async (work, { version, region }) => {
    const key = kmsKeyOf(work, version, region)
    const material = await readMaterial(work, version)
    try {
      const { materialId } = await work.provider.importMaterial(
        region,
        key,
        work.key.type,
        material,
      )
      if ((await work.provider.holds(region, key, work.key.type, material)) === false)
        throw differs(work, version, region, key)
      await updateCopy(work, version, region, (copy) => ({
        ...copy,
        imported: true,
        ...(materialId && { material_id: materialId }),
      }))
    } finally {
      material.fill(0)
    }
  },

  'delete-material': async (work, { version, region }) => {
    await work.provider.deleteMaterial(region, kmsKeyOf(work, version, region))
    await updateCopy(work, version, region, (copy) => ({
      ...without(copy, 'enabled'),
      imported: false,
    }))
  },

  tag: async (work, { version, region }) => {
    const { operation_id = randomUUID() } = work.ledger.current.copies[version]?.[region] ?? {}
    await work.provider.tag(
      region,
      kmsKeyOf(work, version, region),
      await tagsOf(work, version, operation_id),
    )
    await updateCopy(work, version, region, (copy) => without(copy, 'untagged'))
  },

  enable: async (work, { version, region }) => {
    await work.provider.enable(region, kmsKeyOf(work, version, region))
    await updateCopy(work, version, region, (copy) => ({ ...copy, enabled: true }))
  },

  disable: async (work, { version, region }) => {
    await work.provider.disable(region, kmsKeyOf(work, version, region))
    await updateCopy(work, version, region, (copy) => ({ ...copy, enabled: false }))
  },

  'point-alias': async (work, { version, region, alias = '' }) => {
    const { aliases, copies } = work.ledger.current
    const recorded = aliases[region]?.[alias]
    const known = recorded ?? { version: 0, ours: false }
    const keys = new Set(Object.values(copies).flatMap((places) => places[region]?.key?.id ?? []))
    await setAlias(work, region, alias, known)
    await work.provider.pointAlias(region, alias, kmsKeyOf(work, version, region), {
      keys,
      exists: recorded?.ours === false ? 'unknown' : known.ours,
    })
    await setAlias(work, region, alias, { version, ours: true })
  },

  'remove-alias': async (work, { region, alias = '' }) => {
    await work.provider.removeAlias(region, alias)
    await setAlias(work, region, alias, undefined)
  },

  'schedule-deletion': async (work, { version, region }) => {
    const days = work.ledger.current.deletion_window ?? DEFAULT_DELETION_WINDOW
    const date = await work.provider.scheduleDeletion(region, kmsKeyOf(work, version, region), days)
    await updateCopy(work, version, region, (copy) => ({
      ...copy,
      deletion_scheduled: true,
      ...(date && { deletion_date: date.toISOString() }),
    }))
  },

  'cancel-deletion': async (work, { version, region }) => {
    await work.provider.cancelDeletion(region, kmsKeyOf(work, version, region))
    // AWS leaves it disabled, or without material: the next plan says explicitly what it is to be.
    await updateCopy(work, version, region, (copy) =>
      without(copy, 'deletion_scheduled', 'deletion_date', 'enabled'),
    )
  },
}

function differs({ key }: Work, version: number, region: string, { id }: KmsKey): KeymgmtError {
  return new KeymgmtError(
    'KMS_MATERIAL_DIFFERS',
    `KMS key ${id} in ${region} does not hold version ${version} of ${key.name}, although it took it`,
    {
      hints: [
        'do not use this KMS key, and tell the maintainers of keymgmt',
        `disable it: aws kms disable-key --region ${region} --key-id ${id}`,
      ],
    },
  )
}
