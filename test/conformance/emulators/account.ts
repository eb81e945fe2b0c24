import { DeleteAliasCommand, DescribeKeyCommand, ListKeysCommand, ListResourceTagsCommand, ScheduleKeyDeletionCommand, type KMSClient } from '@aws-sdk/client-kms'
import { setTimeout as sleep } from 'node:timers/promises'
import { aliasesAt } from './flows/commands.js'
import { GROUPS } from './groups.js'
import { clientAt, RUN_TAG, type Site } from './site.js'

/** AWS's shortest waiting period. */
const DAYS = 7
/** What AWS's eventual consistency may keep from ListKeys, in milliseconds. */
const SETTLING_MS = 30_000
/** @see https://aws.amazon.com/kms/pricing/ */
const USD_A_MONTH = 1
const HOURS_A_MONTH = 730

/** How many KMS keys a run makes at most. */
export const KMS_KEYS = GROUPS.reduce((sum, { kmsKeys }) => sum + kmsKeys, 0)

/** What a run on a real account will do to it. */
export function budget({ name, home, replicas }: Site): string {
  const hour = ((KMS_KEYS * USD_A_MONTH) / HOURS_A_MONTH).toFixed(2)
  return [
    `${name}: this makes up to ${KMS_KEYS} KMS keys, in ${home}, ${replicas.join(' and ')}.`,
    `All of them are scheduled for deletion after ${DAYS} days when it ends, also when it fails; KMS keys that are to be deleted cost nothing.`,
    `Until then they cost ${hour} USD an hour, and the requests less than 0.10 USD. Were they kept, they would cost ${KMS_KEYS * USD_A_MONTH} USD a month.`,
    `Should it be killed: what it made has the tag ${RUN_TAG}, or managed-by=keymgmt.`,
  ].join('\n')
}

/** A KMS key of this run. */
interface Made {
  readonly region: string
  readonly id: string
}

function regionsOf({ home, replicas }: Site): readonly string[] {
  return [...replicas, home]
}

/** The ids of all KMS keys that there are. */
export async function keysAt(site: Site): Promise<Made[]> {
  const found: Made[] = []
  for (const region of regionsOf(site)) {
    for (let Marker: string | undefined, more = true; more;) {
      const page = await clientAt(site, region).send(new ListKeysCommand({ Limit: 1000, ...(Marker && { Marker }) }))
      found.push(...(page.Keys ?? []).map(({ KeyId = '' }) => ({ region, id: KeyId })))
      Marker = page.NextMarker
      more = page.Truncated === true
    }
  }
  return found
}

/**
 * Schedules for deletion every KMS key that this run has made and deletes its aliases: of those that were not there
 * `before`, the ones that carry the tag of this run or of one of its stores. Answers evidence, one line each.
 */
export async function clearAway(site: Site, before: readonly Made[]): Promise<string[]> {
  if (site.endpoint === undefined) await sleep(SETTLING_MS)
  const old = new Set(before.map(({ region, id }) => `${region} ${id}`))
  const stores = new Set(await Promise.all(site.operators.map(({ store }) => store.id())))
  const evidence: string[] = []
  for (const { region, id } of (await keysAt(site)).filter((key) => !old.has(`${key.region} ${key.id}`))) {
    const client = clientAt(site, region)
    const { Tags = [] } = await client.send(new ListResourceTagsCommand({ KeyId: id }))
    const isOurs = Tags.some(({ TagKey, TagValue = '' }) => (TagKey === RUN_TAG && TagValue === site.runId) || (TagKey === 'keymgmt:store' && stores.has(TagValue)))
    if (isOurs) evidence.push(await schedule(client, region, id))
  }
  for (const region of regionsOf(site)) await deleteAliases(site, region, evidence)
  return evidence
}

async function schedule(client: KMSClient, region: string, KeyId: string): Promise<string> {
  const scheduled = await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: DAYS })).catch((error: unknown) => error as Error)
  const { KeyMetadata, $metadata } = await client.send(new DescribeKeyCommand({ KeyId }))
  const state = KeyMetadata?.KeyState ?? 'no state'
  const problem = scheduled instanceof Error && !/^Pending(Replica)?Deletion$/.test(state) ? `, NOT SCHEDULED: ${scheduled.message}` : ''
  return `${region} ${KeyId} ${KeyMetadata?.KeySpec ?? ''} ${state}, AWS request id ${$metadata.requestId ?? 'none'}${problem}`
}

async function deleteAliases(site: Site, region: string, evidence: readonly string[]): Promise<void> {
  for (const { AliasName, TargetKeyId } of await aliasesAt(site, region)) {
    if (evidence.some((line) => line.startsWith(`${region} ${TargetKeyId ?? '-'} `))) await clientAt(site, region).send(new DeleteAliasCommand({ AliasName }))
  }
}
