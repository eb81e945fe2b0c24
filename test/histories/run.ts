import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { runHistories, type Failed } from './campaign.js'
import { add, tableOf, type Coverage } from './coverage.js'
import { replay, type History } from './history.js'
import { proveAll } from './prove.js'
import { createS3Site } from './sites/s3.js'
import { World } from './world.js'

const USAGE = `Usage: npm run histories -- [-runs=10000] [-seed=N] [-jobs=N] [-store=local|s3]
       npm run histories -- -file=test/histories/corpus/NAME.json [-store=s3]
       npm run histories -- -prove=all|NAME [-seed=N]`

/** The seeds of two processes are this far apart. */
const SEEDS_APART = 1_000_003

/** The result of one process. */
interface Result {
  readonly coverage: readonly (readonly [string, readonly (readonly [string, number])[]])[]
  readonly failed?: Failed | undefined
}

function write(text: string): void {
  process.stdout.write(`${text}\n`)
}

function readOptions(args: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    args.map((argument) => {
      const [, name, value] =
        /^-(runs|seed|jobs|file|prove|shrink|store)=(.+)$/.exec(argument) ?? []
      if (name === undefined || value === undefined) throw new Error(`${argument}?\n${USAGE}`)
      return [name, value]
    }),
  )
}

/** Replaces the clock, the files and the network of this process of Node.js. */
async function installWorld(): Promise<World> {
  const world = new World(store === 's3' ? createS3Site : undefined)
  await world.install()
  return world
}

/** Runs histories in this process of Node.js, whose clock, files and network it replaces. */
async function runHere(runs: number, seed: number, shrink = true): Promise<Result> {
  const coverage: Coverage = new Map()
  const world = await installWorld()
  const failed = await runHistories(world, coverage, { runs, seed, shrink })
  return { coverage: [...coverage].map(([step, row]) => [step, [...row]] as const), failed }
}

/** Runs histories in a process of their own. */
function runApart(runs: number, seed: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(
      fileURLToPath(import.meta.url),
      [`-runs=${runs}`, `-seed=${seed}`, `-store=${store}`],
      {
        env: { ...process.env, HISTORIES_CHILD: '1' },
      },
    )
    child.on('message', resolve)
    child.on('exit', (status) => {
      reject(new Error(`the process of seed ${seed} ended with ${String(status)}`))
    })
  })
}

function report(result: Result): void {
  const { failed } = result
  if (!failed) return
  write(
    `History ${failed.number} failed. To replay it, put the next line into FILE: npm run histories -- -store=${store} -file=FILE`,
  )
  write(JSON.stringify(failed.history))
  write(failed.report)
  process.exitCode = 1
}

async function runAll(runs: number, seed: number, jobs: number): Promise<void> {
  write(`${runs} histories, seed ${seed}, ${jobs} processes`)
  const coverage: Coverage = new Map()
  await Promise.all(
    Array.from({ length: jobs }, async (_, index) => {
      const own = seed + index * SEEDS_APART
      const result = await runApart(Math.ceil(runs / jobs), own)
      add(coverage, new Map(result.coverage.map(([step, row]) => [step, new Map(row)])))
      report(result)
    }),
  )
  write(tableOf(coverage))
}

const options = readOptions(process.argv.slice(2))
const [file, prove] = ['file', 'prove'].map((name) => options.get(name))
const store = options.get('store') ?? 'local'
const runs = Number(options.get('runs') ?? 10_000)
const seed = Number(options.get('seed') ?? Math.floor(Math.random() * 2 ** 31))
if (process.env.HISTORIES_CHILD) {
  const result = await runHere(runs, seed)
  process.send?.(result, () => process.exit())
} else if (prove !== undefined) {
  process.exitCode = await proveAll(prove, seed, write)
} else if (file !== undefined) {
  await replay(await installWorld(), JSON.parse(readFileSync(file, 'utf8')) as History, new Map())
  write(`${file}: nothing is wrong`)
} else if (options.get('shrink') === 'no') {
  report(await runHere(runs, seed, false))
} else await runAll(runs, seed, Number(options.get('jobs') ?? availableParallelism()))
