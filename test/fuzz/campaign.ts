import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { inputsOf } from './inputs.js'
import { Failure, type Target } from './target.js'
import { commands } from './targets/commands.js'
import { disk } from './targets/disk.js'
import { embeddedKms, signature } from './targets/embedded-kms.js'
import { material } from './targets/material.js'
import { program } from './targets/program.js'
import { replies } from './targets/replies.js'
import { flags, json, request } from './targets/request.js'

/** Opens every target. The caller closes them. */
export async function openTargets(): Promise<readonly Target[]> {
  return [
    json,
    request,
    flags,
    material,
    await program(),
    await disk(),
    await replies(),
    await commands(),
    embeddedKms(),
    signature,
  ]
}

/** An input that failed once. */
export interface Found {
  readonly target: string
  readonly what: string
  readonly base64: string
}

/** Inputs that failed once; `npm test` runs them again. */
export const CORPUS = JSON.parse(
  readFileSync('test/fuzz/corpus/found.json', 'utf8'),
) as readonly Found[]

/** Generous: many inputs run at once, and the machine may be busy. */
const DEADLINE_MS = 20_000
/** An input that hangs takes the whole deadline at each step of shrinking. */
const SHRINKING_MS = 60_000

/** The outcome of one check. */
export interface Result {
  readonly target: string
  readonly details: fc.RunDetails<[Buffer]>
  /** Inputs refused before one failed. */
  readonly refused: number
}

/** Called before each input. */
export type OnInput = (target: Target, input: Buffer) => void

/** Checks one target. It stops at the first input that fails, and shrinks that. */
export async function check(
  target: Target,
  parameters: fc.Parameters<[Buffer]>,
  onInput: OnInput = () => undefined,
): Promise<Result> {
  let [refused, failedAt] = [0, Infinity]
  const inputs = 'inputs' in target ? target.inputs : inputsOf(target)
  const property = fc.asyncProperty(inputs, async (input) => {
    const started = performance.now()
    // What is tried after the time for shrinking counts as passed, which ends the shrinking.
    if (started - failedAt > SHRINKING_MS) return
    onInput(target, input)
    const deadline = setTimeout(() => {
      failedAt = Math.min(failedAt, performance.now())
    }, DEADLINE_MS)
    try {
      const verdict = await target.run(input)
      if (verdict === 'refused' && failedAt === Infinity) refused++
      const seconds = (performance.now() - started) / 1_000
      if (seconds > DEADLINE_MS / 1_000) throw new Failure(`took ${seconds.toFixed(0)} s`)
    } catch (error) {
      failedAt = Math.min(failedAt, performance.now())
      throw error
    } finally {
      clearTimeout(deadline)
    }
  })
  const details = await fc.check(property, { timeout: DEADLINE_MS, ...parameters })
  return { target: target.name, details, refused }
}

/**
 * Checks every target with its share of `runs` inputs. A target that runs inputs in parallel is
 * split into that many checks, each with a separate seed.
 */
export async function campaign(
  targets: readonly Target[],
  runs: number,
  seed: number,
  onInput?: OnInput,
): Promise<readonly Result[]> {
  const shares = targets.reduce((sum, { share }) => sum + share, 0)
  const results: Result[] = []
  let [ahead, given] = [0, 0]
  for (const target of targets) {
    ahead += target.share
    const own = Math.round((runs * ahead) / shares) - given
    given += own
    const parallel = target.parallel ?? 1
    const checks = Array.from({ length: parallel }, (_, index) =>
      check(
        target,
        {
          seed: (seed + index * 1_000_003) | 0,
          numRuns: Math.floor((own + index) / parallel),
        },
        onInput,
      ),
    )
    results.push(...(await Promise.all(checks)))
  }
  return results
}

/**
 * Returns how to replay a failed check, the shrunk input in the form of the corpus file, and the
 * error; or undefined if the check passed.
 */
export function report({ target, details }: Result): string | undefined {
  if (!details.failed) return undefined
  const { seed, counterexamplePath, counterexample, errorInstance, numRuns, numShrinks } = details
  const input = counterexample?.[0] ?? Buffer.alloc(0)
  return [
    `${target}: input ${numRuns} failed, shrunk ${numShrinks} times. To replay it:`,
    `npm run fuzz -- -target='${target}' -seed=${seed} -path=${counterexamplePath ?? ''}`,
    JSON.stringify({ target, what: '', base64: input.toString('base64') }),
    JSON.stringify(input.toString('latin1').slice(0, 500)),
    errorInstance instanceof Error ? (errorInstance.stack ?? '') : String(errorInstance),
  ].join('\n')
}
