import { AsyncLocalStorage } from 'node:async_hooks'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'
import { Disk, ROOT, type Random } from './disk.js'
import { KilledError, Process } from './process.js'

/** The machine that the commands run on: its clock, its disk and its processes are simulated. */

interface Timer {
  readonly due: number
  readonly owner: Process | undefined
  readonly fire: () => void
}

/** A longer jump of the clock is made only after a moment in which really nothing happens. */
const LONG_JUMP_MS = 60_000
const MOMENT_MS = 50

/** Turns of the event loop in which a running command starts everything that it can start. */
const QUIET_TURNS = 3

const real = {
  now: Date.now.bind(Date),
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  sleep: timers.setTimeout,
  pid: process.pid,
  kill: process.kill.bind(process),
}

/** Functions of `node:fs` that change something. */
const CHANGES = new Set([
  'copyFileSync',
  'fsyncSync',
  'linkSync',
  'mkdirSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'unlinkSync',
  'writeFileSync',
])

/** True while Node.js reads a file, such as a module, or calculates in another thread. */
function isNodeBusy(): boolean {
  return process.getActiveResourcesInfo().some((name) => /req/i.test(name))
}

export class Machine {
  readonly disk = new Disk(ROOT)
  /** Milliseconds since 1970 by AWS's clock. */
  nowMs = Date.parse('2026-01-05T08:00:00Z')
  /** What this machine's clock is ahead of AWS's. */
  aheadMs = 0
  random: Random = () => 0.5
  readonly #processes = new Map<number, Process>()
  readonly #context = new AsyncLocalStorage<Process>()
  #pids = 100_000
  #timers: Timer[] = []
  #isPumping = false

  /** The process that calls; undefined outside of every process. */
  get current(): Process | undefined {
    return this.#context.getStore()
  }

