import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PLAIN, type Terminal } from '../../src/cli/terminal.js'
import { runProgram } from '../../src/cli/program.js'
import type { Account } from '../../src/dev-kms/account.js'
import { wrappingPair } from '../../src/dev-kms/wrapping.js'
import { Aws, SECRET, type AccessKeyId } from './aws.js'
import type { Random } from './disk.js'
import { aim, nameOfFault, type Fault, type FilePoint } from './faults.js'
import { Machine } from './machine.js'
import { installNetwork } from './network.js'
import type { Process } from './process.js'
import type { Site, StoreName } from './sites/site.js'
import { createLocalSite } from './sites/local.js'
import { withMaterial } from './steps.js'

/** One command to run. */
export interface CommandRun {
  readonly line: string
  readonly store?: StoreName
  /** The credentials of the environment; the first by default. */
  readonly as?: AccessKeyId
  readonly fault?: Fault
  /** Begins to copy the store at this change of a file, while the command continues. */
  readonly copyAt?: number
  /** Chooses the KMS key whose id replaces KMS_KEY in the line. */
  readonly pick?: number
}

/** What a command printed, and how it ended; without a status if it was killed. */
export interface Ran {
  readonly line: string
  readonly store: StoreName
  readonly as: AccessKeyId
  readonly status: number | undefined
  readonly stdout: string
  readonly stderr: string
  /** The faults that it met. */
  readonly met: readonly string[]
  /** How long it took, on the simulated clock. */
  readonly tookMs: number
  readonly error: CommandError | undefined
}

/** The error of a command, in JSON. */
export interface CommandError {
  readonly code: string
  readonly message: string
  readonly hints: readonly string[]
}

interface Saved {
  readonly nowMs: number
  readonly disk: unknown
  readonly site: unknown
  readonly accounts: readonly Account[]
}

/** Everything outside of the product: a machine, AWS, and the command line. */
export class World {
  readonly machine = new Machine()
  readonly aws = new Aws(this.machine)
  readonly site: Site
  /** The command that each process runs. */
  readonly running = new WeakMap<Process, CommandRun>()
  readonly #met = new WeakMap<Process, Set<string>>()
  /** The files that a copy of the store lacks yet, and the number that is copied at a time. */
  #uncopied: string[] = []
  #pace = 1

  constructor(createSite: (machine: Machine) => Site = ({ disk }) => createLocalSite(disk)) {
    this.site = createSite(this.machine)
  }

  /** Replaces the clock, the files, the processes and the network of this process for good. */
  async install(): Promise<void> {
    // It takes a second, and would take it on the simulated clock.
    await wrappingPair('RSA_4096')
    this.machine.install()
    const faults = {
      faultOf: (process: Process) => this.running.get(process)?.fault,
      onMet: (process: Process) => {
        this.#meet(process)
      },
    }
    const kms = this.aws.handler(faults)
    installNetwork((request) => this.site.handlerOf?.(request, faults) ?? kms)
  }

  /** The state of everything, to begin from it again. */
  save(): Saved {
    const { disk, nowMs } = this.machine
    const site = this.site.state?.save()
    return { nowMs, disk: disk.save(), site, accounts: this.aws.save() }
  }

  /** Begins from what was saved, or from nothing; `random` chooses all that is left to chance. */
  reset(random: Random, saved?: Saved): void {
    this.machine.reset(random)
    if (saved) this.machine.nowMs = saved.nowMs
    this.machine.disk.reset(saved?.disk)
    this.site.state?.reset(saved?.site)
    this.aws.reset(saved?.accounts)
  }

  /** Does something that has not happened afterwards. */
  async pretend<T>(work: () => Promise<T>): Promise<T> {
    const undo = await this.#fork()
    try {
      return await work()
    } finally {
      await undo()
    }
  }

