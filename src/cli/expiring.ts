import {
  listExpiring,
  renewExpiring,
  type ExpiringKmsKey,
  type ExpiringKmsKeys,
  type Renewable,
} from '../core/operations/expiring.js'
import type { ItemResult } from '../core/operations/one-by-one.js'
import { expiryField } from '../core/records/expiry.js'
import { expirySetting } from '../paths/expiry.js'
import type { Json } from '../router/values.js'
import type { Context } from './commands/command.js'
import type { ExpiringFlags } from './commands/expiring.js'
import {
  printFailures,
  printFound,
  printList,
  resultData,
  runGate,
  statusOfList,
  throwFirst,
  type Gate,
} from './gate.js'

/** Lists the KMS keys whose material expires, or renews them. Returns the exit status. */
export function expiring(context: Context, flags: ExpiringFlags): Promise<number> {
  const { within } = flags
  return runGate(context, flags, {
    failure: 'Error listing the material that expires',
    work: async (engine) => {
      throwFirst(await renewExpiring(engine, (await listExpiring(engine, within)).expiring))
    },
    run: async (gate) => {
      const found = await listExpiring(gate.engine, within)
      return flags.renew
        ? await renewAndPrint(context, gate, found, flags)
        : printExpiring(context, gate, found)
    },
  })
}

function printExpiring(
  context: Context,
  gate: Gate,
  { expiring: kmsKeys, unchecked }: ExpiringKmsKeys,
): number {
  const now = gate.engine.now()
  const data = { kms_keys: kmsKeys.map(kmsKeyData) }
  const rows = kmsKeys.map((each) => rowOf(each, now))
  return printList(context, gate, { data, rows, unchecked }, 'No material expires in that time.')
}

/**
 * For a person, prints the earlier list with the result of each renewal; for a program, the list
 * after the renewals.
 */
async function renewAndPrint(
  context: Context,
  gate: Gate,
  { expiring: before }: ExpiringKmsKeys,
  flags: ExpiringFlags,
): Promise<number> {
  const { engine } = gate
  const results = await renewExpiring(engine, before)
  const { expiring: left, unchecked } = await listExpiring(engine, flags.within)
  printFound(context, gate, {
    data: { renewed: results.map(renewedData), kms_keys: left.map(kmsKeyData) },
    rows: before.map((each) => ({
      ...rowOf(each, engine.now()),
      Result: describeResult(each, results, left),
    })),
    unchecked,
  })
  const status = await printFailures(context, gate, flags, results, describeFailed)
  return status || statusOfList(left, unchecked)
}

function describeFailed(failed: readonly Renewable[]): string {
  const paths = failed.map(({ key, providerName }) => `keymgmt/kms/${providerName}/key/${key}`)
  return `Error renewing ${paths.join(', ')}`
}

const isOf =
  ({ key, providerName }: Renewable) =>
  (other: Renewable): boolean =>
    other.key === key && other.providerName === providerName

function describeResult(
  kmsKey: ExpiringKmsKey,
  results: readonly ItemResult<Renewable>[],
  left: readonly ExpiringKmsKey[],
): string {
  const result = results.find(({ item }) => isOf(item)(kmsKey))
  if (!result) return 'left as it is'
  if (result.error !== undefined) return 'failed'
  const after = left.find(({ kmsKeyId }) => kmsKeyId === kmsKey.kmsKeyId)
  return after ? `renewed, until ${after.expires}` : 'renewed'
}

function kmsKeyData(kmsKey: ExpiringKmsKey): Record<string, Json> {
  const { key, providerName, regions, version, kmsKeyId, expires, expiry } = kmsKey
  return {
    key,
    provider: providerName,
    regions,
    version,
    kms_key: kmsKeyId,
    expires,
    ...expirySetting(expiry),
  }
}

function renewedData(result: ItemResult<Renewable>): Record<string, Json> {
  const { key, providerName } = result.item
  return { key, provider: providerName, ...resultData(result) }
}

function rowOf(kmsKey: ExpiringKmsKey, now: Date): Record<string, string> {
  const { key, providerName, regions, version, expires, expiry } = kmsKey
  const hasExpired = new Date(expires) <= now
  return {
    Key: key,
    Provider: providerName,
    Regions: regions.join(', '),
    Version: String(version),
    Expires: hasExpired ? `${expires} (expired)` : expires,
    // The time of a valid_to is in the column before.
    Expiry: expiry && 'validTo' in expiry ? 'valid_to' : expiry ? expiryField(expiry) : '',
  }
}
