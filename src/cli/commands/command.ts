import { Command, type Option } from 'commander'
import type { Operation, PathDefinition } from '../../router/path.js'
import type { Settings } from '../settings.js'
import type { Terminal } from '../terminal.js'

/** The process that keymgmt runs in. */
export interface Environment {
  readonly terminal: Terminal
  readonly signal: AbortSignal
}

/** The process and the user's settings. */
export interface Context extends Environment {
  /** The user's settings, which the program reads before it runs a command. */
  settings: Settings
  /** The command and its path, without data. */
  command?: string
}

/** An example: a command line and its purpose. */
export interface Example {
  /** The purpose, printed before a colon. */
  readonly does: string
  readonly line: string
}

/**
 * The candidates that completion offers for the first argument: paths that have the operation, one
 * kind of path, or words. Completion finds the choices of an `Argument` by itself.
 */
export type Completes =
  | { readonly paths: Operation | 'any'; readonly only?: PathDefinition<never> }
  | { readonly words: () => Promise<readonly string[]> }

/** A commander command with examples, completion and an exit status. */
export class KeymgmtCommand extends Command {
  declare readonly commands: readonly KeymgmtCommand[]
  declare parent: KeymgmtCommand | null
  readonly examples: Example[] = []
  completes: Completes | undefined
  /** The exit status that the action returned. */
  exitStatus = 0

  constructor(name?: string) {
    super(name)
    // keymgmt prints help and errors itself, in Vault's layout and without repeating a value.
    const silent = () => undefined
    this.helpOption(false)
      .helpCommand(false)
      .exitOverride()
      .showSuggestionAfterError(false)
      .configureOutput({ writeOut: silent, writeErr: silent, outputError: silent })
  }

  /** The full name, such as `keymgmt read`. */
  get fullName(): string {
    return this.parent === null ? this.name() : `${this.parent.fullName} ${this.name()}`
  }

  /** This command, and all commands below it, in order. */
  get all(): readonly KeymgmtCommand[] {
    return [this, ...this.commands.flatMap((command) => command.all)]
  }

  /** This command and the commands below it, without those that only group others. */
  get runnable(): readonly KeymgmtCommand[] {
    return this.all.filter(({ isGroup }) => !isGroup)
  }

  /** True if it only groups other commands. */
  get isGroup(): boolean {
    return this.commands.length > 0 && this.registeredArguments.length === 0
  }

  /** The name relative to another command, such as `snapshot save`. */
  nameBelow({ fullName }: KeymgmtCommand): string {
    return this.fullName.slice(fullName.length + 1)
  }

  override createCommand(name?: string): KeymgmtCommand {
    return new KeymgmtCommand(name)
  }

  example(does: string, line: string): this {
    this.examples.push({ does, line })
    return this
  }

  /** Adds options, in the order in which help lists them. */
  addOptions(...options: readonly Option[]): this {
    for (const option of options) this.addOption(option)
    return this
  }

  completing(completes: Completes): this {
    this.completes = completes
    return this
  }

  /** Sets the action of the command. If the action returns a number, that is the exit status. */
  override action(run: (...args: never[]) => unknown): this {
    return super.action(async (...args: unknown[]) => {
      const status = await run(...(args as never[]))
      if (typeof status === 'number') this.exitStatus = status
    })
  }
}
