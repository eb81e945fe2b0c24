/** Thrown by every file operation of a killed process; the operation has no effect. */
export class KilledError extends Error {}

/** One command. A killed one does nothing more: its promises don't settle, and its files stay. */
export class Process {
  readonly pid: number
  isDead = false
  /** True if it has ended by itself: its timers are gone then. */
  hasEnded = false
  /** Changes of files so far. */
  fileOperations = 0
  /** The operation of each request so far. */
  readonly operations: string[] = []
  /** Is called before and after each change of a file. */
  onFileOperation: (when: 'before' | 'after') => void = () => undefined
  readonly died: Promise<undefined>
  #die: () => void = () => undefined

  constructor(pid: number) {
    this.pid = pid
    this.died = new Promise((resolve) => {
      this.#die = () => {
        resolve(undefined)
      }
    })
  }

  kill(): void {
    this.isDead = true
    this.#die()
  }
}

/** A promise that never settles. */
export function never(): Promise<never> {
  return new Promise(() => undefined)
}
