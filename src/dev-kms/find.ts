import { arnOf } from './arn.js'
import { AwsError, notFound } from './errors.js'
import type { Context } from './handler.js'
import { assertState } from './states.js'
import type { Key, Region } from './state.js'

const KEY_ID = /^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** The key that an id or a key ARN names, whatever its state; an alias names none. */
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

/** The part behind `key/` or `alias/` of an ARN of this account and Region. */
function localResource(region: Region, arn: string, kind: 'key/' | 'alias/'): string {
  const [, , , named, account] = arn.split(':')
  const home = arnOf(region, kind)
  if (arn.startsWith(home)) return arn.slice(home.length)
  if (account !== undefined && account !== region.account && /^\d{12}$/.test(account))
    throw notFound(`Key '${arn}' does not exist`)
  throw notFound(`Invalid arn ${named !== undefined && named !== region.name ? named : arn}`)
}

/** The alias that is named, in either form, or undefined when it isn't one. */
function aliasName(region: Region, keyId: string): string | undefined {
  if (keyId.startsWith('alias/')) return keyId
  return /^arn:[^:]*:kms:[^:]*:[^:]*:alias\//.test(keyId)
    ? `alias/${localResource(region, keyId, 'alias/')}`
    : undefined
}

/**
 * The key that a cryptographic operation, DescribeKey or GetPublicKey names: an id, an ARN, or an
 * alias in either form.
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
 * The key of a management operation: it is named by id or ARN, the caller may do this to it, and
 * its state allows it.
 */
export function managed(context: Context, keyId: string): Key {
  const key = findKey(context.region, keyId)
  context.authorize({ key })
  assertState(context.account.now(), key, context.operation)
  return key
}

/**
 * The key of an operation that takes aliases, too. `action` where it isn't named as the operation
 * is.
 */
export function named(context: Context, keyId: string, action?: string): Key {
  const { key, alias } = findKeyOrAlias(context.region, keyId)
  context.authorize({ key, alias, action })
  assertState(context.account.now(), key, context.operation)
  return key
}

/** A key that was named and is meant for `usage`, and one request's worth of its quota. */
export function usable(context: Context, keyId: string, usage: string, action?: string): Key {
  const key = named(context, keyId, action)
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
