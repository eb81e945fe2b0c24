import {
  DeleteAliasCommand,
  DescribeKeyCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { setTimeout as sleep } from 'node:timers/promises'
import { aliasesAt } from './flows/commands.js'
import { clientAt, RUN_TAG, type Site } from './site.js'
import { runSuite, type Group } from './suite.js'
import type { Verdict } from './verdict.js'

/** AWS's shortest waiting period. */
const DAYS = 7
/** Longest time until ListKeys shows a new KMS key, in milliseconds. */
const SETTLING_MS = 30_000

/**
 * Runs the suite in an existing account, and leaves nothing usable behind. First prints the number
 * of KMS keys that it will create. At the end, even of a failed or interrupted run, prints each KMS
 * key that it created, with its state.
 */
export async function runInAccount(groups: readonly Group[], site: Site): Promise<Verdict[]> {
  const budgeted = groups.reduce((sum, { kmsKeys }) => sum + kmsKeys, 0)
  console.log(budget(site, budgeted))
  const before = new Set((await keysAt(site)).map(nameOf))
  const verdicts: Verdict[] = []
  try {
    verdicts.push(...(await runSuite(groups, site)))
  } catch (error) {
    verdicts.push({ check: 'the whole suite', kind: 'failed', why: (error as Error).message })
  }
  const cleared = await clearAway(site, before)
  console.log(
    [
      `${site.name}: ${cleared.length} KMS keys were made`,
      ...cleared.map(({ evidence }) => evidence),
    ].join('\n    '),
  )
  verdicts.push(
    ...cleared.map(({ key, isLeaving, evidence }): Verdict => ({
      check: `scheduled for deletion: ${nameOf(key)}`,
      kind: isLeaving ? 'held' : 'failed',
      why: isLeaving ? '' : evidence,
    })),
  )
  const isWithin = cleared.length <= budgeted
  return [
    ...verdicts,
    {
      check: 'the budget',
      kind: isWithin ? 'held' : 'failed',
      why: isWithin ? '' : `${cleared.length} instead of ${budgeted} KMS keys`,
    },
  ]
}

/**
 * Describes the changes of a run to the account. A KMS key costs 1 USD a month, by the hour:
 * https://aws.amazon.com/kms/pricing/
 */
function budget({ name, home, replicas }: Site, kmsKeys: number): string {
  return [
    `${name}: this makes up to ${kmsKeys} KMS keys, in ${home}, ${replicas.join(' and ')}.`,
    `All are scheduled for deletion, after ${DAYS} days, when it ends, also when it fails; KMS keys that are pending deletion are free.`,
    `Until then they cost ${(kmsKeys / 730).toFixed(2)} USD an hour at most. Were they kept, it would be ${kmsKeys} USD a month.`,
    `Should it be killed: what it made has the tag ${RUN_TAG}, or managed-by=keymgmt.`,
  ].join('\n    ')
}

interface Placed {
  readonly region: string
  readonly id: string
}

/** A KMS key of this run at its end. */
interface Cleared {
  readonly key: Placed
  readonly isLeaving: boolean
  /** Its id, spec, state, deletion date and AWS request id, or the error. */
  readonly evidence: string
}

function nameOf({ region, id }: Placed): string {
  return `${region} ${id}`
}

/** Replicas come before their primaries. */
function regionsOf({ home, replicas }: Site): readonly string[] {
  return [...replicas, home]
}

async function keysAt(site: Site): Promise<Placed[]> {
  const found: Placed[] = []
  for (const region of regionsOf(site)) {
    for (let Marker: string | undefined, more = true; more;) {
      const page = await clientAt(site, region).send(
        new ListKeysCommand({ Limit: 1000, ...(Marker && { Marker }) }),
      )
      found.push(...(page.Keys ?? []).map(({ KeyId = '' }) => ({ region, id: KeyId })))
      Marker = page.NextMarker
      more = page.Truncated === true
    }
  }
  return found
}

/**
 * Schedules the KMS keys for deletion that were created since `before` and have the tag of this
 * run, or of one of its stores. Deletes their aliases.
 */
async function clearAway(site: Site, before: ReadonlySet<string>): Promise<Cleared[]> {
  if (site.endpoint === undefined) await sleep(SETTLING_MS)
  const stores = new Set(await Promise.all(site.operators.map(({ store }) => store.id())))
  const cleared: Cleared[] = []
  for (const key of (await keysAt(site)).filter((each) => !before.has(nameOf(each)))) {
    try {
      if (await isOurs(site, key, stores)) cleared.push(await schedule(site, key))
    } catch (error) {
      cleared.push({
        key,
        isLeaving: false,
        evidence: `${nameOf(key)}: ${(error as Error).message}`,
      })
    }
  }
  const ours = new Set(cleared.map(({ key }) => nameOf(key)))
  for (const region of regionsOf(site)) {
    for (const { AliasName, TargetKeyId: id = '' } of await aliasesAt(site, region)) {
      if (ours.has(nameOf({ region, id })))
        await clientAt(site, region).send(new DeleteAliasCommand({ AliasName }))
    }
  }
  return cleared
}

async function isOurs(
  site: Site,
  { region, id }: Placed,
  stores: ReadonlySet<string>,
): Promise<boolean> {
  const { Tags = [] } = await clientAt(site, region).send(
    new ListResourceTagsCommand({ KeyId: id }),
  )
  return Tags.some(
    ({ TagKey, TagValue = '' }) =>
      (TagKey === RUN_TAG && TagValue === site.runId) ||
      (TagKey === 'keymgmt:store' && stores.has(TagValue)),
  )
}

async function schedule(site: Site, key: Placed): Promise<Cleared> {
  const client = clientAt(site, key.region)
  // AWS refuses this if it was done before. DescribeKey then shows the state.
  const scheduled = await client
    .send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays: DAYS }))
    .catch((error: unknown) => error as Error)
  const { KeyMetadata: { KeySpec = '', KeyState = '', DeletionDate } = {}, $metadata } =
    await client.send(new DescribeKeyCommand({ KeyId: key.id }))
  const isLeaving = /^Pending(Replica)?Deletion$/.test(KeyState)
  const evidence = [
    nameOf(key),
    KeySpec,
    KeyState,
    DeletionDate?.toISOString() ?? 'after its replicas',
    `AWS request id ${$metadata.requestId ?? 'none'}`,
  ]
  return {
    key,
    isLeaving,
    evidence:
      evidence.join(', ') +
      (isLeaving ? '' : `, ${scheduled instanceof Error ? scheduled.message : 'NOT SCHEDULED'}`),
  }
}
