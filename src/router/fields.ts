import {
  scalarText,
  toBoolean,
  toClearableText,
  toInteger,
  toPairs,
  toSeconds,
  toSlice,
  toText,
  toTime,
} from './convert.js'
import { FieldError } from './field-error.js'
import { didYouMean } from '../suggest.js'
import { isList, withoutLastNewline, type RawValue } from './values.js'

/** One field of a request: its description, and the conversion of its raw value. */
export interface Field<T> {
  /** Name of the type, for help. If Vault has the type, the name is the same. */
  readonly type:
    'string' | 'int' | 'bool' | 'keypair' | 'slice' | 'bytes' | 'duration (sec)' | 'time'
  /** Description, for help. */
  readonly description: string
  /** True if errors and responses must never contain the value. */
  readonly secret: boolean
  /** True if a request must have the field. */
  readonly required: boolean
  /** The allowed values, if the set is closed. */
  readonly choices?: readonly string[]
  /** The names of pairs whose values are secret; undefined means all of them. */
  readonly secretNames?: readonly string[]
  /** A description of the accepted values, to follow `<name> takes `. */
  readonly takes: string
  /**
   * Returns the typed value.
   * @throws FieldError if the field does not accept the value
   */
  readonly parse: (raw: RawValue) => T
}

/** A set of named fields. */
export type Fields = Readonly<Record<string, Field<unknown>>>

/** A field that a request must contain. */
export type RequiredField<T> = Field<T> & { readonly required: true }

type Value<F> = F extends Field<infer T> ? T : never

/** The values of a set of fields; those of optional fields may be missing. */
export type Typed<F extends Fields> = {
  readonly [N in keyof F as F[N] extends { readonly required: true } ? N : never]: Value<F[N]>
} & {
  readonly [N in keyof F as F[N] extends { readonly required: true } ? never : N]?:
    Value<F[N]> | undefined
}

/** The checks of a text, or of each element of a list. */
export interface TextOptions<C extends string = string> {
  /** True if an empty text removes the value. An empty file or standard input is then refused. */
  readonly clearable?: boolean
  readonly pattern?: RegExp
  /** A valid value, for hints. */
  readonly example?: string
  readonly choices?: readonly C[]
  /** The hint for an empty list, if it is refused: an unset variable in a script makes one. */
  readonly refuseEmpty?: string
  /** Hints for values that users expect among the choices. */
  readonly unsupported?: Readonly<Record<string, string>>
}

/** A text, never trimmed. */
export function text(description: string, options: TextOptions = {}): Field<string> {
  return {
    ...base('string', description, textTakes('text', options)),
    ...choicesOf(options),
    parse: (raw) => checkText((options.clearable ? toClearableText : toText)(raw), options),
  }
}

/** A text from a closed set. An error calls any other text an unsupported `noun`, as Vault does. */
export function oneOf<const C extends readonly string[]>(
  choices: C,
  description: string,
  noun?: string,
): Field<C[number]> {
  return {
    ...base('string', description, textTakes('text', { choices })),
    choices,
    parse: (raw) => {
      const given = toText(raw)
      const choice = choices.find((candidate): candidate is C[number] => candidate === given)
      if (choice === undefined)
        throw noun ? unsupportedError(noun, given, choices) : notOneOfError(given, { choices })
      return choice
    },
  }
}

/** A whole number that a double represents exactly. */
export function integer(
  description: string,
  options: { readonly min?: number; readonly max?: number } = {},
): Field<number> {
  const { min, max } = options
  return {
    ...base('int', description, integerTakes(min, max)),
    parse: (raw) => {
      const value = toInteger(raw)
      if (min !== undefined && value < min) throw outOfRangeError(value, `is less than ${min}`)
      if (max !== undefined && value > max) throw outOfRangeError(value, `is more than ${max}`)
      return value
    },
  }
}

function outOfRangeError(value: number, problem: string): FieldError {
  return new FieldError((shown) => `${shown(String(value)).replaceAll('"', '')} ${problem}`)
}

function integerTakes(min: number | undefined, max: number | undefined): string {
  if (min === undefined) return 'a whole number'
  return max === undefined
    ? `a whole number of at least ${min}`
    : `a whole number from ${min} to ${max}`
}

/** A duration of whole seconds, at most `max` (in the same form, such as `365d`). */
export function duration(
  description: string,
  { max }: { readonly max?: string } = {},
): Field<number> {
  const limit = max === undefined ? Infinity : toSeconds(max)
  const takes = 'a duration such as 90s, 12h or 30d'
  return {
    ...base('duration (sec)', description, max ? `${takes}, of at most ${max}` : takes),
    parse: (raw) => {
      const seconds = toSeconds(raw)
      if (seconds <= limit) return seconds
      throw new FieldError(
        (shown) => `${shown(scalarText(raw) ?? '').replaceAll('"', '')} is more than ${max}`,
      )
    },
  }
}

/** A time in RFC 3339. */
export function time(description: string): Field<Date> {
  return {
    ...base('time', description, 'a time in RFC 3339 such as 2027-01-31T12:00:00Z'),
    parse: toTime,
  }
}

