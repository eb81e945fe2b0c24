/** The type and limits of one member of a request. */
export type Shape =
  | {
      readonly kind: 'text'
      readonly least: number
      readonly most: number
      readonly pattern?: RegExp
    }
  | { readonly kind: 'word'; readonly words: readonly string[] }
  | { readonly kind: 'blob'; readonly least: number; readonly most: number }
  | { readonly kind: 'number'; readonly least: number; readonly most: number }
  | { readonly kind: 'flag' }
  | { readonly kind: 'time' }
  | { readonly kind: 'map' }
  | { readonly kind: 'list'; readonly of: Shape; readonly least: number; readonly most: number }
  | { readonly kind: 'structure'; readonly members: Members }

/** A member of a request. */
export interface Member {
  readonly shape: Shape
  readonly required: boolean
}

/** The members of a request or a structure, by name. */
export type Members = Readonly<Record<string, Member>>

/** A string of `least` to `most` characters that matches the whole `pattern`. */
export const text = (least: number, most: number, pattern?: RegExp): Shape => ({
  kind: 'text',
  least,
  most,
  ...(pattern && { pattern }),
})
/** A string from a closed set. */
export const word = (...words: readonly string[]): Shape => ({ kind: 'word', words })
/** `least` to `most` bytes, in base64. */
export const blob = (least: number, most: number): Shape => ({ kind: 'blob', least, most })
/** A whole number from `least` to `most`. */
export const number = (least: number, most: number): Shape => ({ kind: 'number', least, most })
export const list = (of: Shape, least = 0, most = Infinity): Shape => ({
  kind: 'list',
  of,
  least,
  most,
})
export const structure = (members: Members): Shape => ({ kind: 'structure', members })
export const flag: Shape = { kind: 'flag' }
/** Seconds since 1970, with or without a fraction. */
export const time: Shape = { kind: 'time' }
/** An object whose values are strings. */
export const map: Shape = { kind: 'map' }

export const required = (shape: Shape): Member => ({ shape, required: true })
export const optional = (shape: Shape): Member => ({ shape, required: false })
