import { ListAliasesCommand, type AliasListEntry } from '@aws-sdk/client-kms'
import assert from 'node:assert/strict'
import { aliasName } from '../../../../src/core/records/alias-names.js'
import { readDistribution, requireKey } from '../../../../src/core/records/repository.js'
import { isEnabledVersion } from '../../../../src/core/reconcile/plan.js'
import { skippedReplicas } from '../../../../src/core/reconcile/skipped.js'
import { isDropped } from '../../../../src/core/records/dropped-regions.js'
import {
  createdKmsKeyAt,
  createdKmsKeys,
  isInPlace,
} from '../../../../src/core/records/kms-keys.js'
import {
  recordPath,
  type DistributionRecord,
  type KeyRecord,
  type KmsKeyPlace,
} from '../../../../src/core/records/model.js'
import { archivedOf } from '../../../../src/core/records/archive.js'
import { isTrimmed } from '../../../../src/core/records/trimmed.js'
import { awsKms, createEngine } from '../../../../src/index.js'
import { FLOWS, FLOWS_ACCOUNT, FLOWS_REGION } from '../../../support/flows.js'
import { hire, stateOf, type Operator } from '../operator.js'
import { clientAt, providerAt, type Site } from '../site.js'
import type { Group } from '../suite.js'

/** Every command that changes AWS, after the commands that prepare it. */
export const COMMANDS: Group = {
  name: 'binary, commands',
  kmsKeys: 165,
  checks: (site) =>
    FLOWS.flatMap(({ name, prepare, line }) =>
      typeof line === 'string' ? [{ name, run: () => play(site, [...prepare, line]) }] : [],
    ),
}

async function play(site: Site, lines: readonly string[]): Promise<void> {
  const operator = await hire(site)
  const [replica = ''] = site.replicas.slice(-1)
  const account = (await (await providerAt(site)).account())?.account ?? FLOWS_ACCOUNT
  for (const each of lines)
    await operator.ok(
      each
        .replace(/(?<=replica_regions=)\S+/, site.replicas.join(','))
        .replace(/(?<=\/replicate(?:\/| regions=)|\/primary region=)\S+/, (region) =>
          region === FLOWS_REGION ? site.home : replica,
        )
        // The account need not have the user of the key policy, and AWS refuses unknown principals.
        .replaceAll(/(?<=arn:aws:iam::)\d+:[\w/]+/g, `${account}:root`),
    )
  const { key, record } = await recordsOf(operator)
  await assertStates(site, key, record)
  await assertAliases(site, key, record)
  if (record.state === 'removed') return
  const { status, stdout } = await operator.run('read -format=json keymgmt/kms/k/key/app/verify')
  assert.equal(status, 0, `verify finds: ${differencesIn(stdout)}`)
}

function differencesIn(json: string): string {
  const { data } = JSON.parse(json) as {
    data: { differences: Record<'region' | 'what' | 'subject' | 'expected' | 'found', string>[] }
  }
  return data.differences
    .map(
      ({ region, what, subject, expected, found }) =>
        `${region} ${what} ${subject}: ${expected} ${found}`,
    )
    .join('; ')
}

async function recordsOf(
  operator: Operator,
): Promise<{ key: KeyRecord; record: DistributionRecord }> {
  const engine = createEngine({
    store: operator.store,
    kinds: { awskms: awsKms({ env: {}, signal: new AbortController().signal }) },
  })
  const key = (await requireKey(engine, operator.key)).current
  const record =
    (await readDistribution(engine, 'k', operator.key)) ??
    (await archivedOf(engine, key, 'k'))[0]?.record
  assert.ok(record, `there is no ${recordPath.distribution('k', operator.key)}`)
  return { key, record }
}

const STATES: Readonly<Record<DistributionRecord['state'], (enabled: boolean) => RegExp>> = {
  active: (enabled) => (enabled ? /^Enabled$/ : /^Disabled$/),
  revoked: () => /^PendingImport$/,
  removed: () => /^Pending(Replica)?Deletion$/,
}

async function assertStates(site: Site, key: KeyRecord, record: DistributionRecord): Promise<void> {
  const kmsKeys = createdKmsKeys(record)
  const isKept = ({ region }: KmsKeyPlace) => !isDropped(record, region)
  const versions = isInPlace(record) ? 1 : key.latestVersion
  const wanted = versions * record.regions.length - skippedReplicas(key, record).length
  assert.equal(kmsKeys.filter(isKept).length, wanted)
  for (const entry of kmsKeys) {
    const { version, region, key: kmsKey } = entry
    const isEnding = !isKept(entry) || isTrimmed(key, record, version)
    const isEnabled = isInPlace(record) || isEnabledVersion(key, version)
    assert.match(
      String(await stateOf(site, region, kmsKey.id)),
      STATES[isEnding ? 'removed' : record.state](isEnabled),
      `version ${version} in ${region}`,
    )
  }
}

async function assertAliases(
  site: Site,
  key: KeyRecord,
  record: DistributionRecord,
): Promise<void> {
  for (const region of record.regions) {
    const alias = (await aliasesAt(site, region)).find(
      ({ AliasName }) => AliasName === aliasName(record.name),
    )
    const expected =
      record.state === 'removed'
        ? undefined
        : createdKmsKeyAt(record, key.latestVersion, region)?.key.id
    assert.equal(alias?.TargetKeyId, expected, `the alias in ${region}`)
  }
}

/** Every alias of the Region. */
export async function aliasesAt(site: Site, region: string): Promise<AliasListEntry[]> {
  const found: AliasListEntry[] = []
  for (let Marker: string | undefined, more = true; more;) {
    const page = await clientAt(site, region).send(
      new ListAliasesCommand({ Limit: 100, ...(Marker && { Marker }) }),
    )
    found.push(...(page.Aliases ?? []))
    Marker = page.NextMarker
    more = page.Truncated === true
  }
  return found
}
