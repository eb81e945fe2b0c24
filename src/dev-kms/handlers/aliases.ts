import { AwsError, invalid } from '../errors.js'
import { page, wireDate, type Handler, type Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { arnOf, findKey, refuseStates, type Region } from '../state.js'

const ALIASES_PER_KEY = 50

function readName(input: Input): string {
  const name = input.required('AliasName')
  if (!name.startsWith('alias/')) {
    throw invalid('Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html')
  }
  // The model's pattern also has a colon, which AWS's text does not; the stricter of the two holds here.
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name) || name.length > 256) {
    throw new AwsError('InvalidAliasNameException', `${name} is not a valid alias name`)
  }
  if (name.startsWith('alias/aws/')) throw new AwsError('NotAuthorizedException', 'alias/aws/ is reserved for AWS managed keys')
  return name
}

function missing(region: Region, name: string): AwsError {
  return new AwsError('NotFoundException', `Alias ${arnOf(region.name, name)} is not found.`)
}

const createAlias: Handler = ({ world, region }, input) => {
  const name = readName(input)
  const key = findKey(world, region, input.required('TargetKeyId'))
  refuseStates(world, key, 'PendingDeletion', 'PendingReplicaDeletion')
  if (region.aliases.has(name)) {
    throw new AwsError('AlreadyExistsException', `An alias with the name ${arnOf(region.name, name)} already exists`)
  }
  const count = [...region.aliases.values()].filter(({ target }) => target === key.id).length
  if (count >= ALIASES_PER_KEY) throw new AwsError('LimitExceededException', `${key.arn} has ${ALIASES_PER_KEY} aliases already`)
  const now = world.now()
  region.aliases.set(name, { target: key.id, created: now, updated: now })
  return {}
}

const updateAlias: Handler = ({ world, region }, input) => {
  const name = readName(input)
  const alias = region.aliases.get(name)
  if (!alias) throw missing(region, name)
  const next = findKey(world, region, input.required('TargetKeyId'))
  refuseStates(world, next, 'PendingDeletion', 'PendingReplicaDeletion')
  const former = findKey(world, region, alias.target)
  const kind = (family: string) => (family === 'rsa' || family === 'ecc' ? 'asymmetric' : family)
  if (kind(former.spec.family) !== kind(next.spec.family) || former.usage !== next.usage) {
    throw invalid(`${next.arn} has another key type or key usage than ${former.arn}`)
  }
  region.aliases.set(name, { ...alias, target: next.id, updated: world.now() })
  return {}
}

/** Names for keys. */
export const aliasHandlers: Handlers = {
  CreateAlias: createAlias,
  UpdateAlias: updateAlias,
  DeleteAlias: ({ region }, input) => {
    const name = readName(input)
    if (!region.aliases.delete(name)) throw missing(region, name)
    return {}
  },
  ListAliases: ({ world, region }, input) => {
    const keyId = input.text('KeyId')
    const only = keyId === undefined ? undefined : findKey(world, region, keyId).id
    const all = [...region.aliases].filter(([, { target }]) => only === undefined || target === only)
    const { items, rest } = page(input, all, 100)
    const Aliases = items.map(([name, { target, created, updated }]) => ({
      AliasName: name,
      AliasArn: arnOf(region.name, name),
      TargetKeyId: target,
      CreationDate: wireDate(created),
      LastUpdatedDate: wireDate(updated),
    }))
    return { Aliases, ...rest }
  },
}
