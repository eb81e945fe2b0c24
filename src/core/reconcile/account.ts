import { KeymgmtError } from '../../errors.js'
import { accountIn, type KmsAccount, type KmsKey } from '../../kms/provider.js'
import { DELETION_WINDOW } from '../records/deletion-window.js'
import { createdKmsKeys } from '../records/kms-keys.js'
import type { PinnedPlace } from '../records/model.js'
import type { ObserveContext, ReconcileContext } from './context.js'

/**
 * Refuses a distribution that was made at an embedded KMS anywhere else.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS
 */
export async function assertEndpoint(context: ObserveContext): Promise<void> {
  const { pinned } = context.distribution.current
  if (!pinned?.endpoint.isLoopback) return
  const { origin, isLoopback } = await context.provider.endpoint()
  if (isLoopback) return
  throw new KeymgmtError(
    'KMS_ACCOUNT_DIFFERS',
    `the distribution of ${context.key.name} to ${context.providerName} was made at an embedded KMS (${pinned.endpoint.origin}), and the provider now uses ${origin}`,
    {
      hints: [
        'AWS has none of its KMS keys: distribute the key from another store, or to another provider',
        'or set the endpoint of the embedded KMS again (AWS_ENDPOINT_URL_KMS)',
      ],
    },
  )
}

/**
 * Refuses credentials of another account than that of the distribution's first KMS key, before a
 * KMS key is created. If the account can't be read, the new KMS key's own ARN decides.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS
 */
export async function assertAccount(context: ReconcileContext): Promise<void> {
  const expected = pinnedAccount(context)
  const actual = expected && (await context.provider.account())
  if (expected && actual && differs(expected, actual))
    throw accountError(context, expected, actual, 'nothing was created')
}

/**
 * Schedules a new KMS key in another account than that of the first one for deletion: it gets no
 * material.
 * @throws KeymgmtError KMS_ACCOUNT_DIFFERS
 */
export async function assertCreatedInAccount(
  context: ReconcileContext,
  region: string,
  key: KmsKey,
): Promise<void> {
  const expected = pinnedAccount(context)
  const actual = accountIn(key.arn)
  if (!expected || !actual || !differs(expected, actual)) return
  const scheduled = await context.provider.scheduleDeletion(region, key, DELETION_WINDOW.min).then(
    () => 'is scheduled for deletion',
    () => 'has to be deleted by hand',
  )
  throw accountError(context, expected, actual, `${key.arn}, which is empty, ${scheduled}`)
}

/** The place of a KMS key that was just created; undefined if its name contains no account. */
export async function placeOf(
  { provider }: ReconcileContext,
  key: KmsKey,
): Promise<PinnedPlace | undefined> {
  const account = accountIn(key.arn)
  return account && { ...account, endpoint: await provider.endpoint() }
}

function pinnedAccount({ distribution }: ReconcileContext): KmsAccount | undefined {
  const { pinned } = distribution.current
  const [first] = createdKmsKeys(distribution.current)
  return pinned ?? (first && accountIn(first.key.arn))
}

function differs(one: KmsAccount, other: KmsAccount): boolean {
  return one.account !== other.account || one.partition !== other.partition
}

function accountError(
  { key, providerName }: ReconcileContext,
  expected: KmsAccount,
  actual: KmsAccount,
  state: string,
): KeymgmtError {
  return new KeymgmtError(
    'KMS_ACCOUNT_DIFFERS',
    `the KMS keys of ${key.name} in ${providerName} are in AWS account ${nameOf(expected)}, and the credentials are of account ${nameOf(actual)}: ${state}`,
    {
      hints: [
        `use credentials of account ${expected.account}, then run the same command again`,
        `to distribute the key to account ${actual.account} as well, configure another provider: keymgmt write keymgmt/kms/NAME provider=awskms`,
      ],
    },
  )
}

function nameOf({ account, partition }: KmsAccount): string {
  return partition === 'aws' ? account : `${account} (${partition})`
}
