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
import type { Process } from './process.js'
import { withMaterial } from './steps.js'

/** The copies of the store: the one in use, and a backup of it. */
export const STORES = ['main', 'copy'] as const
export type StoreName = (typeof STORES)[number]

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
  readonly accounts: readonly Account[]
}

/** Everything outside of the product: a machine, AWS, and the command line. */
export class World {
  readonly machine = new Machine()
  readonly aws = new Aws(this.machine)
  /** The command that each process runs. */
  readonly running = new WeakMap<Process, CommandRun>()
  readonly #met = new WeakMap<Process, Set<string>>()
  /** The files that a copy of the store lacks yet, and the number that is copied at a time. */
  #uncopied: string[] = []
  #pace = 1

  /** Replaces the clock, the files, the processes and the network of this process for good. */
  async install(): Promise<void> {
    // It takes a second, and would take it on the simulated clock.
    await wrappingPair('RSA_4096')
    this.machine.install()
    this.aws.install(
      (process) => this.running.get(process)?.fault,
      (process) => {
        this.#meet(process)
      },
    )
  }

  /** The state of everything, to begin from it again. */
  save(): Saved {
    const { disk, nowMs } = this.machine
    return { nowMs, disk: disk.save(), accounts: this.aws.save() }
  }

  /** Begins from what was saved, or from nothing; `random` chooses all that is left to chance. */
  reset(random: Random, saved?: Saved): void {
    this.machine.reset(random)
    if (saved) this.machine.nowMs = saved.nowMs
    this.machine.disk.reset(saved?.disk)
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
    const [forgetFiles, forgetAccounts] = [this.machine.disk.fork(), this.aws.fork()]
    return async () => {
      await this.machine.quiesce()
      this.machine.nowMs = nowMs
      forgetFiles()
      forgetAccounts()
    }
  }

  folderOf(store: StoreName): string {
    return join(this.machine.disk.root, store)
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
    const { disk, random } = this.machine
    if (disk.files(this.folderOf('copy')).size > 0) return
    const files = [...disk.files(this.folderOf('main')).keys()].map((file) => ({
      file,
      order: random(),
    }))
    this.#uncopied = files.sort((one, other) => one.order - other.order).map(({ file }) => file)
    this.#pace = 1 + Math.floor(random() * files.length)
  }

  #copyFiles(number: number): void {
    const [main, copy] = [this.folderOf('main'), this.folderOf('copy')]
    for (const file of this.#uncopied.splice(0, number))
      this.machine.disk.copyFile(file, file.replace(main, copy))
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
        KEYMGMT_HOME: this.folderOf(store),
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
