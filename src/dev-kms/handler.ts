import type { Input } from './input.js'
import type { Region, World } from './state.js'

/** What an operation has to work with. */
export interface Context {
  readonly world: World
  /** The Region that the request was signed for. */
  readonly region: Region
}

/** One operation: its answer, or an AwsError. */
export type Handler = (context: Context, input: Input) => object | Promise<object>

/** Operations by name. */
export type Handlers = Readonly<Record<string, Handler>>

/** A date on the wire: seconds since 1970, with a fraction. */
export function wireDate(date: Date | undefined): number | undefined {
  return date === undefined ? undefined : date.getTime() / 1000
}

/** Cuts a page out of `items`; the marker is the position in them. */
export function page<T>(input: Input, items: readonly T[], most: number): { items: readonly T[]; rest: object } {
  const start = Number(input.text('Marker') ?? 0)
  const end = start + Math.min(input.number('Limit') ?? 100, most)
  const more = end < items.length
  return { items: items.slice(start, end), rest: { Truncated: more, ...(more && { NextMarker: String(end) }) } }
}
