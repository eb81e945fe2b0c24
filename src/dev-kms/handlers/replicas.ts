import { arnOf, isRegion, partitionOf } from '../arn.js'
import { AwsError, notFound, unsupported } from '../errors.js'
import { openKey } from '../find.js'
import type { Handler, Handlers } from '../handler.js'
import { assertState } from '../states.js'
import type { Key, Material, MultiRegion } from '../state.js'
import { updatePendingRotation } from '../account.js'
import { assertRoom, initialValues, keyMetadata } from './keys.js'
import { defaultPolicy, readPolicy } from './key-policies.js'
import { recordOf } from './materials.js'
import { tagList } from './tags.js'

/**
 * The Regions of a multi-Region primary key.
 * @throws AwsError UnsupportedOperationException if the key is not a multi-Region primary
 */
export function requirePrimary({ multiRegion, region, arn }: Key): MultiRegion {
  if (multiRegion?.primary !== region)
    throw unsupported(`${arn} is not a multi-region primary key.`)
  return multiRegion
}

/**
 * AWS copies its own material to a replica. Imported material has to be imported into each replica.
 */
function replicaMaterials(source: Key): Material[] {
  return source.materials.map((material) =>
    source.origin === 'AWS_KMS' ? { ...material } : recordOf(material),
  )
}

/** A replica's Region must exist, in the primary's partition. */
function assertReachable({ arn, region }: Key, target: string): void {
  if (!isRegion(target) || partitionOf(target) !== partitionOf(region))
    throw unsupported(`${arn} can not be replicated to ${target}.`)
}

const replicateKey: Handler = (context, input) => {
  const { account } = context
  const source = openKey(context, input.required('KeyId'))
  const family = requirePrimary(source)
  const target = input.required('ReplicaRegion')
  assertReachable(source, target)
  const there = account.region(target)
  const arn = arnOf(there, `key/${source.id}`)
  context.authorize({ action: 'CreateKey', resource: '*', replica: { of: source, region: target } })
  if (input.has('Tags')) context.authorize({ action: 'TagResource', resource: arn })
  // AWS counts two: it makes a dry run first.
  context.quotas.request('CreateKey', target, 2)
  if (there.keys.has(source.id))
    throw new AwsError(
      'AlreadyExistsException',
      `Unable to replicate key as it already exists in region ${target}.`,
    )
  assertRoom(context, there.keys)
  const key: Key = {
    ...source,
    ...initialValues(context, input),
    arn,
    region: target,
    readyAt: account.now().getTime() + context.transitionMs,
    policy: readPolicy(context, input, there) ?? defaultPolicy(there),
    materials: replicaMaterials(source),
    publicKey: source.origin === 'AWS_KMS' ? source.publicKey : undefined,
  }
  family.replicas.add(target)
  there.keys.set(key.id, key)
  updatePendingRotation(account, source)
  return {
    ReplicaKeyMetadata: keyMetadata(account, key),
    ReplicaPolicy: key.policy,
    ReplicaTags: tagList(key),
  }
}

const updatePrimaryRegion: Handler = (context, input) => {
  const { account, region } = context
  const key = openKey(context, input.required('KeyId'))
  const family = requirePrimary(key)
  const target = input.required('PrimaryRegion')
  if (target === region.name) throw unsupported(`${key.arn} is the primary key already.`)
  const elsewhere = account.region(target)
  const other = elsewhere.keys.get(key.id)
  if (!other) throw notFound(`Key '${arnOf(elsewhere, `key/${key.id}`)}' does not exist`)
  context.authorize({ key: other })
  context.quotas.request('UpdatePrimaryRegion', target)
  assertState(account.now(), other, context.operation)
  family.replicas.delete(target)
  family.replicas.add(region.name)
  family.primary = target
  for (const changed of [key, other])
    changed.updatingUntil = account.now().getTime() + context.transitionMs
  updatePendingRotation(account, other)
  return {}
}

/** Multi-Region keys. */
export const replicaHandlers: Handlers = {
  ReplicateKey: replicateKey,
  UpdatePrimaryRegion: updatePrimaryRegion,
}
