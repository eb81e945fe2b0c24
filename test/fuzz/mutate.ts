import { createHash } from 'node:crypto'
import type { Target } from './target.js'

/** Numbers that are the same for the same seed. */
export interface Chance {
  /** A whole number below `end`. */
  below(end: number): number
  pick<T>(from: readonly T[]): T
}

/** Chance that goes by the seed alone (mulberry32). */
export function createChance(seed: string): Chance {
  let state = createHash('sha256').update(seed).digest().readUInt32LE()
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (end: number) => Math.floor(next() * end)
  return {
    below,
    pick: <T>(from: readonly T[]) => {
      const picked = from[below(from.length)]
      if (picked === undefined) throw new RangeError('there is nothing to pick from')
      return picked
    },
  }
}

/** Texts that trip many a reader. */
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

/** What mutations take pieces from. */
type Stock = Pick<Target, 'seeds' | 'words'>

type Change = (input: Buffer, chance: Chance, stock: Stock) => Buffer

const place = (input: Buffer, chance: Chance) => chance.below(input.length + 1)

function insert(input: Buffer, at: number, added: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, at), added, input.subarray(at)])
}

function span(input: Buffer, chance: Chance): readonly [number, number] {
  const [one, other] = [place(input, chance), place(input, chance)]
  return one < other ? [one, other] : [other, one]
}

/** Replaces one value of JSON that is somewhere in the input: what reads types must expect any. */
function retype(input: Buffer, chance: Chance, { words }: Stock): Buffer {
  const text = input.toString('latin1')
  const values = [
    ...text.matchAll(
      /(?<=:\s*)("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|\[[^[\]]*\]|\{[^{}]*\})/g,
    ),
  ]
  if (values.length === 0) return input
  const { index, 0: value } = chance.pick(values)
  const other = chance.pick([
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
    JSON.stringify(chance.pick(words)),
    value + value,
  ])
  return Buffer.from(text.slice(0, index) + other + text.slice(index + value.length), 'latin1')
}

const CHANGES: readonly Change[] = [
  (input, chance) => input.subarray(0, place(input, chance)),
  (input, chance) => input.subarray(place(input, chance)),
  (input, chance) => {
    const changed = Buffer.from(input)
    const at = chance.below(Math.max(1, changed.length))
    if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ (1 << chance.below(8))
    return changed
  },
  (input, chance) => {
    const [from, to] = span(input, chance)
    return Buffer.concat([input.subarray(0, from), input.subarray(to)])
  },
  (input, chance) => {
    const [from, to] = span(input, chance)
    return insert(input, to, input.subarray(from, Math.min(to, from + 4_000)))
  },
  (input, chance) => insert(input, place(input, chance), Buffer.from(chance.pick(TRIPPING))),
  (input, chance, { words }) =>
    insert(input, place(input, chance), Buffer.from(chance.pick(words))),
  (input, chance) =>
    insert(
      input,
      place(input, chance),
      Buffer.from(Array.from({ length: 1 + chance.below(8) }, () => chance.below(256))),
    ),
  (input, chance, { seeds }) => {
    const other = chance.pick(seeds)
    return Buffer.concat([
      input.subarray(0, place(input, chance)),
      other.subarray(place(other, chance)),
    ])
  },
  retype,
  retype,
]

/** More than this tells nothing more of a reader. */
const LONGEST = 100_000

/** An input for the target: one of ten at random, the others mutated from a valid one. */
export function inputFor(target: Target, chance: Chance): Buffer {
  if (chance.below(10) === 0) {
    const pieces = Array.from({ length: chance.below(12) }, () =>
      chance.below(2) === 0 ? chance.pick(target.words) : chance.pick(TRIPPING),
    )
    return Buffer.from(pieces.join(''))
  }
  return mutate(target, chance.pick(target.seeds), chance)
}

/** The input with one to three changes. */
export function mutate(stock: Stock, input: Buffer, chance: Chance): Buffer {
  let changed = input
  for (let changes = 1 + chance.below(3); changes > 0; changes--)
    changed = chance.pick(CHANGES)(changed, chance, stock)
  return changed.subarray(0, LONGEST)
}