  /** Runs a command as a process. Resolves to undefined if it is killed. */
  async run<T>(
    work: () => Promise<T>,
    prepare: (process: Process) => void = () => undefined,
  ): Promise<T | undefined> {
    const child = new Process(++this.#pids)
    this.#processes.set(child.pid, child)
    prepare(child)
    try {
      const ended = this.#context.run(child, work)
      ended.catch(() => undefined)
      return await Promise.race([ended, child.died])
    } finally {
      child.hasEnded = true
      this.#processes.delete(child.pid)
    }
  }

  /** Runs `work` outside of every process, as AWS does. */
  outside<T>(work: () => T): T {
    return this.#context.exit(work)
  }

  /** Ends every process, and loses what was not synced. */
  powerFailure(): void {
    for (const process of this.#processes.values()) process.kill()
    this.disk.loseUnsynced(this.random)
  }

  /** Waits on the simulated clock. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#schedule(ms, resolve)
    })
  }

  #schedule(ms: number, fire: () => void): Timer {
    const timer = { due: this.nowMs + Math.max(0, ms), owner: this.current, fire }
    this.#timers.push(timer)
    if (!this.#isPumping) {
      this.#isPumping = true
      this.outside(() => {
        this.#pump(QUIET_TURNS)
      })
    }
    return timer
  }

  /** Time passes when nothing else can happen: the earliest timer fires. */
  #pump(turns: number, isSure = false): void {
    real.setImmediate(() => {
      if (turns > 0) {
        this.#pump(turns - 1, isSure)
        return
      }
      if (isNodeBusy()) {
        this.#pump(QUIET_TURNS, isSure)
        return
      }
      this.#timers = this.#timers.filter(({ owner }) => !owner?.isDead && !owner?.hasEnded)
      const [first, ...others] = this.#timers
      if (!first) {
        this.#isPumping = false
        return
      }
      const next = others.reduce((one, other) => (other.due < one.due ? other : one), first)
      if (next.due > this.nowMs + LONG_JUMP_MS && !isSure) {
        real.setTimeout(() => {
          this.#pump(QUIET_TURNS, this.#timers.at(-1) === (others.at(-1) ?? first))
        }, MOMENT_MS)
        return
      }
      this.#timers.splice(this.#timers.indexOf(next), 1)
      this.nowMs = Math.max(this.nowMs, next.due)
      next.fire()
      this.#pump(QUIET_TURNS)
    })
  }

  /** Lets all work that nobody waits for any more end, such as requests of killed processes. */
  async quiesce(): Promise<void> {
    while (this.#isPumping) await new Promise((resolve) => real.setImmediate(resolve))
  }

  /** Forgets timers that would keep a later history waiting. */
  reset(random: Random): void {
    this.#timers = []
    this.aheadMs = 0
    this.random = random
    this.disk.reset()
  }

  /** Replaces the clock, the files and the processes of this process of Node.js for good. */
  install(): void {
    process.on('unhandledRejection', (reason) => {
      if (!(reason instanceof KilledError)) throw reason
    })
    this.#installClock()
    this.#installFiles()
    this.#installProcesses()
    syncBuiltinESMExports()
  }

  #installClock(): void {
    const local = () => this.nowMs + (this.current ? this.aheadMs : 0)
    globalThis.Date = new Proxy(Date, {
      construct: (target, args: unknown[], newTarget) =>
        Reflect.construct(target, args.length === 0 ? [local()] : args, newTarget) as object,
      get: (target, name, receiver) =>
        name === 'now' ? local : (Reflect.get(target, name, receiver) as unknown),
    })
    performance.now = () => this.nowMs
    Math.random = () => this.random()
    timers.setTimeout = ((ms = 0, value?: unknown, options?: { signal?: AbortSignal }) =>
      this.current
        ? this.#sleepUntilAborted(ms, options?.signal).then(() => value)
        : real.sleep(ms, value, options)) as typeof timers.setTimeout
    globalThis.setTimeout = ((fire: () => void, ms = 0, ...args: []) =>
      this.current
        ? { timer: this.#schedule(ms, fire), unref: () => undefined }
        : real.setTimeout(fire, ms, ...args)) as typeof setTimeout
    globalThis.setInterval = ((fire: () => void, ms = 0) => {
      const owner = this.current
      return owner ? this.#repeat(owner, fire, ms) : real.setInterval(fire, ms)
    }) as typeof setInterval
    const clear = (handle: unknown, clearReal: () => void) => {
      const simulated = (handle as { timer?: Timer } | undefined)?.timer
      if (simulated) this.#timers = this.#timers.filter((other) => other !== simulated)
      else clearReal()
    }
    globalThis.clearTimeout = (timer) => {
      clear(timer, () => {
        real.clearTimeout(timer)
      })
    }
    globalThis.clearInterval = (timer) => {
      clear(timer, () => {
        real.clearInterval(timer)
      })
    }
  }

  /** Calls `fire` in the process again and again, until it is stopped or the process ends. */
  #repeat(owner: Process, fire: () => void, ms: number): object {
    const handle: { timer?: Timer; unref: () => object } = { unref: () => handle }
    const arm = () => {
      handle.timer = this.#schedule(ms, () => {
        this.#context.run(owner, () => {
          arm()
          fire()
        })
      })
    }
    arm()
    return handle
  }

  #sleepUntilAborted(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        reject(signal?.reason as Error)
      }
      if (signal?.aborted) abort()
      signal?.addEventListener('abort', abort)
      this.#schedule(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
    })
  }

  #installFiles(): void {
    const functions = fs as unknown as Record<string, (...args: unknown[]) => unknown>
    for (const [name, own] of Object.entries(this.disk.functions)) {
      const original = functions[name]
      if (!original) throw new Error(`node:fs has no ${name}`)
      const simulated = own as (...args: unknown[]) => unknown
      functions[name] = (...args) => {
        const described = this.#describeProcess(name, args[0])
        if (described !== undefined) return described
        return this.disk.has(args[0])
          ? this.#fileOperation(name, simulated, args)
          : original(...args)
      }
    }
  }

  #fileOperation(
    name: string,
    operation: (...args: unknown[]) => unknown,
    args: readonly unknown[],
  ): unknown {
    const child = this.current
    const changes =
      CHANGES.has(name) || (name === 'openSync' && typeof args[1] === 'number' && args[1] % 4 !== 0)
    const tell = (when: 'before' | 'after') => {
      if (child?.isDead) throw new KilledError()
      if (!changes) return
      if (when === 'before' && child) child.fileOperations++
      child?.onFileOperation(when)
      if (child?.isDead) throw new KilledError()
    }
    tell('before')
    const result = operation(...args)
    tell('after')
    return result
  }

  /** `/proc` as a process sees it, for the identity of the holder of a lock. */
  #describeProcess(name: string, path: unknown): string | undefined {
    if (!this.current || typeof path !== 'string') return undefined
    if (name === 'readlinkSync' && path === '/proc/self') return String(this.current.pid)
    const [, pid] = /^\/proc\/(\d+)\/stat$/.exec(path) ?? []
    if (name !== 'readFileSync' || pid === undefined || !this.#processes.has(Number(pid)))
      return undefined
    return `${pid} (node) ${'0 '.repeat(19)}${pid} 0`
  }

  #installProcesses(): void {
    Object.defineProperty(process, 'pid', { get: () => this.current?.pid ?? real.pid })
    process.kill = (pid: number, signal?: number) => {
      if (!this.current) return real.kill(pid, signal)
      if (this.#processes.get(pid)?.isDead === false) return true
      throw Object.assign(new Error('no such process'), { code: 'ESRCH' })
    }
  }
}
