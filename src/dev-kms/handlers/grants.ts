import { randomBytes } from 'node:crypto'
import { rootArn } from '../arn.js'
import { AwsError, invalid, notFound } from '../errors.js'
import { openKey } from '../find.js'
import { wireDate, type Context, type Handler, type Handlers } from '../handler.js'
import type { Input } from '../input.js'
import { page } from '../paging.js'
import type { Grant, Key } from '../state.js'
import { assertGrantTokens, assertNotDry } from './use.js'

const DEFAULT_LIMIT = 50

/** Operations that every grant may allow; GRANTABLE lists those for each kind of key. */
const ANY = ['CreateGrant', 'RetireGrant', 'DescribeKey']
const GRANTABLE: Readonly<Record<string, readonly string[]>> = {
  symmetric: [
    'Encrypt',
    'Decrypt',
    'ReEncryptFrom',
    'ReEncryptTo',
    'GenerateDataKey',
    'GenerateDataKeyWithoutPlaintext',
    'GenerateDataKeyPair',
    'GenerateDataKeyPairWithoutPlaintext',
  ],
  ENCRYPT_DECRYPT: ['Encrypt', 'Decrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GetPublicKey'],
  SIGN_VERIFY: ['Sign', 'Verify', 'GetPublicKey'],
  GENERATE_VERIFY_MAC: ['GenerateMac', 'VerifyMac'],
  KEY_AGREEMENT: ['DeriveSharedSecret', 'GetPublicKey'],
}

const REPEATED = [
  'Name',
  'GranteePrincipal',
  'RetiringPrincipal',
  'GranteeServicePrincipal',
  'RetiringServicePrincipal',
]

function readMembers(key: Key, input: Input): Readonly<Record<string, unknown>> {
  const operations = input.texts('Operations')
  const allowed = [...(GRANTABLE[key.spec.family] ?? GRANTABLE[key.usage] ?? []), ...ANY]
  const wrong = operations.find((operation) => !allowed.includes(operation))
  if (wrong !== undefined)
    throw invalid(`Operation ${wrong} is not supported by a grant on ${key.arn}`)
  assertOne(input, 'GranteePrincipal', 'GranteeServicePrincipal', true)
  assertOne(input, 'RetiringPrincipal', 'RetiringServicePrincipal', false)
  const constraints = input.structure('Constraints')
  if (input.has('GranteeServicePrincipal') && !constraints?.has('SourceArn'))
    throw invalid('GranteeServicePrincipal needs a SourceArn constraint')
  if (constraints?.has('EncryptionContextSubset') && constraints.has('EncryptionContextEquals')) {
    throw invalid('a grant has one of EncryptionContextSubset and EncryptionContextEquals')
  }
  return {
    ...Object.fromEntries(
      REPEATED.flatMap((name) => (input.has(name) ? [[name, input.text(name)]] : [])),
    ),
    Operations: operations,
    ...(constraints && { Constraints: readConstraints(constraints) }),
  }
}

function readConstraints(constraints: Input): object {
  const contexts = ['EncryptionContextSubset', 'EncryptionContextEquals'].filter((name) =>
    constraints.has(name),
  )
  return {
    ...Object.fromEntries(
      contexts.map((name) => [name, Object.fromEntries(constraints.map(name))]),
    ),
    ...(constraints.has('SourceArn') && { SourceArn: constraints.text('SourceArn') }),
  }
}

function assertOne(input: Input, one: string, other: string, needed: boolean): void {
  const count = [one, other].filter((name) => input.has(name)).length
  if (count > 1 || (needed && count === 0))
    throw invalid(`a grant has ${needed ? '' : 'at most '}one of ${one} and ${other}`)
}

