import fc from 'fast-check'

/** Valid inputs of a target, and pieces of text that have a meaning in them. */
export interface Samples {
  readonly seeds: readonly Buffer[]
  readonly words: readonly string[]
}

/** Texts that parsers often get wrong. */
const TRIPPING = [
  '',
  '\0',
  '\n',
  '\r\n',
  '\ufeff',
  '\ufffd',
  '\u2028',
  '\u202e',
  '😀',
  '"',
  "'",
  '\\',
  '\\u',
  '\\ud800',
  '%',
  '/',
  '..',
  '=',
  ',',
  ':',
  '-',
  '--',
  '@',
  '@/',
  '[',
  ']',
  '{',
  '}',
  '{}',
  '[]',
  '[[',
  'null',
  'true',
  '0',
  '-1',
  '1e308',
  '1e999',
  '-0',
  '9007199254740993',
  '99999999999999999999',
  '0.1',
  'NaN',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  '{"__proto__":null}',
  ' ',
  '\t',
  'a'.repeat(300),
]

/** Replacements for a JSON value, of every type. As in String.replace, $& is the old value. */
const VALUES = [
  'null',
  '0',
  '-1',
  '1e308',
  '""',
  '"x"',
  '[]',
  '[null]',
  '{}',
  '{"a":1}',
  'true',
  '"\\ud800"',
  JSON.stringify('x'.repeat(5_000)),
  '$&$&',
]

/** Longer inputs find nothing more. */
const LONGEST = 100_000
const LONGEST_REPEAT = 4_000

/**
 * A change of an input, as JSON. Bytes are Latin-1 text. Positions and lengths are taken modulo the
 * length of the input; a length of -1 reaches to the end.
 */
export type Edit =
  | readonly ['replace', at: number, length: number, bytes: string]
  | readonly ['repeat', at: number, length: number]
  | readonly ['flip', at: number, bit: number]
  | readonly ['retype', nth: number, value: string]

/** Returns the input with the edits applied in order, cut to the longest that is tried. */
export function applyEdits(input: Buffer, edits: readonly Edit[]): Buffer {
  return edits.reduce(applyEdit, input).subarray(0, LONGEST)
}

function applyEdit(input: Buffer, edit: Edit): Buffer {
  if (edit[0] === 'retype') return retype(input, edit[1], edit[2])
  const start = edit[1] % (input.length + 1)
  if (edit[0] === 'flip') {
    const changed = Buffer.from(input)
    if (start < input.length) changed[start] = (changed[start] ?? 0) ^ (1 << edit[2])
    return changed
  }
  const rest = input.length - start
  const end = start + (edit[2] < 0 ? rest : edit[2] % (rest + 1))
  const [head, span, tail] = [
    input.subarray(0, start),
    input.subarray(start, end),
    input.subarray(end),
  ]
  return edit[0] === 'repeat'
    ? Buffer.concat([head, span, span.subarray(0, LONGEST_REPEAT), tail])
    : Buffer.concat([head, Buffer.from(edit[3], 'latin1'), tail])
}

const JSON_VALUE =
  /(?<=:\s*)("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|\[[^[\]]*\]|\{[^{}]*\})/g

/** Replaces one JSON value anywhere in the input: a reader must expect a value of any type. */
function retype(input: Buffer, nth: number, value: string): Buffer {
  const text = input.toString('latin1')
  const values = [...text.matchAll(JSON_VALUE)]
  const match = values[nth % values.length]
  if (!match) return input
  const [old] = match
  const tail = text.slice(match.index + old.length)
  return Buffer.from(text.slice(0, match.index) + value.replaceAll('$&', old) + tail, 'latin1')
}

const latin1 = (text: string) => Buffer.from(text).toString('latin1')
const oneOf = (texts: readonly string[]) => fc.constantFrom(...texts).map(latin1)

/** One to three edits; shrinking drops edits, and then makes each of them smaller. */
export function editsOf({ seeds, words }: Samples): fc.Arbitrary<readonly Edit[]> {
  const at = fc.noBias(fc.nat(LONGEST))
  const [start, none, rest] = [fc.constant(0), fc.constant(0), fc.constant(-1)]
  const nothing = fc.constant('')
  const replace = (from: typeof at, length: typeof at, bytes: fc.Arbitrary<string>) =>
    fc.tuple(fc.constant('replace' as const), from, length, bytes)
  const noise = fc.uint8Array({ minLength: 1, maxLength: 8 })
  const tails = fc
    .tuple(fc.constantFrom(...seeds), at)
    .map(([seed, from]) => seed.subarray(from % (seed.length + 1)).toString('latin1'))
  const values = fc.oneof(
    { weight: VALUES.length, arbitrary: oneOf(VALUES) },
    { weight: 1, arbitrary: oneOf(words.map((word) => JSON.stringify(word))) },
  )
  const edit: fc.Arbitrary<Edit> = fc.oneof(
    replace(at, none, oneOf(words)),
    replace(at, none, oneOf(TRIPPING)),
    replace(
      at,
      none,
      noise.map((bytes) => Buffer.from(bytes).toString('latin1')),
    ),
    replace(at, at, nothing),
    replace(start, at, nothing),
    replace(at, rest, nothing),
    replace(at, rest, tails),
    fc.tuple(fc.constant('repeat' as const), at, at),
    fc.tuple(fc.constant('flip' as const), at, fc.nat(7)),
    { weight: 2, arbitrary: fc.tuple(fc.constant('retype' as const), at, values) },
  )
  return fc.array(edit, { minLength: 1, maxLength: 3, size: 'max' })
}

/** Inputs: nine of ten are edited valid ones, the others are words in any order. */
export function inputsOf(samples: Samples): fc.Arbitrary<Buffer> {
  const edited = fc
    .tuple(fc.constantFrom(...samples.seeds), editsOf(samples))
    .map(([seed, edits]) => applyEdits(seed, edits))
  const word = fc.oneof(fc.constantFrom(...samples.words), fc.constantFrom(...TRIPPING))
  const madeUp = fc
    .array(word, { maxLength: 11, size: 'max' })
    .map((words) => Buffer.from(words.join('')))
  return fc.oneof({ weight: 9, arbitrary: edited }, { weight: 1, arbitrary: madeUp })
}
