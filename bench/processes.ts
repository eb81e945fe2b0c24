import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { spreadOf, type Spread } from './statistics.js'

/** All environment variables of a measured process, apart from PATH. */
export type Environment = Readonly<Record<string, string>>

/** A program with its arguments and its whole environment. */
export interface Invocation {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Environment
}

/** Milliseconds that a whole process took. */
export interface Timing {
  readonly wall: number
  /** User and system time together. */
  readonly cpu: number
}

// Node.js doesn't report the CPU time of its child processes; bash does.
const TIME_WITH_BASH = `
start=$EPOCHREALTIME; "$@" 3>&-; status=$?; end=$EPOCHREALTIME
{ echo "$start $end"; times; } >&3
exit $status`

/**
 * Runs a program to its end and returns the time that it took.
 * @throws Error if it exits with another status than 0.
 */
export function timeProcess({ program, args, env }: Invocation): Timing {
  const { status, stderr, error, output } = spawnSync(
    'bash',
    ['-c', TIME_WITH_BASH, 'bash', program, ...args],
    {
      // Its output goes to pipes, as in a script: terminals and /dev/null take another code path.
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...env },
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw failure([program, ...args], status, `${stderr}${String(error ?? '')}`)
  const [clock = '', , children = ''] = (output[3] ?? '').split('\n')
  const [start = NaN, end = NaN] = clock.split(' ').map(Number)
  const cpuSeconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)]
    .map(([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds))
    .reduce((sum, each) => sum + each, 0)
  return { wall: (end - start) * 1000, cpu: cpuSeconds * 1000 }
}

/**
 * Runs a program to its end and returns the most memory that it had, in MB. Needs Linux, which
 * keeps the high-water mark of each process.
 * @throws Error if it exits with another status than 0.
 */
export async function peakMemory({ program, args, env }: Invocation): Promise<number> {
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, highWaterMark(child.pid ?? 0))
  }, 2)
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on('close', resolve)
      child.on('error', reject)
    })
    if (status !== 0) throw failure([program, ...args], status, stderr)
  } finally {
    clearInterval(timer)
  }
  return peak
}

function highWaterMark(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
  } catch {
    // The process has ended.
    return 0
  }
}

function failure(command: readonly string[], status: number | null, stderr: string): Error {
  return new Error(`${command.join(' ')} exited with ${String(status)}: ${stderr.trim()}`)
}

/** Two invocations compared, run by run. */
export interface Comparison {
  /** Median wall time of each, in milliseconds. */
  readonly first: number
  readonly second: number
  readonly ratio: Spread
  readonly difference: Spread
  readonly cpuRatio: number
  readonly cpuDifference: number
}

/** Compares timings that were taken in pairs. */
export function comparePairs(pairs: readonly (readonly [Timing, Timing])[]): Comparison {
  const over = (combine: (one: Timing, other: Timing) => number) =>
    spreadOf(pairs.map(([one, other]) => combine(one, other)))
  return {
    first: over(({ wall }) => wall).median,
    second: over((_, { wall }) => wall).median,
    ratio: over((one, other) => one.wall / other.wall),
    difference: over((one, other) => one.wall - other.wall),
    cpuRatio: over((one, other) => one.cpu / other.cpu).median,
    cpuDifference: over((one, other) => one.cpu - other.cpu).median,
  }
}

const PAIRS = 41
const WARM_UP_PAIRS = 3

/**
 * Runs two processes alternately, so that the load of the machine affects both alike, and compares
 * them. The first pairs are not counted.
 */
export function alternate(first: () => Timing, second: () => Timing): Comparison {
  const pairs = Array.from({ length: WARM_UP_PAIRS + PAIRS }, () => [first(), second()] as const)
  return comparePairs(pairs.slice(WARM_UP_PAIRS))
}
