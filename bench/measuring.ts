import { fileURLToPath } from 'node:url'

/** One number, what it may be at most, and what it was made of. */
export interface Measured {
  readonly value: number
  readonly bound: number | undefined
  readonly unit: '×' | ' kB' | ' MB'
  readonly detail: string
}

/** The command as it is published. */
export const BINARY = fileURLToPath(new URL('../../bin/keymgmt.js', import.meta.url))
/** The folder of the project. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Variables of a command that is measured. */
export type Env = Readonly<Record<string, string | undefined>>

/** The middle one. */
export function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}
