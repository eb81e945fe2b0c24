import type { KeyTypeName } from '../../../crypto/key-types.js'
import { KeymgmtError, type ErrorCode } from '../../../errors.js'
import type {
  KmsKey,
  KmsKeyRequest,
  KmsKeyStatus,
  KmsKind,
  KmsProvider,
  KmsSettings,
} from '../../provider.js'
import { keySpecFor, macFor, proofFor, wrappingFor } from '../key-specs.js'
import {
  MULTI_REGION_SERVICE,
  type Facts,
  type KeyScope,
  type Need,
  type Operation,
} from './permissions.js'

/** What a command was seen to need of one provider. */
export interface Noted {
  readonly needs: Need[]
  /** ARNs that tell the provider's AWS account. */
  readonly arns: Set<string>
  /** The questions that AWS did not answer, and whose answer was therefore assumed. */
  readonly unanswered: Set<string>
}

/** The tags that narrow a policy: those that every KMS key of one of our keys has alike. */
const TELLING_TAGS = ['keymgmt:store', 'keymgmt:key'] as const

/** What every KMS key is that we make. */
export const IMPORTED: Facts = { 'kms:KeyOrigin': ['EXTERNAL'] }

/** What every import of ours is. */
export const IMPORT: Facts = {
  'kms:WrappingKeySpec': ['RSA_4096'],
  'kms:ExpirationModel': ['KEY_MATERIAL_DOES_NOT_EXPIRE'],
}

/**
 * `kind` with a note, in an entry of `noted` for each provider that is opened, of what every call
 * needs to be allowed. It is to be put around a rehearsal. A question that AWS refuses to answer,
 * or can't be asked, is noted and answered with what lets the command go on: who asks which
 * permissions to get does not have them yet.
 */
export function noteNeeds(kind: KmsKind, noted: Noted[]): KmsKind {
  const books = new Map<string, Notebook>()
  const bookOf = (settings: KmsSettings) => {
    const name = JSON.stringify(settings)
    const known = books.get(name)
    if (known) return known
    const { role_arn } = settings.credentials
    const note: Noted = {
      needs: [],
      arns: new Set(role_arn ? [role_arn] : []),
      unanswered: new Set(),
    }
    noted.push(note)
    const book = createNotebook(note)
    books.set(name, book)
    return book
  }
  return {
    ...kind,
    open: async (settings) => notingProvider(await kind.open(settings), bookOf(settings)),
  }
}

/** What is known of a request from the KMS key that it is to make. */
function requestFacts({ tags }: Pick<KmsKeyRequest, 'tags'>): Facts {
  return Object.fromEntries(
    TELLING_TAGS.flatMap((name) =>
      tags[name] === undefined ? [] : [[`aws:RequestTag/${name}`, [tags[name]]]],
    ),
  )
}

function keyFacts({ type, purpose }: KmsKeyRequest): Facts {
  const { KeySpec, KeyUsage } = keySpecFor(type, purpose)
  return { ...IMPORTED, 'kms:KeySpec': [KeySpec], 'kms:KeyUsage': [KeyUsage] }
}

/** What a replica is, and no KMS key is that is made by itself. */
export const REPLICA: Facts = {
  ...IMPORTED,
  'kms:MultiRegion': ['true'],
  'kms:MultiRegionKeyType': ['REPLICA'],
}

/** Every KMS key with imported material, where it is not known which. */
const ANY_IMPORTED: KeyScope = { name: 'key/*', facts: IMPORTED }

/** A KMS key that AWS says nothing of is taken to be there and in use. */
function assumedStatus(key: KmsKey): KmsKeyStatus {
  return {
    key,
    state: 'enabled',
    deletionDate: undefined,
    expires: undefined,
    materialId: undefined,
    multiRegion: undefined,
    external: true,
    kind: undefined,
  }
}

/** Why AWS may not have answered without there being anything wrong with the command. */
const UNANSWERED: readonly ErrorCode[] = ['KMS_ACCESS_DENIED', 'KMS_CREDENTIALS', 'KMS_UNREACHABLE']

