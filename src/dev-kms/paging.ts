import { createHmac, timingSafeEqual } from 'node:crypto'
import { AwsError } from './errors.js'
import type { Context } from './handler.js'
import type { Input } from './input.js'

const MAC_LENGTH = 16

/**
 * Authenticates a marker, which names the last item of a page, for this operation and Region only.
 */
function mac({ account, region, operation }: Context, last: string): Buffer {
  return createHmac('sha256', account.secret)
    .update(`${operation}\n${region.name}\n${last}`)
    .digest()
    .subarray(0, MAC_LENGTH)
}

function writeMarker(context: Context, last: string): string {
  return Buffer.concat([mac(context, last), Buffer.from(last)]).toString('base64url')
}

function readMarker(context: Context, marker: string): string {
  const bytes = Buffer.from(marker, 'base64url')
  const last = bytes.subarray(MAC_LENGTH).toString()
  if (
    bytes.length <= MAC_LENGTH ||
    !timingSafeEqual(bytes.subarray(0, MAC_LENGTH), mac(context, last))
  ) {
    throw new AwsError('InvalidMarkerException', 'The marker is not valid.')
  }
  return last
}

/**
 * Returns one page of `items`, sorted by name. Items that are added or deleted between two pages do
 * not move others to another page.
 */
export function page<T>(
  context: Context,
  input: Input,
  items: readonly T[],
  defaultLimit: number,
  nameOf: (item: T) => string,
): { items: readonly T[]; rest: object } {
  const marker = input.text('Marker')
  const after = marker === undefined ? undefined : readMarker(context, marker)
  const sorted = items.toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1))
  const left = after === undefined ? sorted : sorted.filter((item) => nameOf(item) > after)
  const shown = left.slice(0, input.number('Limit') ?? defaultLimit)
  const last = shown.at(-1)
  const Truncated = last !== undefined && shown.length < left.length
  return {
    items: shown,
    rest: { Truncated, ...(Truncated && { NextMarker: writeMarker(context, nameOf(last)) }) },
  }
}
