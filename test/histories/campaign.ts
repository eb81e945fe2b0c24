import fc from 'fast-check'
import { Course, StepCommand, type History } from './history.js'
import type { Coverage } from './coverage.js'
import { step, type Step } from './steps.js'
import type { World } from './world.js'

/** Options of a run. */
export interface CampaignOptions {
  readonly runs: number
  readonly seed: number
  /** False to report the first failure as it is. */
  readonly shrink?: boolean
}

/** A history that failed, shrunk. */
export interface Failed {
  /** The number of the history, from 1. */
  readonly number: number
  readonly history: History
  /** What is wrong, and what happened. */
  readonly report: string
}

interface Found {
  readonly luck: number
  readonly beginning: number
  readonly steps: Iterable<{ readonly hasRan: boolean; toString(): string }>
}

/** Longer histories are rarely needed, and take longer to shrink. */
const MAX_STEPS = 30

const histories = fc.record({
  luck: fc.nat(),
  beginning: fc.constantFrom(2, 2, 2, 3, 3, 4, 4, 5, 5, 1, 0),
  steps: fc.commands([step.map((each) => new StepCommand(each))], {
    maxCommands: MAX_STEPS,
    size: 'max',
  }),
})

/** Runs random histories until one fails. */
export async function runHistories(
  world: World,
  coverage: Coverage,
  { runs, seed, shrink = true }: CampaignOptions,
): Promise<Failed | undefined> {
  const property = fc.asyncProperty(histories, async ({ luck, beginning, steps }) => {
    const course = new Course(world, coverage)
    await course.begin({ luck, beginning })
    await fc.asyncModelRun(() => ({ model: { course }, real: course }), steps)
    await course.end()
  })
  const details = await fc.check(property, {
    numRuns: runs,
    seed,
    endOnFailure: !shrink,
  })
  if (!details.failed) return undefined
  const { counterexample, errorInstance } = details as fc.RunDetailsFailureProperty<[Found]>
  const [{ luck, beginning, steps }] = counterexample
  return {
    number: details.numRuns,
    history: {
      luck,
      beginning,
      steps: [...steps]
        .filter(({ hasRan }) => hasRan)
        .map((each) => JSON.parse(each.toString()) as Step),
    },
    report: errorInstance instanceof Error ? (errorInstance.stack ?? '') : '',
  }
}