/** True or false. */
export function boolean(description: string): Field<boolean> {
  return { ...base('bool', description, 'true or false'), parse: toBoolean }
}

/** A list of texts: separated by commas, or from a repeated field. */
export function listOf<const C extends string = string>(
  description: string,
  options: TextOptions<C> = {},
): Field<readonly C[]> {
  return {
    ...base('slice', description, textTakes('a comma-separated list', options)),
    ...choicesOf(options),
    parse: (raw) => {
      if (options.refuseEmpty !== undefined && scalarText(raw) === '')
        throw new FieldError('it is empty', [options.refuseEmpty])
      // Without choices, C is string; with choices, checkText guarantees C.
      return toSlice(raw).map((element) => checkText(element, options) as C)
    },
  }
}

/** Secret name and value pairs. `names` is the closed set of names, with their descriptions. */
export function pairs(
  names: Readonly<Record<string, string>>,
  description: string,
  secretNames?: readonly string[],
): Field<Readonly<Record<string, string>>> {
  const known = Object.keys(names)
  const listed = Object.entries(names).map(([name, meaning]) => `\n  ${name}: ${meaning}`)
  return {
    ...base(
      'keypair',
      `${description}${listed.join('')}`,
      `name=value pairs, once for each of ${known.join(', ')}`,
    ),
    secret: true,
    choices: known,
    ...(secretNames && { secretNames }),
    parse: (raw) => {
      refuseJsonText(raw)
      const given = toPairs(raw)
      for (const name of given.keys())
        if (!Object.hasOwn(names, name)) throw unknownNameError(name, known)
      return Object.fromEntries(given)
    },
  }
}

/** Name and value pairs with any names. An empty value means no pairs. */
export function openPairs(description: string): Field<Readonly<Record<string, string>>> {
  return {
    ...base('keypair', description, 'name=value pairs, once for each'),
    parse: (raw) => {
      refuseJsonText(raw)
      return Object.fromEntries(toPairs(raw))
    },
  }
}

/** Secret bytes: the content of a file or of standard input, or a text in UTF-8. */
export function secretBytes(description: string): Field<Uint8Array> {
  return {
    ...base('bytes', description, 'a file (@FILE) or standard input (-)'),
    secret: true,
    parse: (raw) => {
      if (raw instanceof Uint8Array) return raw
      if (typeof raw === 'string') return new TextEncoder().encode(raw)
      throw new FieldError('expected a file or text')
    },
  }
}

/** Secret bytes of one line, without the newline at its end. */
export function secretLine(description: string): Field<Uint8Array> {
  const { parse, ...rest } = secretBytes(description)
  return { ...rest, parse: (raw) => withoutLastNewline(parse(raw)) }
}

/** Makes a field required. */
export function required<T>(field: Field<T>): RequiredField<T> {
  return { ...field, required: true }
}

function base<T extends Field<unknown>['type']>(type: T, description: string, takes: string) {
  return { type, description, takes, secret: false, required: false }
}

function choicesOf({ choices }: TextOptions): { readonly choices?: readonly string[] } {
  return choices === undefined ? {} : { choices }
}

function textTakes(kind: string, { choices, example }: TextOptions): string {
  if (choices !== undefined) return `${kind === 'text' ? 'one' : kind} of ${choices.join(', ')}`
  return example === undefined ? kind : `${kind} such as ${example}`
}

function checkText(value: string, options: TextOptions): string {
  const { choices, pattern } = options
  if (choices !== undefined && !choices.includes(value)) throw notOneOfError(value, options)
  // Unlike test(), search() ignores the lastIndex that a pattern with the g flag keeps.
  if (pattern !== undefined && value.search(pattern) < 0)
    throw new FieldError((shown) => `${shown(value)} has the wrong form`)
  return value
}

function notOneOfError(value: string, { choices = [], unsupported = {} }: TextOptions): FieldError {
  const reason = Object.hasOwn(unsupported, value) ? unsupported[value] : undefined
  return new FieldError(
    (shown) => `${shown(value)} is not one of ${choices.join(', ')}`,
    reason === undefined ? didYouMean(value, choices) : [reason],
  )
}

function unsupportedError(noun: string, value: string, choices: readonly string[]): FieldError {
  return new FieldError(
    (shown) => `unsupported ${noun} ${shown(value).replace(/^[^"].*/, '($&)')}`,
    [...didYouMean(value, choices), `use one of ${choices.join(', ')}`],
  )
}

/** Refuses JSON text in place of pairs. Vault would split it at its first `=`. */
function refuseJsonText(raw: RawValue): void {
  const texts = isList(raw) ? raw : [raw]
  if (!texts.some((part) => /^\s*[{[]/.test(scalarText(part) ?? ''))) return
  throw new FieldError('expected name=value', [
    'to pass a JSON object, put it in a file and specify @FILE as the value',
  ])
}

/**
 * The message does not repeat the name, which may be part of a credential that was split wrongly.
 */
function unknownNameError(name: string, known: readonly string[]): FieldError {
  return new FieldError(`unknown name; the names are ${known.join(', ')}`, didYouMean(name, known))
}
