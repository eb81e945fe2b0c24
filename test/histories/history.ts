import type { AsyncCommand } from 'fast-check'
import type { AccessKeyId } from './aws.js'
import { check } from './checks.js'
import { change } from './changes.js'
import { count, NO_FAULT, type Coverage } from './coverage.js'
import { followHints } from './hints.js'
import { Model } from './model.js'
import { settle } from './settle.js'
import { BEGINNINGS, nameOfStep, type Step } from './steps.js'
import type { CommandRun, Ran, World } from './world.js'

/** A history as it is stored. */
export interface History {
  /** Chooses all that is left to chance: delays, and the losses of a power failure. */
  readonly luck: number
  /** The number of the commands that it begins with. */
  readonly beginning: number
  readonly steps: readonly Step[]
}

/** Thrown for a history in which something went wrong. */
export class Wrong extends Error {}

/** No command takes longer than this on the simulated clock, whatever the local clock says. */
const LONGEST_MS = 9 * 60_000

/** What the commands at the beginning of histories left. */
const beginnings = new Map<number, ReturnType<World['save']>>()

/** A running history: the world, what must stay true, and what happened. */
export class Course {
  readonly world: World
  model: Model
  readonly log: string[] = []
  readonly #coverage: Coverage
  /** Codes of errors that no command ends with. The locks of a local store rule out conflicts. */
  readonly #never: readonly string[]

  constructor(world: World, coverage: Coverage) {
    this.world = world
    this.#coverage = coverage
    this.model = new Model(world)
    this.#never = world.site.state ? ['INTERNAL'] : ['INTERNAL', 'STORE_CONFLICT']
  }

  /** Runs the commands at the beginning, or continues from what they left. */
  async begin({ luck, beginning }: Omit<History, 'steps'>): Promise<void> {
    const lines = [...this.world.site.create, ...(BEGINNINGS[beginning] ?? [])]
    if (!beginnings.has(beginning)) {
      this.world.reset(randomOf(beginning))
      for (const line of lines) {
        const { status, stderr } = await this.run(line)
        if (status !== 0) throw new Wrong(`${line}: ${stderr}`)
      }
      beginnings.set(beginning, this.world.save())
    }
    this.world.reset(randomOf(luck), beginnings.get(beginning))
    this.model = new Model(this.world)
    for (const line of lines) this.model.begin(line)
    this.log.splice(0, this.log.length, ...lines)
    this.#assertNothingWrong(await check(this.world, this.model))
  }

  /** Takes a step, and checks everything. @throws Wrong */
  async take(step: Step): Promise<void> {
    this.log.push(JSON.stringify(step))
    const ran = await this.#take(step)
    for (const each of ran) await this.#note(each, ran.length > 1)
    const met = ran.flatMap((each) => each.met)
    for (const each of ran) this.#assertNothingWrong(await followHints(this.world, each))
    for (const fault of met.length > 0 ? met : [NO_FAULT])
      count(this.#coverage, nameOfStep(step), fault)
    this.#assertNothingWrong(await check(this.world, this.model))
  }

  /** Settles everything, and checks once more. @throws Wrong */
  async end(): Promise<void> {
    await this.take({ settle: true })
  }

  async #take(step: Step): Promise<Ran[]> {
    if ('change' in step) await change(this.world, this.model, step)
    else if ('clock' in step) {
      const ms = step.hours * 3_600_000
      if (step.clock === 'machine') this.world.machine.aheadMs += ms
      else this.world.machine.nowMs += Math.abs(ms)
    } else if ('copy' in step) this.world.copyStore()
    else if ('settle' in step) this.#assertNothingWrong(await settle(this))
    else {
      const both = [step, ...(step.beside ? [step.beside] : [])].map((each) => this.#named(each))
      for (const { line, store } of both) this.model.begin(line, store)
      const [only, beside] = both
      if (only && !beside) return [await this.world.run(only)]
      return Promise.all(both.map(async (each) => (await this.world.runOnce(each)).ran))
    }
    return []
  }

  /** The command with the id of the KMS key that it picks. */
  #named(command: CommandRun): CommandRun {
    const ids = [...this.model.kmsKeys()].map(({ key }) => key.id)
    const id = ids[(command.pick ?? 0) % ids.length] ?? 'none'
    return { ...command, line: command.line.replace('KMS_KEY', id) }
  }

  /** Runs a command without faults, and notes what it did. */
  async run(line: string, as: AccessKeyId = 'AKIAEXAMPLE000000001'): Promise<Ran> {
    this.model.begin(line)
    const ran = await this.world.run({ line, as })
    await this.#note(ran)
    return ran
  }

  async #note(ran: Ran, beside = false): Promise<void> {
    const { line, status, error, tookMs } = ran
    this.log.push(`  ${line}: ${status ?? 'killed'} ${error?.code ?? ''} ${error?.message ?? ''}`)
    await this.model.end(ran, beside)
    if (error && this.#never.includes(error.code))
      this.#assertNothingWrong([`${line}: ${error.code} ${error.message}`])
    if (tookMs > LONGEST_MS) this.#assertNothingWrong([`${line} took ${tookMs} ms`])
  }

  #assertNothingWrong(problems: readonly string[]): void {
    if (problems.length > 0) throw new Wrong([...problems, ...this.log].join('\n'))
  }
}

/** The course as fast-check's commands see it before they run. */
export interface Subject {
  readonly course: Course
}

/** A step as a command of fast-check. */
export class StepCommand implements AsyncCommand<Subject, Course> {
  readonly step: Step

  constructor(step: Step) {
    this.step = step
  }

  check({ course }: Subject): boolean {
    return !('line' in this.step) || course.model.canRun(this.step.line)
  }

  run(_subject: Subject, course: Course): Promise<void> {
    return course.take(this.step)
  }

  toString(): string {
    return JSON.stringify(this.step)
  }
}

/** Runs a stored history. @throws Wrong */
export async function replay(world: World, history: History, coverage: Coverage): Promise<void> {
  const course = new Course(world, coverage)
  await course.begin(history)
  for (const step of history.steps) await course.take(step)
  await course.end()
}

/** A generator of numbers from 0 to 1 (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
