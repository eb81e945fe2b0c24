import type fc from 'fast-check'
import { KeymgmtError } from '../../src/errors.js'
import type { Samples } from './inputs.js'

/** The outcome of an input that does not fail. */
export type Verdict = 'accepted' | 'refused'

/** Code that reads untrusted input, with samples of its input or its own arbitrary. */
export type Target = Reader & (Samples | { readonly inputs: fc.Arbitrary<Buffer> })

interface Reader {
  readonly name: string
  /** Its part of all inputs, in relation to the other targets. */
  readonly share: number
  /** @throws Error if the input is neither accepted nor refused as it should be. */
  readonly run: (input: Buffer) => Promise<Verdict>
  /** Inputs that run at once, for a target that mostly waits; one unless given. */
  readonly parallel?: number
  readonly close?: () => Promise<void>
}

/** Stands for a secret in inputs; must never be printed. */
export const SECRET = 'S3CR3TbCiYmNroLxLmPNQ47VIvjlm8mQ'

/** An input that is neither accepted nor refused as it should be. */
export class Failure extends Error {}

/** Returns 'refused' for a KeymgmtError without a secret. @throws any other error. */
export function refused(error: unknown): Verdict {
  if (!(error instanceof KeymgmtError)) throw error
  assertSilent([error.message, ...error.hints, error.stack ?? ''].join('\n'))
  return 'refused'
}

/** @throws Failure if the text contains the secret. */
export function assertSilent(text: string): void {
  if (text.includes(SECRET)) throw new Failure(`a secret is printed: ${text}`)
}

/** Returns the verdict on an attempt that may be refused. @throws any other error. */
export async function judge(attempt: () => unknown): Promise<Verdict> {
  try {
    await attempt()
    return 'accepted'
  } catch (error) {
    return refused(error)
  }
}