/** How the calls of one provider are written down. */
interface Notebook {
  note(need: Need): void
  onKey(region: string, key: KmsKey, operation: Operation, facts?: Facts): void
  /** Takes a KMS key for one that is to be made: nobody knows its id yet. */
  make(key: KmsKey, request: KmsKeyRequest): void
  /** The KMS key as a policy can name it: one that is to be made by what it is going to be. */
  scope(key: KmsKey): KeyScope
  /** Remembers what AWS said that aliases name. */
  found(region: string, targets: ReadonlyMap<string, string>): void
  /** The KMS key that an alias names: what AWS said goes before what is on record. */
  named(region: string, alias: string, recorded: KmsKey | undefined): KeyScope
  /** AWS's answer or, where it gives none, the other. */
  answer<T>(operation: string, asked: Promise<T>, otherwise: T): Promise<T>
}

function createNotebook({ needs, arns, unanswered }: Noted): Notebook {
  const made = new Map<string, KmsKeyRequest>()
  const aliases = new Map<string, string>()
  const scope = ({ id, arn }: KmsKey): KeyScope => {
    for (const known of [id, arn]) if (known.startsWith('arn:')) arns.add(known)
    const request = made.get(id)
    if (request)
      return { name: request.multiRegion ? 'key/mrk-*' : 'key/*', facts: keyFacts(request) }
    return { name: `key/${id.replace(/^arn:.*:key\//, '')}`, facts: {} }
  }
  return {
    scope,
    note: (need) => {
      needs.push(need)
    },
    onKey: (region, key, operation, facts = {}) => {
      needs.push({ operation, regions: [region], keys: [scope(key)], facts })
    },
    make: ({ id }, request) => {
      made.set(id, request)
    },
    found: (region, targets) => {
      for (const [alias, id] of targets) aliases.set(`${region} ${alias}`, id)
    },
    named: (region, alias, recorded) => {
      const seen = aliases.get(`${region} ${alias}`)
      if (seen !== undefined) return scope({ id: seen, arn: '' })
      return recorded ? scope(recorded) : ANY_IMPORTED
    },
    answer: async (operation, asked, otherwise) => {
      try {
        return await asked
      } catch (error) {
        if (!(error instanceof KeymgmtError) || !UNANSWERED.includes(error.code)) throw error
        unanswered.add(operation)
        return otherwise
      }
    },
  }
}

function notingProvider(inner: KmsProvider, book: Notebook): KmsProvider {
  return {
    ...inner,
    ...making(inner, book),
    ...asking(inner, book),
    ...filling(inner, book),
    ...naming(inner, book),
    ...switching(inner, book),
  }
}

function making(inner: KmsProvider, book: Notebook): Pick<KmsProvider, 'create' | 'replicate'> {
  const { region: home } = inner
  return {
    create: async (request) => {
      const tags = requestFacts(request)
      book.note({
        operation: 'CreateKey',
        regions: [home],
        facts: { ...tags, ...keyFacts(request), 'kms:MultiRegion': [String(request.multiRegion)] },
      })
      if (request.multiRegion)
        book.note({
          operation: 'CreateServiceLinkedRole',
          regions: [home],
          facts: MULTI_REGION_SERVICE,
        })
      const key = await inner.create(request)
      book.make(key, request)
      book.onKey(home, key, 'TagNewKey', tags)
      return key
    },
    replicate: (key, toRegion, request) => {
      const tags = requestFacts(request)
      book.onKey(home, key, 'ReplicateKey', { 'kms:ReplicaRegion': [toRegion] })
      // AWS does not document in which of the two Regions a policy sees it.
      book.note({
        operation: 'CreateReplica',
        regions: [home, toRegion],
        facts: { ...tags, ...REPLICA },
      })
      book.onKey(toRegion, key, 'TagNewKey', tags)
      book.onKey(toRegion, key, 'DescribeKey')
      return inner.replicate(key, toRegion, request)
    },
  }
}

