import { afterAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyAccount, type Account } from '../../src/dev-kms/index.js'
import { complaints } from '../support/as-it-should-be.js'
import { CONFIGURE, FLOWS, type Flow } from '../support/flows.js'
import { copyFolder, createBench, type Bench } from '../support/keymgmt.js'
import { startProxy, type Strike } from '../support/proxy.js'
import { createSession } from '../support/session.js'

// Every request of every flow is struck once before AWS sees it and once after AWS has acted, in
// every way that there is; then the same command is run until it succeeds, and nothing may be left
// over, missing, or other than it was. What is killed is the real binary; all else is the same
// program in this process, which takes no time to start.

const PRELOAD = new URL('../support/kill-at-file-operation.js', import.meta.url).href

type Kind = Strike['kind'] | 'kill'
const WAYS: readonly { readonly when: Strike['when']; readonly kind: Kind }[] = [
  { when: 'before', kind: 'kill' },
  { when: 'before', kind: 'cut' },
  { when: 'before', kind: '500' },
  { when: 'before', kind: 'throttle' },
  { when: 'after', kind: 'kill' },
  { when: 'after', kind: 'cut' },
  { when: 'after', kind: '500' },
]

interface Prepared {
  readonly home: string
  readonly account: Account
  /** The command that is struck. */
  readonly line: string
}

interface Point {
  readonly at: number
  readonly when: Strike['when']
  readonly kind: Kind
}

async function prepare({ prepare: lines, mishap, line }: Flow): Promise<Prepared> {
  const bench = await createBench()
  try {
    await bench.ok(CONFIGURE)
    for (const earlier of lines) await bench.ok(earlier)
    mishap?.(bench)
    return {
      home: bench.home,
      account: bench.kms.account,
      line: typeof line === 'string' ? line : line(bench),
    }
  } finally {
    await bench.kms.close()
  }
}

function reopen({ home, account }: Prepared): Promise<Bench> {
  const copy = mkdtempSync(join(tmpdir(), 'keymgmt-test-'))
  copyFolder(home, copy)
  // Time goes faster than usual, so that a replica is there when it is first asked for: the number
  // of requests is the same each time.
  let looks = 0
  return createBench(
    { account: copyAccount(account, () => new Date(Date.now() + ++looks * 100)) },
    copy,
  )
}

async function strike(prepared: Prepared, point: Point): Promise<string[]> {
  const bench = await reopen(prepared)
  const { at, when, kind } = point
  let kill: () => void = () => undefined
  const strikeAt = (number: number) =>
    number === at ? ({ when, kind: kind === 'kill' ? 'cut' : kind } as const) : undefined
  const proxy = await startProxy(bench.kms.endpoint, strikeAt, () => {
    if (kind === 'kill') kill()
  })
  try {
    const first =
      kind === 'kill'
        ? await bench.run(prepared.line, {
            env: { AWS_ENDPOINT_URL_KMS: proxy.endpoint },
            onSpawn: (killer) => {
              kill = killer
            },
          })
        : await createSession(proxy.endpoint, bench.home).run(prepared.line)
    await proxy.close()
    if (proxy.count() < at) return [`request ${at} never came`]
    if ((first.status === null) !== (kind === 'kill'))
      return [`it ended with ${String(first.status)}`]
    return first.status === 0
      ? await complaints(join(bench.home, 'keymgmt'), bench.kms)
      : await finish(bench, prepared)
  } finally {
    await proxy.close()
    await bench.close()
  }
}

/** Runs the same command again, which must succeed; answers what is wrong then. */
async function finish(bench: Bench, { line }: Prepared): Promise<string[]> {
  const again = await createSession(bench.kms.endpoint, bench.home).run(line)
  if (again.status !== 0) return [`again it ended with ${String(again.status)}: ${again.stderr}`]
  return complaints(join(bench.home, 'keymgmt'), bench.kms)
}

/**
 * Kills at the n-th record that the command writes or deletes, as it takes its place or just after.
 */
async function killAtWrite(
  prepared: Prepared,
  { at, when }: Omit<Point, 'kind'>,
): Promise<string[]> {
  const bench = await reopen(prepared)
  try {
    const first = await bench.run(prepared.line, {
      env: watchWrites(bench, { KILL_AT_FILE_OPERATION: String(at), KILL_WHEN: when }),
    })
    if (first.status === null) return await finish(bench, prepared)
    // What is to be written at once is written together, so that there may be fewer writes than
    // were counted.
    return first.status === 0 && at > 1
      ? await complaints(join(bench.home, 'keymgmt'), bench.kms)
      : [`write ${at} never came: ${first.stderr}`]
  } finally {
    await bench.close()
  }
}

function watchWrites(
  { home }: Bench,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${PRELOAD}`,
    KILL_BELOW: join(home, 'keymgmt', 'store'),
    KILL_FUNCTIONS: 'rename,unlink',
    ...env,
  }
}

async function countWrites(prepared: Prepared): Promise<number> {
  const bench = await reopen(prepared)
  try {
    const file = join(bench.home, 'writes')
    await bench.ok(prepared.line, { env: watchWrites(bench, { KILL_COUNT_FILE: file }) })
    return Number(readFileSync(file, 'utf8'))
  } finally {
    await bench.close()
  }
}

async function countRequests(prepared: Prepared): Promise<number> {
  const bench = await reopen(prepared)
  try {
    await bench.ok(prepared.line)
    const { length } = bench.requests
    expect(await complaints(join(bench.home, 'keymgmt'), bench.kms)).toEqual([])
    return length
  } finally {
    await bench.close()
  }
}

/** Runs `work` for each of `items`, a few at a time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  await Promise.all(
    Array.from({ length: availableParallelism() * 2 }, async () => {
      for (const item of waiting) await work(item)
    }),
  )
}

let total = 0
afterAll(() => {
  process.stdout.write(`interruptions: ${FLOWS.length} flows, ${total} points\n`)
})

describe('whatever happens to whichever request', () => {
  it.each(FLOWS.map((flow) => [flow.name, flow] as const))(
    'of "%s", the same command finishes the job',
    async (name, flow) => {
      const prepared = await prepare(flow)
      const requests = await countRequests(prepared)
      const points = Array.from({ length: requests }, (_, index) => index + 1).flatMap((at) =>
        WAYS.map((way) => ({ at, ...way })),
      )
      const wrong: string[] = []
      await each(points, async (point) => {
        const found = await strike(prepared, point)
        wrong.push(
          ...found.map(
            (complaint) =>
              `${JSON.stringify(point.kind)} ${point.when} request ${point.at}: ${complaint}`,
          ),
        )
      })
      const writes = await countWrites(prepared)
      const kills = Array.from({ length: writes }, (_, index) => index + 1).flatMap((at) => [
        { at, when: 'before' as const },
        { at, when: 'after' as const },
      ])
      await each(kills, async (point) => {
        const found = await killAtWrite(prepared, point)
        wrong.push(
          ...found.map((complaint) => `kill ${point.when} write ${point.at}: ${complaint}`),
        )
      })
      total += points.length + kills.length
      process.stdout.write(
        `interruptions: ${name}: ${requests} requests in ${WAYS.length} ways, ${writes} writes in 2 ways: ${points.length + kills.length} points\n`,
      )
      expect(wrong).toEqual([])
      expect(Math.min(requests, writes)).toBeGreaterThan(0)
    },
    900_000,
  )
})
