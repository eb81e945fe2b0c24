import { readFileSync } from 'node:fs'
import { createChance, inputFor } from './mutate.js'
import { Failure, type Target, type Verdict } from './target.js'
import { commands } from './targets/commands.js'
import { disk } from './targets/disk.js'
import { embeddedKms, signature } from './targets/embedded-kms.js'
import { material } from './targets/material.js'
import { program } from './targets/program.js'
import { replies } from './targets/replies.js'
import { flags, json, request } from './targets/request.js'

/** Every target, ready. */
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

/** An input that once ended otherwise than well. */
export interface Found {
  readonly target: string
  readonly what: string
  readonly base64: string
}

/** What was found, to be tried again for ever. */
export const CORPUS = JSON.parse(
  readFileSync('test/fuzz/corpus/found.json', 'utf8'),
) as readonly Found[]

/** How one input fared. */
export interface Trial {
  readonly target: Target
  readonly input: Buffer
  readonly outcome: Verdict | Error
}

/**
 * An input that takes longer hangs. Under way at once are many, on a machine that does other
 * things, too.
 */
const DEADLINE_MS = 20_000

/** Tries one input; whatever it does, this answers. */
export async function attempt(target: Target, input: Buffer): Promise<Trial> {
  let timer: NodeJS.Timeout | undefined
  const hang = new Promise<Error>((resolve) => {
    timer = setTimeout(() => {
      resolve(new Failure('it hangs'))
    }, DEADLINE_MS)
  })
  const started = performance.now()
  const outcome = await Promise.race([
    target
      .run(input)
      .catch((error: unknown) => (error instanceof Error ? error : new Failure(String(error)))),
    hang,
  ])
  clearTimeout(timer)
  const took = performance.now() - started
  return {
    target,
    input,
    outcome: took > DEADLINE_MS ? new Failure(`it took ${(took / 1000).toFixed(0)} s`) : outcome,
  }
}

/**
 * `runs` inputs of a seed, each target its share; tells of each as it begins, and of each as it
 * ends.
 */
export async function campaign(
  targets: readonly Target[],
  runs: number,
  seed: string,
  begins: (target: Target, input: Buffer) => void,
  ended: (trial: Trial) => void,
): Promise<void> {
  const shares = targets.reduce((sum, { share }) => sum + share, 0)
  let [ahead, given] = [0, 0]
  for (const target of targets) {
    const chance = createChance(`${seed} ${target.name}`)
    ahead += target.share
    let left = Math.round((runs * ahead) / shares) - given
    given += left
    const work = async () => {
      while (left-- > 0) {
        const input = inputFor(target, chance)
        begins(target, input)
        ended(await attempt(target, input))
      }
    }
    await Promise.all(Array.from({ length: target.parallel ?? 1 }, work))
  }
}