  /** Continues on a copy of everything. Returns a function that throws the copy away. */
  async #fork(): Promise<() => Promise<void>> {
    await this.machine.quiesce()
    const { nowMs } = this.machine
    const forks = [this.machine.disk.fork(), this.site.state?.fork(), this.aws.fork()]
    return async () => {
      await this.machine.quiesce()
      this.machine.nowMs = nowMs
      for (const forget of forks) forget?.()
    }
  }

  /**
   * Runs a command to its end, or until it is killed. If it ends before it reaches the point of its
   * fault, this has not happened: it runs again, with the fault at something that it does.
   */
  async run(command: CommandRun): Promise<Ran> {
    if (!command.fault) return (await this.runOnce(command)).ran
    const undo = await this.#fork()
    const { ran, child } = await this.runOnce(command)
    const fault = ran.met.length === 0 && child ? aim(command.fault, child) : undefined
    if (!fault) return ran
    await undo()
    return (await this.runOnce({ ...command, fault })).ran
  }

  /** Runs a command to its end, or until it is killed, whether or not it meets its fault. */
  async runOnce(command: CommandRun): Promise<{ ran: Ran; child: Process | undefined }> {
    const { line, store = 'main', as = 'AKIAEXAMPLE000000001' } = command
    const printed = { stdout: '', stderr: '' }
    let child: Process | undefined
    const terminal = this.#terminal(command, printed, () => child?.isDead !== true)
    const { signal } = new AbortController()
    const args = [...withMaterial(line).split(' '), '-format=json']
    const began = this.machine.nowMs
    const status = await this.machine.run(
      () => runProgram(args, { terminal, signal }),
      (process) => {
        child = process
        this.running.set(process, command)
        this.#met.set(process, new Set())
        process.onFileOperation = this.#onFileOperation(process, command)
      },
    )
    this.#copyFiles(this.#uncopied.length)
    const met = [...((child && this.#met.get(child)) ?? [])]
    const tookMs = this.machine.nowMs - began
    const error = parseError(printed.stderr)
    return { ran: { line, store, as, status, ...printed, met, tookMs, error }, child }
  }

  #onFileOperation(process: Process, { fault, copyAt, store = 'main' }: CommandRun) {
    return (when: 'before' | 'after') => {
      const { fileOperations } = process
      if (when === 'after') this.#copyFiles(this.#pace)
      if (copyAt === fileOperations && when === 'after' && store === 'main') this.#beginCopy()
      if (!fault || !('kill' in fault) || !('file' in fault.at)) return
      const at: FilePoint = fault.at
      if (at.file !== fileOperations || at.when !== when) return
      this.#meet(process)
      if (fault.kill === 'power') this.machine.powerFailure()
      process.kill()
    }
  }

  /** Copies the store as it is now, unless there is a copy. */
  copyStore(): void {
    this.#beginCopy()
    this.#copyFiles(this.#uncopied.length)
  }

  /** Begins a copy, which other changes can overtake. The files come in any order. */
  #beginCopy(): void {
    const { random } = this.machine
    if (this.site.names('copy').length > 0) return
    const names = this.site.names('main').map((name) => ({ name, order: random() }))
    this.#uncopied = names.sort((one, other) => one.order - other.order).map(({ name }) => name)
    this.#pace = 1 + Math.floor(random() * names.length)
  }

  #copyFiles(number: number): void {
    for (const name of this.#uncopied.splice(0, number)) this.site.copyOne(name)
  }

  #meet(process: Process): void {
    const fault = this.running.get(process)?.fault
    if (fault) this.#met.get(process)?.add(nameOfFault(fault))
  }

  #terminal(
    { store = 'main', as = 'AKIAEXAMPLE000000001' }: CommandRun,
    printed: { stdout: string; stderr: string },
    isAlive: () => boolean,
  ): Terminal {
    const { root } = this.machine.disk
    return {
      env: {
        HOME: join(root, 'home'),
        ...this.site.env(store),
        AWS_ACCESS_KEY_ID: as,
        AWS_SECRET_ACCESS_KEY: SECRET,
      },
      platform: 'linux',
      stdoutIsTty: false,
      columns: () => undefined,
      stderrIsTty: false,
      stdinIsTty: false,
      out: (text) => {
        if (isAlive()) printed.stdout += text
      },
      err: (text) => {
        if (isAlive()) printed.stderr += text
      },
      progress: () => undefined,
      readFile: (path) => readFileSync(path),
      readStdin: () => Promise.resolve(Buffer.alloc(0)),
      style: PLAIN,
    }
  }
}

function parseError(stderr: string): CommandError | undefined {
  try {
    return (JSON.parse(stderr) as { error?: CommandError }).error
  } catch {
    return undefined
  }
}

/** The credentials of an account as a provider takes them. */
export function credentialsOf(as: AccessKeyId): string {
  return `credentials=access_key=${as} credentials=secret_key=${SECRET}`
}
