import type { RawValue } from '../../router/values.js'

/** As deep as Go's decoder goes. */
const MAX_DEPTH = 10_000

/**
 * The first JSON value in `bytes`; what follows it is not looked at. Numbers keep their text, and
 * the last of two equal names wins.
 * @throws Error in the words of Go's encoding/json, which are Vault's.
 */
export function decodeJson(bytes: Uint8Array): RawValue {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  return new Decoder(text).first()
}

const SPACE = /[ \t\r\n]*/y
const NUMBER = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const PLAIN = /[^"\\\u0000-\u001f]*/y
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/**
 * A container that is being read: its values so far, and, in an object, the name that waits for its
 * value.
 */
type Open = { readonly list: RawValue[] } | { readonly map: Map<string, RawValue>; name: string }

class Decoder {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** A loop with a stack of its own, for the input decides how deep it nests. */
  first(): RawValue {
    const open: Open[] = []
    this.#match(SPACE)
    if (this.#at >= this.#text.length) throw new Error('EOF')
    for (;;) {
      const started = this.#start(open)
      if (started === undefined) continue
      let value = started.value
      for (;;) {
        const container = open.at(-1)
        if (!container) return value
        const closed = this.#put(container, value)
        if (!closed) break
        open.pop()
        value = 'list' in container ? container.list : container.map
      }
    }
  }

  /** Reads a scalar or an empty container, or opens one and answers undefined. */
  #start(open: Open[]): { readonly value: RawValue } | undefined {
    const character = this.#next()
    if (character === '{' || character === '[') {
      if (open.length >= MAX_DEPTH) throw new Error('exceeded max depth')
      this.#at++
      if (character === '[') return this.#openList(open)
      return this.#openMap(open)
    }
    if (character === '"') return { value: this.#string() }
    if (character === '-' || /[0-9]/.test(character)) return { value: this.#number() }
    return { value: this.#word(character) }
  }

  #openList(open: Open[]): { readonly value: RawValue } | undefined {
    if (this.#next() === ']') {
      this.#at++
      return { value: [] }
    }
    open.push({ list: [] })
    return undefined
  }

  #openMap(open: Open[]): { readonly value: RawValue } | undefined {
    const where = 'looking for beginning of object key string'
    if (this.#next() === '}') {
      this.#at++
      return { value: new Map() }
    }
    open.push({ map: new Map(), name: this.#name(where) })
    return undefined
  }

  /** Adds a value to its container and answers whether that is complete. */
  #put(container: Open, value: RawValue): boolean {
    if ('list' in container) container.list.push(value)
    else container.map.set(container.name, value)
    const [end, where] =
      'list' in container ? [']', 'after array element'] : ['}', 'after object key:value pair']
    const character = this.#next()
    if (character !== ',' && character !== end) throw this.#unexpected(where)
    this.#at++
    if (character === end) return true
    if (!('list' in container))
      container.name = this.#name('looking for beginning of object key string')
    return false
  }

  #name(where: string): string {
    if (this.#next() !== '"') throw this.#unexpected(where)
    const name = this.#string()
    if (this.#next() !== ':') throw this.#unexpected('after object key')
    this.#at++
    return name
  }

  #string(): string {
    let value = ''
    this.#at++
    for (;;) {
      value += this.#match(PLAIN)
      const character = this.#text[this.#at]
      if (character === undefined) throw new Error('unexpected EOF')
      if (character !== '"' && character !== '\\') throw this.#unexpected('in string literal')
      this.#at++
      if (character === '"') return value
      value += this.#escape()
    }
  }

  #escape(): string {
    const character = this.#text[this.#at]
    if (character === undefined) throw new Error('unexpected EOF')
    const plain = ESCAPES[character]
    if (plain === undefined && character !== 'u') throw this.#unexpected('in string escape code')
    this.#at++
    if (plain !== undefined) return plain
    for (let index = 0; index < 4; index++) {
      const digit = this.#text[this.#at + index]
      if (digit === undefined) throw new Error('unexpected EOF')
      if (!/[0-9a-fA-F]/.test(digit)) {
        this.#at += index
        throw this.#unexpected('in \\u hexadecimal character escape')
      }
    }
    this.#at += 4
    return String.fromCharCode(parseInt(this.#text.slice(this.#at - 4, this.#at), 16))
  }

  #number(): RawValue {
    const number = this.#match(NUMBER)
    if (number !== '') return { number }
    this.#at++
    if (this.#at >= this.#text.length) throw new Error('unexpected EOF')
    throw this.#unexpected('in numeric literal')
  }

  #word(first: string): RawValue {
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (first !== word[0]) continue
      for (const expected of word) {
        if (this.#at >= this.#text.length) throw new Error('unexpected EOF')
        if (this.#text[this.#at] !== expected)
          throw this.#unexpected(`in literal ${word} (expecting '${expected}')`)
        this.#at++
      }
      return value
    }
    throw this.#unexpected('looking for beginning of value')
  }

  #next(): string {
    this.#match(SPACE)
    const character = this.#text[this.#at]
    if (character === undefined) throw new Error('unexpected EOF')
    return character
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }

  /** Go reads bytes: it names the first one of a character that has several. */
  #unexpected(where: string): Error {
    const character = this.#text[this.#at] ?? ''
    const byte = Buffer.from(character)[0] ?? 0
    const shown =
      byte > 127
        ? String.fromCharCode(byte)
        : character === "'"
          ? "\\'"
          : JSON.stringify(character).slice(1, -1).replace('\\"', '"')
    return new Error(`invalid character '${shown}' ${where}`)
  }
}
