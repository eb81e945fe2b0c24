import { jest } from '@jest/globals'

/** Records the content of every buffer before it is filled with zeros, until mocks are restored. */
export function watchWiping(): Buffer[] {
  const wiped: Buffer[] = []
  for (const prototype of [Buffer.prototype, Uint8Array.prototype] as readonly Pick<
    Uint8Array,
    'fill'
  >[]) {
    const fill = prototype.fill as (this: Uint8Array, ...given: unknown[]) => Uint8Array
    jest.spyOn(prototype, 'fill').mockImplementation(function (
      this: Uint8Array,
      ...given: unknown[]
    ) {
      if (given[0] === 0 && given.length === 1) wiped.push(Buffer.from(this))
      return fill.apply(this, given)
    })
  }
  return wiped
}