function asking(
  inner: KmsProvider,
  book: Notebook,
): Pick<KmsProvider, 'findByOperation' | 'findReplica' | 'inspect' | 'tagsOf' | 'aliasTargets'> {
  const { region: home } = inner
  return {
    findByOperation: (ids, since) => {
      book.note({ operation: 'ListKeys', regions: [home] })
      // Of every KMS key there is: it is by its tags that ours is told from others.
      book.note({
        operation: 'ListResourceTags',
        regions: [home],
        keys: [{ name: 'key/*', facts: {} }],
      })
      return book.answer('ListKeys', inner.findByOperation(ids, since), new Map())
    },
    findReplica: (key, region, since) => {
      book.onKey(region, key, 'DescribeKey')
      return book.answer('DescribeKey', inner.findReplica(key, region, since), undefined)
    },
    inspect: (region, key) => {
      book.onKey(region, key, 'DescribeKey')
      return book.answer('DescribeKey', inner.inspect(region, key), assumedStatus(key))
    },
    tagsOf: (region, key) => {
      book.onKey(region, key, 'ListResourceTags')
      return book.answer('ListResourceTags', inner.tagsOf(region, key), {})
    },
    aliasTargets: async (region, names) => {
      book.note({ operation: 'ListAliases', regions: [region] })
      const found = await book.answer(
        'ListAliases',
        inner.aliasTargets(region, names),
        new Map<string, string>(),
      )
      book.found(region, found)
      return found
    },
  }
}

function filling(
  inner: KmsProvider,
  book: Notebook,
): Pick<KmsProvider, 'importMaterial' | 'accepts' | 'holds'> {
  const fill = (region: string, key: KmsKey, type: KeyTypeName) => {
    book.onKey(region, key, 'GetParametersForImport', {
      ...IMPORT,
      'kms:WrappingAlgorithm': [wrappingFor(type, region)],
    })
    book.onKey(region, key, 'ImportKeyMaterial', IMPORT)
  }
  return {
    importMaterial: (region, key, type, material) => {
      fill(region, key, type)
      return inner.importMaterial(region, key, type, material)
    },
    accepts: (region, key, type, material) => {
      fill(region, key, type)
      return inner.accepts(region, key, type, material)
    },
    holds: (region, key, type, material) => {
      const operation = proofFor(type)
      if (!operation) return inner.holds(region, key, type, material)
      const mac = macFor(type)?.algorithm
      book.onKey(region, key, operation, mac && { 'kms:MacAlgorithm': [mac] })
      return book.answer(operation, inner.holds(region, key, type, material), true)
    },
  }
}

function naming(
  inner: KmsProvider,
  book: Notebook,
): Pick<KmsProvider, 'pointAlias' | 'removeAlias'> {
  return {
    pointAlias: (region, alias, key, owner) => {
      const target = book.scope(key)
      const former = owner.exists ? [book.named(region, alias, owner.named)] : []
      // One that is on record is as the one to be made is, and so it is meant by the same pattern.
      const keys = target.name.endsWith('*') && owner.named ? [target] : [target, ...former]
      book.note({
        operation: owner.exists ? 'UpdateAlias' : 'CreateAlias',
        regions: [region],
        alias,
        keys,
      })
      // It may be there, and then is looked at.
      if (owner.begun) book.note({ operation: 'ListAliases', regions: [region] })
      return inner.pointAlias(region, alias, key, owner)
    },
    removeAlias: (region, alias, recorded) => {
      book.note({
        operation: 'DeleteAlias',
        regions: [region],
        alias,
        keys: [book.named(region, alias, recorded)],
      })
      return inner.removeAlias(region, alias, recorded)
    },
  }
}

function switching(
  inner: KmsProvider,
  book: Notebook,
): Pick<
  KmsProvider,
  'tag' | 'deleteMaterial' | 'enable' | 'disable' | 'scheduleDeletion' | 'cancelDeletion'
> {
  const noting =
    (operation: Operation, method: 'deleteMaterial' | 'enable' | 'disable' | 'cancelDeletion') =>
    (region: string, key: KmsKey) => {
      book.onKey(region, key, operation)
      return inner[method](region, key)
    }
  return {
    deleteMaterial: noting('DeleteImportedKeyMaterial', 'deleteMaterial'),
    enable: noting('EnableKey', 'enable'),
    disable: noting('DisableKey', 'disable'),
    cancelDeletion: noting('CancelKeyDeletion', 'cancelDeletion'),
    tag: (region, key, tags) => {
      book.onKey(region, key, 'TagResource', requestFacts({ tags }))
      return inner.tag(region, key, tags)
    },
    scheduleDeletion: (region, key, days) => {
      book.onKey(region, key, 'ScheduleKeyDeletion', {
        'kms:ScheduleKeyDeletionPendingWindowInDays': [String(days)],
      })
      return inner.scheduleDeletion(region, key, days)
    },
  }
}
