import { KeymgmtError } from '../../src/errors.js'

/** How an input ended, if well: it was taken, or cleanly refused. */
export type Verdict = 'accepted' | 'refused'

/** Something that reads what we did not write. */
export interface Target {
  readonly name: string
  /** Of a hundred inputs, about how many are for it. */
  readonly share: number
  /** Valid inputs, and such as were found to be telling; they are mutated. */
  readonly seeds: readonly Buffer[]
  /** Pieces that mean something to it; they are put into inputs. */
  readonly words: readonly string[]
  /** @throws Error when the input neither is taken nor cleanly refused. */
  readonly run: (input: Buffer) => Promise<Verdict>
  /**
   * How many inputs are under way at once; one, unless given. Those that wait most of the time can
   * be many.
   */
  readonly parallel?: number
  readonly close?: () => Promise<void>
}

/** What must never come out again: put where a secret stands. */
export const SECRET = 'S3CR3TbCiYmNroLxLmPNQ47VIvjlm8mQ'

/** What is wrong with an input's end. */
export class Failure extends Error {}

/** Refused, if `error` is a refusal that says nothing it must not; anything else fails. */
export function refused(error: unknown): Verdict {
  if (!(error instanceof KeymgmtError)) throw error
  assertSilent([error.message, ...error.hints, error.stack ?? ''].join('\n'))
  return 'refused'
}

/** What is printed or thrown holds no secret. */
export function assertSilent(text: string): void {
  if (text.includes(SECRET)) throw new Failure(`a secret is told: ${text}`)
}

/** The verdict of what may be refused. */
export async function judge(attempt: () => unknown): Promise<Verdict> {
  try {
    await attempt()
    return 'accepted'
  } catch (error) {
    return refused(error)
  }
}
