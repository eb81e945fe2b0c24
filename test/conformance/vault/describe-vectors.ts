import { describe, expect, it } from '@jest/globals'
import { isAsSaid, titleOf, VECTORS, type Vector } from './vectors.js'

/** Returns the outcome of a vector's input. */
export type Driver = (vector: Vector) => unknown

/** Returns a driver that trusts its vectors to be of its kind. */
export function driver(drive: (of: never) => unknown): Driver {
  return ({ of }) => drive(of as never)
}

/** Returns the message of a function's refusal, without the part that all messages share. */
function cause(error: unknown): { refused: string } {
  const prefix =
    /^(Failed to parse K=V data: invalid key\/value pair |invalid value ".*" for flag -timeout: )/
  return { refused: (error as Error).message.replace(prefix, '') }
}

async function outcome(drive: Driver, vector: Vector): Promise<unknown> {
  try {
    return await drive(vector)
  } catch (error) {
    return cause(error)
  }
}

/**
 * Creates a test for each vector of these kinds. If keymgmt differs from Vault on purpose, the
 * vector says so, and its test checks that the difference exists.
 */
export function describeVectors(drivers: Readonly<Record<string, Driver>>): void {
  const sections = VECTORS.map(
    ([file, kinds]) =>
      [
        file,
        Object.entries(kinds).flatMap(([kind, vectors]) => {
          const drive = drivers[kind]
          return drive ? [[kind, drive, vectors] as const] : []
        }),
      ] as const,
  )
  describe.each(sections.filter(([, kinds]) => kinds.length > 0))('%s', (_file, kinds) => {
    describe.each(kinds)('%s', (_kind, drive, vectors) => {
      it.each(vectors.map((vector) => [titleOf(vector), vector] as const))(
        '%s',
        async (_title, vector) => {
          const seen = await outcome(drive, vector)
          if (!isAsSaid(vector.is, seen)) expect(seen).toEqual(vector.is)
          if (vector.vault === undefined) return
          expect(isAsSaid(vector.vault, seen)).toBe(false)
          expect(vector.why).toBeTruthy()
        },
      )
    })
  })
}
