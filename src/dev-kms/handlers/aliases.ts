import { arnOf } from '../arn.js'
import { AwsError, invalid, notFound } from '../errors.js'
import { findKey, openKey } from '../find.js'
import { wireDate, type Context, type Handler, type Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { page } from '../paging.js'
import { assertState } from '../states.js'
import type { Key } from '../state.js'

const DEFAULT_LIMIT = 50

/**
 * The aliases that AWS reserves in every Region for its services. Each has no target key until the
 * account uses the service. Their ARNs reveal the account even if it has no keys.
 */
const AWS_ALIASES = ['acm', 'dynamodb', 'ebs', 'lambda', 'rds', 's3', 'secretsmanager', 'ssm'].map(
  (service) => `alias/aws/${service}`,
)

/** The alias name in a request, after checking its form and the caller's permission. */
function readName(context: Context, input: Input): string {
  const name = input.required('AliasName')
  if (!name.startsWith('alias/')) {
    throw invalid(
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    )
  }
  // AWS's model allows a colon, AWS's documentation does not. The stricter one applies.
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name))
    throw new AwsError('InvalidAliasNameException', `${name} is not a valid alias name`)
  if (name.startsWith('alias/aws/'))
    throw new AwsError('NotAuthorizedException', 'alias/aws/ is reserved for AWS managed keys')
  context.authorize({ resource: arnOf(context.region, name) })
  return name
}

function find({ region }: Context, name: string) {
  const alias = region.aliases.get(name)
  if (!alias) throw notFound(`Alias ${arnOf(region, name)} is not found.`)
  return alias
}

function assertFreeAlias({ region, limits }: Context, key: Key): void {
  const count = [...region.aliases.values()].filter(({ target }) => target === key.id).length
  if (count >= limits.aliasesPerKey)
    throw new AwsError(
      'LimitExceededException',
      `${key.arn} has ${limits.aliasesPerKey} aliases already`,
    )
}

const createAlias: Handler = (context, input) => {
  const { account, region } = context
  const name = readName(context, input)
  const key = openKey(context, input.required('TargetKeyId'))
  if (region.aliases.has(name)) {
    throw new AwsError(
      'AlreadyExistsException',
      `An alias with the name ${arnOf(region, name)} already exists`,
    )
  }
  assertFreeAlias(context, key)
  const now = account.now()
  region.aliases.set(name, { target: key.id, created: now, updated: now })
  return {}
}

const updateAlias: Handler = (context, input) => {
  const { account, region } = context
  const name = readName(context, input)
  const alias = find(context, name)
  const former = findKey(region, alias.target)
  context.authorize({ key: former })
  const next = openKey(context, input.required('TargetKeyId'))
  const kind = ({ spec: { family } }: Key) =>
    family === 'rsa' || family === 'ecc' ? 'asymmetric' : family
  if (kind(former) !== kind(next) || former.usage !== next.usage) {
    throw invalid(`${next.arn} has another key type or key usage than ${former.arn}`)
  }
  if (former.id !== next.id) assertFreeAlias(context, next)
  region.aliases.set(name, { ...alias, target: next.id, updated: account.now() })
  return {}
}

const deleteAlias: Handler = (context, input) => {
  const name = readName(context, input)
  const key = findKey(context.region, find(context, name).target)
  context.authorize({ key })
  assertState(context.account.now(), key, context.operation)
  context.region.aliases.delete(name)
  return {}
}

const listAliases: Handler = (context, input) => {
  const { region } = context
  context.authorize({ resource: '*' })
  const keyId = input.text('KeyId')
  const only = keyId === undefined ? undefined : findKey(region, keyId).id
  const own = [...region.aliases].map(([AliasName, { target, created, updated }]) => ({
    AliasName,
    TargetKeyId: target,
    CreationDate: wireDate(created),
    LastUpdatedDate: wireDate(updated),
  }))
  const entries = [
    ...AWS_ALIASES.map((AliasName) => ({ AliasName, TargetKeyId: undefined })),
    ...own,
  ]
  const wanted = entries.filter(({ TargetKeyId }) => only === undefined || TargetKeyId === only)
  const { items, rest } = page(context, input, wanted, DEFAULT_LIMIT, ({ AliasName }) => AliasName)
  const Aliases = items.map((entry) => ({ ...entry, AliasArn: arnOf(region, entry.AliasName) }))
  return { Aliases, ...rest }
}

/** Aliases. */
export const aliasHandlers: Handlers = {
  CreateAlias: createAlias,
  UpdateAlias: updateAlias,
  DeleteAlias: deleteAlias,
  ListAliases: listAliases,
}
