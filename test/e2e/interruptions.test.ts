import { afterAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyAccount, type Account } from '../../src/dev-kms/index.js'
import { factsOf, OPERATIONS, type AwsOperation } from '../../src/kms/aws/operations.js'
import { findProblems } from '../support/problems.js'
import { CONFIGURE, FLOWS, type Flow } from '../support/flows.js'
import { copyFolder, createTestbed, type Testbed } from '../support/keymgmt.js'
import { startProxy, type ProxyFault } from '../support/proxy.js'
import { createSession } from '../support/session.js'

// Every request of every flow gets every kind of fault, once before AWS receives it and once after
// AWS has carried it out. Then the same command runs again and must succeed, without leftovers,
// missing parts or changes. Kills use the real binary; other faults run the program in this
// process, which starts faster. A request that only reads is not killed: the kill at the write
// before it leaves the same state.

const PRELOAD = new URL('../support/kill-at-file-operation.js', import.meta.url).href

type Kind = ProxyFault['kind'] | 'kill'
interface Way {
  readonly when: ProxyFault['when']
  readonly kind: Kind
}

/** The faults of every request. */
const FAULTS: readonly Way[] = [
  { when: 'before', kind: 'cut' },
  { when: 'before', kind: '500' },
  { when: 'before', kind: 'throttle' },
  { when: 'after', kind: 'cut' },
  { when: 'after', kind: '500' },
]

/** The kills at every request that changes AWS. */
const KILLS: readonly Way[] = [
  { when: 'before', kind: 'kill' },
  { when: 'after', kind: 'kill' },
]

interface Prepared {
  readonly home: string
  readonly account: Account
  /** The command that gets the faults. */
  readonly line: string
  readonly after: string | undefined
}

/** A fault at the n-th request, or a kill at the n-th request that changes AWS. */
interface Point extends Way {
  readonly at: number
}

function changesAws(operation: string): boolean {
  return operation in OPERATIONS && factsOf(operation as AwsOperation).changesAws === true
}

async function prepare({ prepare: lines, outsideChange, line, after }: Flow): Promise<Prepared> {
  const testbed = await createTestbed()
  try {
    await testbed.ok(CONFIGURE)
    for (const earlier of lines) await testbed.ok(earlier)
    outsideChange?.(testbed)
    return {
      home: testbed.home,
      account: testbed.kms.account,
      line: typeof line === 'string' ? line : line(testbed),
      after,
    }
  } finally {
    await testbed.kms.close()
  }
}

function reopen({ home, account }: Prepared): Promise<Testbed> {
  const copy = mkdtempSync(join(tmpdir(), 'keymgmt-test-'))
  copyFolder(home, copy)
  // The clock runs faster, so that a replica exists at the first check and each run sends the same
  // number of requests.
  let looks = 0
  return createTestbed(
    { account: copyAccount(account, () => new Date(Date.now() + ++looks * 100)) },
    copy,
  )
}

async function interrupt(prepared: Prepared, point: Point): Promise<string[]> {
  const testbed = await reopen(prepared)
  const { at, when, kind } = point
  let kill: () => void = () => undefined
  let counted = 0
  const faultAt = (_number: number, operation: string) => {
    if (kind === 'kill' && !changesAws(operation)) return undefined
    return ++counted === at ? ({ when, kind: kind === 'kill' ? 'cut' : kind } as const) : undefined
  }
  const proxy = await startProxy(testbed.kms.endpoint, faultAt, () => {
    if (kind === 'kill') kill()
  })
  try {
    const first =
      kind === 'kill'
        ? await testbed.run(prepared.line, {
            env: { AWS_ENDPOINT_URL_KMS: proxy.endpoint },
            onSpawn: (killer) => {
              kill = killer
            },
          })
        : await createSession(proxy.endpoint, testbed.home).run(prepared.line)
    await proxy.close()
    if (counted < at) return [`request ${at} never came`]
    if ((first.status === null) !== (kind === 'kill'))
      return [`it ended with ${String(first.status)}`]
    return first.status === 0
      ? await findProblems(join(testbed.home, 'keymgmt'), testbed.kms)
      : await finish(testbed, prepared)
  } finally {
    await proxy.close()
    await testbed.close()
  }
}

