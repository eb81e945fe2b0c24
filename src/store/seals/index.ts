import { sealName, type SealEntry } from '../../crypto/root-key.js'
import { KeymgmtError } from '../../errors.js'
import { keyfile } from './keyfile.js'
import type { Seal } from './seal.js'

interface SealKindDefinition {
  /** The id that follows the kind in the name of such a seal, for help; absent if it has none. */
  readonly takes?: string
  /** Loads the kind. A local store with a keyfile needs no other one. */
  readonly load: () => Promise<Seal>
}

/** Every kind of seal, in the order in which they are tried: without a network first. */
const SEALS = {
  keyfile: { load: () => Promise.resolve(keyfile) },
  passphrase: { load: async () => (await import('./passphrase.js')).passphrase },
  age: { takes: 'RECIPIENT', load: async () => (await import('./age.js')).age },
  awskms: { takes: 'ARN', load: async () => (await import('./awskms.js')).awskms },
} as const satisfies Readonly<Record<string, SealKindDefinition>>

/** A kind of seal that a store can have. */
export type SealKind = keyof typeof SEALS

/** The name of a seal to add or remove. */
export interface SealName {
  /** The kind of seal. */
  readonly kind: SealKind
  /** Names the key of the seal; absent for a kind that needs no name. */
  readonly id?: string
}

const KINDS = Object.keys(SEALS) as readonly SealKind[]

/** The forms of the names of seals, for help and hints. */
export const SEAL_FORMS: readonly string[] = KINDS.map((kind) => {
  const { takes }: SealKindDefinition = SEALS[kind]
  return takes === undefined ? kind : `${kind}:${takes}`
})

/** Loads the kind of a seal. */
export function loadSeal(kind: SealKind): Promise<Seal> {
  return SEALS[kind].load()
}

/**
 * Returns the kind of an entry.
 * @throws KeymgmtError STORE_VERSION for one that this version doesn't have.
 */
export function kindOf({ kind }: Pick<SealEntry, 'kind'>): SealKind {
  if (isKind(kind)) return kind
  throw new KeymgmtError(
    'STORE_VERSION',
    `this store has a seal of the kind ${kind}, which this version of keymgmt doesn't have`,
    { hints: ['use the newer version of keymgmt that added the seal'] },
  )
}

/** Returns the entries in the order in which they are tried. */
export function inOrder<Entry extends Pick<SealEntry, 'kind'>>(
  entries: readonly Entry[],
): readonly Entry[] {
  return KINDS.flatMap((kind) => entries.filter((entry) => kindOf(entry) === kind))
}

/**
 * Parses a list of seals, separated by commas. `source` names the flag or variable.
 * @throws KeymgmtError SEAL_REFUSED, which never repeats the text: it may be a secret.
 */
export function parseSealNames(text: string, source: string): readonly SealName[] {
  if (/AGE-SECRET-KEY-/i.test(text)) throw identityError(source)
  const names = text.split(',').map((each) => parseSealName(each.trim(), source))
  assertDistinct(names, source)
  return names
}

/** @throws KeymgmtError SEAL_REFUSED if a seal is named twice. */
export function assertDistinct(names: readonly SealName[], source: string): void {
  const texts = names.map(sealName)
  const repeated = texts.find((text, index) => texts.indexOf(text) !== index)
  if (repeated !== undefined)
    throw refusedError(`${source} names the seal ${repeated} twice`, 'name each seal once')
}

function parseSealName(text: string, source: string): SealName {
  const [, kind = '', , id] = /^([^:]*)(:(.*))?$/s.exec(text) ?? []
  if (!isKind(kind)) throw formError(source)
  const { takes }: SealKindDefinition = SEALS[kind]
  if ((id !== undefined) !== (takes !== undefined) || id === '') throw formError(source)
  return { kind, ...(id !== undefined && { id }) }
}

/** The text was in a command or a variable, so others may have seen it. */
function identityError(source: string): KeymgmtError {
  return refusedError(
    `${source} contains an age identity, which is secret`,
    'create another identity with age-keygen, and specify its recipient (age1…)',
  )
}

function formError(source: string): KeymgmtError {
  return refusedError(`${source} names an unknown seal`, `the seals are ${SEAL_FORMS.join(', ')}`)
}

function refusedError(message: string, hint: string): KeymgmtError {
  return new KeymgmtError('SEAL_REFUSED', message, { hints: [hint] })
}

function isKind(kind: string): kind is SealKind {
  return Object.hasOwn(SEALS, kind)
}