const createGrant: Handler = (context, input) => {
  assertGrantTokens(context, input)
  const key = openKey(context, input.required('KeyId'))
  const members = readMembers(key, input)
  const same =
    members.Name === undefined
      ? undefined
      : [...key.grants.values()].find(
          (grant) => JSON.stringify(grant.members) === JSON.stringify(members),
        )
  if (!same && key.grants.size >= context.limits.grantsPerKey)
    throw new AwsError(
      'LimitExceededException',
      `${key.arn} has ${context.limits.grantsPerKey} grants already`,
    )
  assertNotDry(input)
  const grant: Grant = same ?? {
    id: randomBytes(32).toString('hex'),
    token: randomBytes(96).toString('base64url'),
    created: context.account.now(),
    members,
  }
  key.grants.set(grant.id, grant)
  return { GrantId: grant.id, GrantToken: grant.token }
}

function entry({ region }: Context, key: Key, grant: Grant): object {
  return {
    KeyId: key.arn,
    GrantId: grant.id,
    CreationDate: wireDate(grant.created),
    IssuingAccount: rootArn(region),
    ...grant.members,
  }
}

const listGrants: Handler = (context, input) => {
  const key = openKey(context, input.required('KeyId'))
  const id = input.text('GrantId')
  if (id !== undefined && !key.grants.has(id))
    throw new AwsError('InvalidGrantIdException', `Grant ${id} does not exist`)
  const filters = ['GranteePrincipal', 'GranteeServicePrincipal'].filter((name) => input.has(name))
  if (filters.length > 1)
    throw invalid('specify only one of GranteePrincipal and GranteeServicePrincipal')
  const found = [...key.grants.values()].filter(
    (grant) =>
      (id === undefined || grant.id === id) &&
      filters.every((name) => grant.members[name] === input.text(name)),
  )
  const { items, rest } = page(context, input, found, DEFAULT_LIMIT, (grant) => grant.id)
  return { Grants: items.map((grant) => entry(context, key, grant)), ...rest }
}

const listRetirableGrants: Handler = (context, input) => {
  assertOne(input, 'RetiringPrincipal', 'RetiringServicePrincipal', true)
  context.authorize({ resource: '*' })
  const name = input.has('RetiringPrincipal') ? 'RetiringPrincipal' : 'RetiringServicePrincipal'
  const all = [...context.region.keys.values()].flatMap((key) =>
    [...key.grants.values()].map((grant) => ({ key, grant })),
  )
  const found = all.filter(({ grant }) => grant.members[name] === input.text(name))
  const { items, rest } = page(context, input, found, DEFAULT_LIMIT, ({ grant }) => grant.id)
  return { Grants: items.map(({ key, grant }) => entry(context, key, grant)), ...rest }
}

function revoke(input: Input, key: Key, grantId: string): object {
  if (!key.grants.has(grantId)) throw notFound(`Grant ID ${grantId} not found`)
  assertNotDry(input)
  key.grants.delete(grantId)
  return {}
}

const retireGrant: Handler = (context, input) => {
  const token = input.text('GrantToken')
  if ((token !== undefined) === (input.has('KeyId') || input.has('GrantId')))
    throw invalid('specify either GrantToken, or both KeyId and GrantId')
  if (token === undefined)
    return revoke(input, openKey(context, input.required('KeyId')), input.required('GrantId'))
  for (const key of context.region.keys.values()) {
    const grant = [...key.grants.values()].find((candidate) => candidate.token === token)
    if (!grant) continue
    context.authorize({ key })
    return revoke(input, key, grant.id)
  }
  throw new AwsError(
    'InvalidGrantTokenException',
    `The grant token is not one of account ${context.region.account}.`,
  )
}

/** Grants. The embedded KMS records them, but they allow nothing. */
export const grantHandlers: Handlers = {
  CreateGrant: createGrant,
  ListGrants: listGrants,
  ListRetirableGrants: listRetirableGrants,
  RetireGrant: retireGrant,
  RevokeGrant: (context, input) =>
    revoke(input, openKey(context, input.required('KeyId')), input.required('GrantId')),
}
