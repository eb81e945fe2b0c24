import { randomInt } from 'node:crypto'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { campaign, check, openTargets, report, type OnInput, type Result } from './campaign.js'

// npm run fuzz -- -runs=100000 -seed=1, or -target=JSON -seed=1 -path=7:0 to replay a failure. The
// inputs run in a thread of their own, so that this one notices if an input blocks it.

const OPTIONS = { runs: '100000', seed: String(randomInt(2 ** 31)), target: '', path: '' }

/** The thread is blocked if it starts no input for this long. */
const SILENCE_MS = 60_000

const MOST_REPORTS = 10

function parseOptions(args: readonly string[]): typeof OPTIONS {
  const given = args.map((arg) => /^-+(\w+)=(.*)$/s.exec(arg)?.slice(1) ?? [arg, ''])
  const unknown = given.find(([name = '']) => !Object.hasOwn(OPTIONS, name))
  if (unknown) throw new Error(`unknown option ${unknown[0] ?? ''}`)
  const options = { ...OPTIONS, ...(Object.fromEntries(given) as Partial<typeof OPTIONS>) }
  for (const name of ['runs', 'seed'] as const)
    if (!/^-?\d+$/.test(options[name])) throw new Error(`-${name} must be an integer`)
  if (options.path !== '' && options.target === '') throw new Error('-path requires -target')
  return options
}

function summary(results: readonly Result[]): string {
  const inputs = results.reduce((sum, { details }) => sum + details.numRuns, 0)
  const refused = results.reduce((sum, result) => sum + result.refused, 0)
  const failed = results.filter(({ details }) => details.failed).length
  return `${inputs} inputs, ${refused} refused, ${failed} failed`
}

async function runThread({ runs, seed, target: only, path }: typeof OPTIONS): Promise<void> {
  const targets = await openTargets()
  const chosen = targets.filter(({ name }) => only === '' || name === only)
  if (chosen.length === 0)
    throw new Error(`no target ${only}: there are ${targets.map(({ name }) => name).join(', ')}`)
  const onInput: OnInput = ({ name }, input) =>
    parentPort?.postMessage(`${name} ${input.toString('base64')}`)
  const [first] = chosen
  const results =
    path !== '' && first
      ? [await check(first, { seed: Number(seed), path, numRuns: 1 }, onInput)]
      : await campaign(chosen, Number(runs), Number(seed), onInput)
  for (const { close } of targets) await close?.()
  // Parallel checks often find the same fault.
  const failures = results.map(report).filter((failure) => failure !== undefined)
  for (const failure of failures.slice(0, MOST_REPORTS)) console.error(`${failure}\n`)
  for (const { name } of chosen)
    console.log(`  ${name.padEnd(16)}${summary(results.filter(({ target }) => target === name))}`)
  console.log(`fuzz: ${summary(results)}, ${chosen.length} targets, seed ${seed}`)
  process.exitCode = results.some(({ details }) => details.failed) ? 1 : 0
}

async function watchThread(options: typeof OPTIONS): Promise<number> {
  let [last, heard] = ['no input', performance.now()]
  const worker = new Worker(new URL(import.meta.url), { workerData: options })
  const silence = setInterval(() => {
    if (performance.now() - heard < SILENCE_MS) return
    console.error(`blocked by: ${last}`)
    process.exit(1)
  }, 1_000)
  worker.on('message', (input: string) => {
    last = input
    heard = performance.now()
  })
  const exitCode = await new Promise<number>((resolve, reject) =>
    worker.on('exit', resolve).on('error', reject),
  )
  clearInterval(silence)
  return exitCode
}

if (isMainThread) process.exitCode = await watchThread(parseOptions(process.argv.slice(2)))
else await runThread(workerData as typeof OPTIONS)
