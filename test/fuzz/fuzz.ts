import { randomInt } from 'node:crypto'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { campaign, openTargets, type Trial } from './campaign.js'

// npm run fuzz [-- -runs=100000 -seed=1]: inputs for everything that reads what we did not write,
// in a thread of their own, so that one which hangs is seen from outside. Prints what failed in a
// form that test/fuzz/corpus/found.json takes.

/** What the thread tells of: an input that begins, its end, or that there are no more. */
type Message =
  | { readonly begins: string; readonly target: string }
  | { readonly target: string; readonly verdict: string; readonly base64?: string }
  | { readonly targets: number }

/** With so long no word of the thread, it is held up by its last input. */
const SILENCE_MS = 60_000

function flag(name: string, otherwise: string): string {
  const given = process.argv.find((arg) => arg.replace(/^-+/, '').startsWith(`${name}=`))
  return given?.slice(given.indexOf('=') + 1) ?? otherwise
}

async function inThread({ runs, seed }: { runs: number; seed: string }): Promise<void> {
  const tell = (message: Message) => parentPort?.postMessage(message)
  const targets = await openTargets()
  const ended = ({ target: { name }, input, outcome }: Trial) => {
    if (typeof outcome === 'string') tell({ target: name, verdict: outcome })
    else
      tell({
        target: name,
        verdict: outcome.stack ?? outcome.message,
        base64: input.toString('base64'),
      })
  }
  await campaign(
    targets,
    runs,
    seed,
    ({ name }, input) => {
      tell({ begins: input.toString('base64'), target: name })
    },
    ended,
  )
  for (const { close } of targets) await close?.()
  tell({ targets: targets.length })
}

async function watch(runs: number, seed: string): Promise<number> {
  const count = new Map<string, { accepted: number; refused: number; failed: number }>()
  let [targets, last, heard] = [0, '', performance.now()]
  const worker = new Worker(new URL(import.meta.url), { workerData: { runs, seed } })
  const silence = setInterval(() => {
    if (performance.now() - heard < SILENCE_MS) return
    console.error(`held up by: ${last}`)
    process.exit(1)
  }, 1_000)
  worker.on('message', (message: Message) => {
    heard = performance.now()
    if ('targets' in message) targets = message.targets
    else if ('begins' in message) last = JSON.stringify(message)
    else {
      const of = count.get(message.target) ?? { accepted: 0, refused: 0, failed: 0 }
      count.set(message.target, of)
      if (message.base64 === undefined) of[message.verdict as 'accepted' | 'refused']++
      else if (++of.failed <= 5)
        console.error(
          `${JSON.stringify({ target: message.target, what: '', base64: message.base64 })}\n${message.verdict}\n`,
        )
    }
  })
  await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
  clearInterval(silence)
  for (const [name, { accepted, refused, failed }] of count)
    console.log(`  ${name.padEnd(16)}${refused} refused, ${accepted} accepted, ${failed} failed`)
  const sum = (of: 'accepted' | 'refused' | 'failed') =>
    [...count.values()].reduce((total, one) => total + one[of], 0)
  const [refused, accepted, failed] = [sum('refused'), sum('accepted'), sum('failed')]
  console.log(
    `fuzz: ${refused + accepted + failed} inputs over ${targets} targets, seed ${seed}: ${refused} refused, ${accepted} accepted, ${failed} failed`,
  )
  return failed === 0 && targets > 0 ? 0 : 1
}

if (isMainThread)
  process.exitCode = await watch(
    Number(flag('runs', '100000')),
    flag('seed', String(randomInt(2 ** 32))),
  )
else await inThread(workerData as { runs: number; seed: string })
