import { arnOf } from './arn.js'
import { AwsError, notFound } from './errors.js'
import type { Context } from './handler.js'
import { assertState } from './states.js'
import type { Key, Region } from './state.js'

const KEY_ID = /^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/**
 * Finds a key in any state by its id or ARN.
 * @throws AwsError NotFoundException, also for an alias
 */
export function findKey(region: Region, keyId: string): Key {
  const key = region.keys.get(readKeyId(region, keyId))
  if (!key)
    throw notFound(
      `Key '${keyId.startsWith('arn:') ? keyId : arnOf(region, `key/${keyId}`)}' does not exist`,
    )
  return key
}

function readKeyId(region: Region, keyId: string): string {
  const id = keyId.startsWith('arn:') ? localResource(region, keyId, 'key/') : keyId
  if (!KEY_ID.test(id)) throw notFound(`Invalid keyId '${keyId}'`)
  return id
}

/** The part after `key/` or `alias/` of an ARN in this account and Region. */
function localResource(region: Region, arn: string, kind: 'key/' | 'alias/'): string {
  const [, , , named, account] = arn.split(':')
  const home = arnOf(region, kind)
  if (arn.startsWith(home)) return arn.slice(home.length)
  if (account !== undefined && account !== region.account && /^\d{12}$/.test(account))
    throw notFound(`Key '${arn}' does not exist`)
  throw notFound(`Invalid arn ${named !== undefined && named !== region.name ? named : arn}`)
}

/** The alias name in an alias or alias ARN; undefined for a key id or key ARN. */
function aliasName(region: Region, keyId: string): string | undefined {
  if (keyId.startsWith('alias/')) return keyId
  return /^arn:[^:]*:kms:[^:]*:[^:]*:alias\//.test(keyId)
    ? `alias/${localResource(region, keyId, 'alias/')}`
    : undefined
}

/**
 * Finds a key by id, ARN, alias or alias ARN, as cryptographic operations, DescribeKey and
 * GetPublicKey do.
 * @throws AwsError NotFoundException
 */
export function findKeyOrAlias(
  region: Region,
  keyId: string,
): { key: Key; alias: string | undefined } {
  const alias = aliasName(region, keyId)
  if (alias === undefined) return { key: findKey(region, keyId), alias }
  const target = region.aliases.get(alias)?.target
  if (target === undefined) throw notFound(`Alias ${arnOf(region, alias)} is not found.`)
  return { key: findKey(region, target), alias }
}

/**
 * Opens the key of a management operation, by id or ARN.
 * @throws AwsError NotFoundException; AccessDeniedException if the caller's policy does not allow
 * the operation; KMSInvalidStateException or DisabledException if the key's state does not
 */
export function openKey(context: Context, keyId: string): Key {
  const key = findKey(context.region, keyId)
  context.authorize({ key })
  assertState(context.account.now(), key, context.operation)
  return key
}

/**
 * Opens the key of an operation that accepts aliases too. `action` is the permission, if its name
 * differs from the operation's.
 * @throws AwsError as {@link openKey} does
 */
export function openKeyOrAlias(context: Context, keyId: string, action?: string): Key {
  const { key, alias } = findKeyOrAlias(context.region, keyId)
  context.authorize({ key, alias, action })
  assertState(context.account.now(), key, context.operation)
  return key
}

/**
 * Opens a key for a cryptographic operation of this `usage`, and takes one request from its quota.
 * @throws AwsError as {@link openKey} does; InvalidKeyUsageException for a key of another usage;
 * ThrottlingException
 */
export function openKeyForUse(
  context: Context,
  keyId: string,
  usage: string,
  action?: string,
): Key {
  const key = openKeyOrAlias(context, keyId, action)
  if (key.usage !== usage)
    throw invalidUsage(
      `${key.arn} key usage is ${key.usage} which is not valid for this operation.`,
    )
  context.quotas.use(key.spec.family, context.region.name)
  return key
}

/** An InvalidKeyUsageException. */
export function invalidUsage(message: string): AwsError {
  return new AwsError('InvalidKeyUsageException', message)
}
