import { setTimeout as sleep } from 'node:timers/promises'
import { DIVERGENCES } from './divergences.js'
import type { Site } from './site.js'
import { judge, strayRows, summary, type Verdict } from './verdict.js'

/** A check. It fails by throwing. */
export interface Check {
  readonly name: string
  readonly run: () => Promise<void>
}

/** A place where checks run. */
export interface Place {
  readonly name: string
  /** Ends the run. */
  readonly signal: AbortSignal
  /** Longest time for one check, in milliseconds. */
  readonly checkMs: number
}

/** Checks that belong together, in order: they may share objects. */
export interface CheckGroup<P extends Place> {
  readonly name: string
  readonly checks: (place: P) => readonly Check[]
}

/** Checks of a KMS. */
export interface Group extends CheckGroup<Site> {
  /** The most KMS keys that it creates, including replicas. */
  readonly kmsKeys: number
}

/** The outcome of one check. */
export interface Outcome {
  /** Unique and stable: the divergences refer to it. */
  readonly check: string
  /** Undefined if it passed. */
  readonly failure: string | undefined
}

/**
 * Runs every check of every group at one site, and prints a line for each group and for each
 * failure.
 */
export async function runSuite<P extends Place>(
  groups: readonly CheckGroup<P>[],
  site: P,
): Promise<Verdict[]> {
  const rows = DIVERGENCES.filter(({ target }) => target === site.name)
  const verdicts: Verdict[] = []
  for (const group of groups) {
    const begun = Date.now()
    const ofGroup = (await runGroup(group, site)).map((outcome) => judge(outcome, rows))
    verdicts.push(...ofGroup)
    console.log(
      `${summary(`${site.name}: ${group.name}`, ofGroup)}, in ${Math.round((Date.now() - begun) / 1000)} s`,
    )
    for (const { check, kind, why } of ofGroup)
      if (kind === 'failed') console.log(`    failed: ${check}: ${why}`)
  }
  return [...verdicts, ...strayRows(rows, verdicts)]
}

async function runGroup<P extends Place>(group: CheckGroup<P>, site: P): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { name, run } of group.checks(site)) {
    site.signal.throwIfAborted()
    outcomes.push({ check: `${group.name}: ${name}`, failure: await failureOf(run, site) })
  }
  return outcomes
}

async function failureOf(
  run: () => Promise<void>,
  { checkMs, signal }: Place,
): Promise<string | undefined> {
  const late = new AbortController()
  try {
    const tooLong = sleep(checkMs, undefined, { signal: AbortSignal.any([late.signal, signal]) })
    await Promise.race([
      run(),
      tooLong.then(() => {
        throw new Error(`no end after ${checkMs / 1000} s`)
      }),
    ])
    return undefined
  } catch (error) {
    return describe(error)
  } finally {
    late.abort()
  }
}

function describe(error: unknown): string {
  const { name, message } = error as Error
  const said = ['Error', 'AssertionError', 'KeymgmtError'].includes(name)
    ? message
    : `${name}: ${message}`
  return said.replace(/\s+/g, ' ').trim().slice(0, 600)
}

/** Returns a function that computes the value once, when it is first called. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
