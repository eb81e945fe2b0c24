import { KeymgmtError } from '../../errors.js'
import type { KmsKey } from '../../kms/kms-key.js'
import {
  accountIn,
  type KmsAccount,
  type KmsEndpoint,
  type KmsProvider,
} from '../../kms/provider.js'
import { DELETION_WINDOW } from '../records/deletion-window.js'
import { createdKmsKeys } from '../records/kms-keys.js'
import type { DistributionRecord, PinnedPlace } from '../records/model.js'
import type { ObserveContext, ReconcileContext } from './context.js'
import type { Step } from './plan.js'

/** A distribution, active or archived, and the provider that was opened for it. */
export interface PlacedDistribution {
  readonly key: string
  readonly providerName: string
  readonly record: Pick<DistributionRecord, 'pinned' | 'kmsKeys'>
  readonly provider: KmsProvider
}

/**
 * Refuses credentials of an account other than the pinned one and, for a distribution that was
 * created in an embedded KMS, any other endpoint. Replies from another place would say nothing
 * about its KMS keys, and material must not go there. If the account can't be read, AWS itself
 * compares it with the ARNs in the requests.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS
 */
export async function assertPlace(distribution: PlacedDistribution): Promise<void> {
  const expected = expectedAccount(distribution.record)
  const endpoint = (distribution.record.pinned ?? requestedPlace(distribution.record))?.endpoint
  if (endpoint?.isLoopback) await assertLoopback(distribution, endpoint)
  const actual = expected && (await distribution.provider.account())
  if (expected && actual && differs(expected, actual))
    throw accountError(distribution, expected, actual, 'nothing was changed in AWS')
}

async function assertLoopback(
  { key, providerName, provider }: PlacedDistribution,
  pinned: KmsEndpoint,
): Promise<void> {
  const { origin, isLoopback } = await provider.endpoint()
  if (isLoopback) return
  throw new KeymgmtError(
    'KMS_ACCOUNT_DIFFERS',
    `the distribution of ${key} to ${providerName} was created at an embedded KMS (${pinned.origin}), and the provider now uses ${origin}`,
    {
      hints: [
        'AWS has none of its KMS keys: distribute the key to another provider, or use another store',
        'or set AWS_ENDPOINT_URL_KMS to the embedded KMS again',
      ],
    },
  )
}

/** Calls {@link assertPlace} for a distribution that is being reconciled. */
export function assertPlaceOf(context: ObserveContext): Promise<void> {
  return assertPlace(placedIn(context))
}

/**
 * Steps that could send material to another account, or succeed there by mistake. All other steps
 * name a KMS key by its ARN, and AWS refuses an ARN of another account.
 */
const CHECKED: readonly Step['action'][] = [
  'create',
  'replicate',
  'import',
  'renew',
  'point-alias',
  'remove-alias',
]

/** True if any of these steps requires {@link assertPlaceOf} first. */
export function needsPlace(steps: readonly Step[]): boolean {
  return steps.some(({ action }) => CHECKED.includes(action))
}

function placedIn({
  key,
  providerName,
  provider,
  distribution,
}: ObserveContext): PlacedDistribution {
  return { key: key.name, providerName, provider, record: distribution.current }
}

/**
 * Refuses a new KMS key that is in another account than the first one, and schedules it for
 * deletion. It gets no material.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS
 */
export async function assertCreatedInAccount(
  context: ReconcileContext,
  region: string,
  key: KmsKey,
): Promise<void> {
  const expected = expectedAccount(context.distribution.current)
  const actual = accountIn(key.arn)
  if (!expected || !actual || !differs(expected, actual)) return
  const scheduled = await context.provider.scheduleDeletion(region, key, DELETION_WINDOW.min).then(
    () => 'is scheduled for deletion',
    () => 'must be deleted by hand',
  )
  throw accountError(
    placedIn(context),
    expected,
    actual,
    `${key.arn}, which is empty, ${scheduled}`,
  )
}

/** Returns the place of a new KMS key; undefined if its ARN contains no account. */
export async function placeOf(
  { provider }: Pick<ReconcileContext, 'provider'>,
  key: KmsKey,
): Promise<PinnedPlace | undefined> {
  const account = accountIn(key.arn)
  return account && { ...account, endpoint: await provider.endpoint() }
}

/** Returns the place that requests of this command go to; undefined if it can't be read. */
export async function currentPlace({
  provider,
}: Pick<ReconcileContext, 'provider'>): Promise<PinnedPlace | undefined> {
  const account = await provider.account()
  return account && { ...account, endpoint: await provider.endpoint() }
}

/** The account of the first KMS key, or else the one in which its creation was requested. */
function expectedAccount(record: PlacedDistribution['record']): KmsAccount | undefined {
  const [first] = createdKmsKeys(record)
  return record.pinned ?? (first && accountIn(first.key.arn)) ?? requestedPlace(record)
}

/** The place in which a KMS key may exist whose creation has no reply on record. */
function requestedPlace({ kmsKeys }: PlacedDistribution['record']): PinnedPlace | undefined {
  for (const entry of kmsKeys) if (entry.state === 'creating' && entry.place) return entry.place
  return undefined
}

function differs(one: KmsAccount, other: KmsAccount): boolean {
  return one.account !== other.account || one.partition !== other.partition
}

function accountError(
  { key, providerName, provider, record }: PlacedDistribution,
  expected: KmsAccount,
  actual: KmsAccount,
  state: string,
): KeymgmtError {
  const mayExist = createdKmsKeys(record).length === 0 ? 'may be' : 'are'
  return new KeymgmtError(
    'KMS_ACCOUNT_DIFFERS',
    `the KMS keys of ${key} in ${providerName} ${mayExist} in AWS account ${nameOf(expected)}, and the credentials are of account ${nameOf(actual)}: ${state}`,
    {
      hints: [
        `use credentials of account ${expected.account}, then run the same command again`,
        `to distribute the key to account ${actual.account} too, configure another provider: keymgmt write keymgmt/kms/${providerName}-2 provider=awskms key_collection=${provider.region}`,
        `if nobody can use account ${expected.account} any more, give up the distribution: keymgmt write keymgmt/kms/${providerName}/key/${key}/forget allow_orphans=true`,
      ],
    },
  )
}

function nameOf({ account, partition }: KmsAccount): string {
  return partition === 'aws' ? account : `${account} (${partition})`
}
