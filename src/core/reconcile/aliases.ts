import { KeymgmtError } from '../../errors.js'
import { deleteArchivedCopy } from '../records/archive.js'
import { freeName } from '../records/distribution-name.js'
import { aliasAt, requireKmsKey } from '../records/kms-keys.js'
import type { AliasEntry } from '../records/model.js'
import { repairCommand } from '../records/takedown.js'
import { writeAlias, type ReconcileContext } from './context.js'
import { assertNotNewer } from './newer.js'
import type { StepOf } from './plan.js'

// Applications use aliases, so moving or removing an alias that belongs to somebody else breaks
// them. The name alone does not prove ownership: two keys can have the same alias name, and anybody
// can move an alias.

/**
 * Points an alias to the KMS key of a version. If the name is taken and the distribution had no
 * alias before this command, the distribution gets another name, and the next plan is for that one.
 * @throws KeymgmtError KMS_FAILED if the alias names a KMS key that is not ours; it is left alone.
 */
export async function pointAlias(
  context: ReconcileContext,
  step: StepOf<'point-alias'>,
): Promise<void> {
  const { version, region, alias } = step
  const { distribution, provider } = context
  const { key } = requireKmsKey(distribution, { version, region })
  const known = aliasAt(distribution.current, region, alias)
  const keys = await ownKmsKeys(context, region)
  const isUncertain = known?.state === 'pending' || known?.state === 'uncertain'
  if (known?.state === 'set' || known?.state === 'uncertain')
    await assertOwnAlias(context, known, keys)
  if (!known) await writeAlias(context, region, alias, { state: 'pending' })
  try {
    await provider.pointAlias(region, alias, key, {
      keys,
      exists: isUncertain ? 'unknown' : known !== undefined,
    })
  } catch (error) {
    if (!(await isNameTaken(context, step, keys, error))) throw error
    await rename(context, step)
    return
  }
  await writeAlias(context, region, alias, { state: 'set', version })
}

/**
 * Removes an alias that points to one of our KMS keys. Any other alias stays in AWS, with a notice,
 * and is dropped from the record.
 * @throws KeymgmtError STORE_OUTDATED if the alias points to a newer KMS key of the same key.
 */
export async function removeAlias(
  context: ReconcileContext,
  { region, alias }: StepOf<'remove-alias'>,
): Promise<void> {
  const { distribution, engine, key, provider } = context
  const target = await targetOf(context, region, alias)
  // AWS may not yet list an alias that it has just created. An alias that is on record as set is
  // ours.
  const isOurs =
    target === undefined
      ? aliasAt(distribution.current, region, alias)?.state !== 'pending'
      : (await ownKmsKeys(context, region)).has(target)
  if (isOurs) await provider.removeAlias(region, alias)
  else if (target !== undefined) {
    await assertNotNewer(context, region, alias, target)
    engine.notice(
      `The alias ${alias} in ${region} is left alone: it points to KMS key ${target}, which does not belong to ${key.name}`,
    )
  }
  await writeAlias(context, region, alias, undefined)
}

/** Returns the ids of the KMS keys that the key has or had in the provider, in this Region. */
async function ownKmsKeys(
  { distribution, archived }: ReconcileContext,
  region: string,
): Promise<ReadonlySet<string>> {
  return new Set(
    [distribution.current, ...(await archived()).map(({ record }) => record)]
      .flatMap(({ kmsKeys }) => kmsKeys)
      .flatMap((entry) =>
        entry.state !== 'creating' && entry.region === region ? [entry.key.id] : [],
      ),
  )
}

async function targetOf(
  { provider }: ReconcileContext,
  region: string,
  alias: string,
): Promise<string | undefined> {
  return (await provider.aliasTargets(region, new Set([alias]))).get(alias)
}

async function assertOwnAlias(
  context: ReconcileContext,
  { region, name }: AliasEntry,
  keys: ReadonlySet<string>,
): Promise<void> {
  const { key, providerName } = context
  const target = await targetOf(context, region, name)
  if (target === undefined || keys.has(target)) return
  throw new KeymgmtError(
    'KMS_FAILED',
    `the alias ${name} in ${region} points to KMS key ${target}, which does not belong to ${key.name}: somebody moved it`,
    {
      hints: [
        'keymgmt left the alias alone',
        `to move it back: ${repairCommand(providerName, key.name)}`,
      ],
    },
  )
}

/**
 * True if the alias failed because its name is taken, and no application can depend on the name of
 * the distribution yet.
 */
async function isNameTaken(
  context: ReconcileContext,
  { region, alias }: StepOf<'point-alias'>,
  keys: ReadonlySet<string>,
  error: unknown,
): Promise<boolean> {
  if (!(error instanceof KeymgmtError) || error.code !== 'KMS_FAILED') return false
  if (context.isNamed || alias === context.distribution.current.customAlias) return false
  const target = await targetOf(context, region, alias)
  return target !== undefined && !keys.has(target)
}

/** Maximum names that one command tries. Two aliases of the same second are rare. */
const MAX_NAMES = 20

/**
 * Drops the taken alias from the record. The next plan removes the aliases that were begun in other
 * Regions.
 * @throws KeymgmtError KMS_FAILED after {@link MAX_NAMES} names
 */
async function rename(
  context: ReconcileContext,
  { region, alias }: StepOf<'point-alias'>,
): Promise<void> {
  const { engine, key, distribution, takenNames } = context
  takenNames.add(distribution.current.name)
  if (takenNames.size >= MAX_NAMES) throw noFreeNameError(region, alias)
  const name = await freeName(engine, key.name, distribution.current.name)
  await deleteArchivedCopy(engine, context)
  await writeAlias(context, region, alias, undefined)
  await distribution.update((current) => ({ ...current, name }))
}

function noFreeNameError(region: string, alias: string): KeymgmtError {
  return new KeymgmtError(
    'KMS_FAILED',
    `${MAX_NAMES} aliases in ${region} are taken by others, the last of them ${alias}`,
    {
      hints: [
        `see the KMS keys that they point to: aws kms list-aliases --region ${region}`,
        'then run the same command again, which tries the next names',
      ],
    },
  )
}