/** Runs the same command again, which must succeed, and returns the problems. */
async function finish(testbed: Testbed, { line, after }: Prepared): Promise<string[]> {
  const session = createSession(testbed.kms.endpoint, testbed.home)
  const again = await session.run(line)
  if (again.status !== 0) return [`again it ended with ${String(again.status)}: ${again.stderr}`]
  if (after !== undefined) await session.run(after)
  return findProblems(join(testbed.home, 'keymgmt'), testbed.kms)
}

/**
 * Kills the command at its n-th write or deletion of a record, just before or after it takes
 * effect.
 */
async function killAtWrite(
  prepared: Prepared,
  { at, when }: Omit<Point, 'kind'>,
): Promise<string[]> {
  const testbed = await reopen(prepared)
  try {
    const first = await testbed.run(prepared.line, {
      env: watchWrites(testbed, { KILL_AT_FILE_OPERATION: String(at), KILL_WHEN: when }),
    })
    if (first.status === null) return await finish(testbed, prepared)
    // Concurrent changes are written together, so there may be fewer writes than were counted.
    return first.status === 0 && at > 1
      ? await findProblems(join(testbed.home, 'keymgmt'), testbed.kms)
      : [`write ${at} never came: ${first.stderr}`]
  } finally {
    await testbed.close()
  }
}

function watchWrites(
  { home }: Testbed,
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
  const testbed = await reopen(prepared)
  try {
    const file = join(testbed.home, 'writes')
    await testbed.ok(prepared.line, { env: watchWrites(testbed, { KILL_COUNT_FILE: file }) })
    return Number(readFileSync(file, 'utf8'))
  } finally {
    await testbed.close()
  }
}

/** Returns the operations that the command requests, in order. */
async function listRequests(prepared: Prepared): Promise<string[]> {
  const testbed = await reopen(prepared)
  try {
    await testbed.ok(prepared.line)
    const operations = testbed.requests.map(({ operation }) => operation)
    expect(await findProblems(join(testbed.home, 'keymgmt'), testbed.kms)).toEqual([])
    return operations
  } finally {
    await testbed.close()
  }
}

function pointsOf(count: number, ways: readonly Way[]): Point[] {
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  return numbers.flatMap((at) => ways.map((way) => ({ at, ...way })))
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

describe('after any fault at any request', () => {
  it.each(FLOWS.map((flow) => [flow.name, flow] as const))(
    'of "%s", the same command finishes the job',
    async (name, flow) => {
      const prepared = await prepare(flow)
      const operations = await listRequests(prepared)
      const requests = operations.length
      const changes = operations.filter(changesAws).length
      const points = [...pointsOf(requests, FAULTS), ...pointsOf(changes, KILLS)]
      const wrong: string[] = []
      await each(points, async (point) => {
        const found = await interrupt(prepared, point)
        wrong.push(
          ...found.map(
            (problem) =>
              `${JSON.stringify(point.kind)} ${point.when} request ${point.at}: ${problem}`,
          ),
        )
      })
      const writes = await countWrites(prepared)
      const kills = pointsOf(writes, KILLS)
      await each(kills, async (point) => {
        const found = await killAtWrite(prepared, point)
        wrong.push(...found.map((problem) => `kill ${point.when} write ${point.at}: ${problem}`))
      })
      total += points.length + kills.length
      process.stdout.write(
        `interruptions: ${name}: ${requests} requests, ${changes} changes, ${writes} writes: ${points.length + kills.length} points\n`,
      )
      expect(wrong).toEqual([])
      expect(Math.min(requests, writes)).toBeGreaterThan(0)
    },
    900_000,
  )
})
