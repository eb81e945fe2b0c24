import type { Operation } from '../../router/path.js'
import type { FlagTable, FlagValues } from '../go-flags.js'
import type { FormatName } from '../output/index.js'
import type { Terminal } from '../terminal.js'

/** What every command gets. */
export interface Session {
  readonly terminal: Terminal
  readonly signal: AbortSignal
  /** The format that a flag or the environment asks for. */
  readonly format: FormatName
}

/** A command line that does something, and what. */
export interface Example {
  /** To stand before a colon. */
  readonly does: string
  readonly line: string
}

/**
 * What the first argument of a command is, for who completes it; `paths` are those with this
 * operation, all, or of one pattern.
 */
export type FirstArgument =
  | { readonly paths: Operation | 'any'; readonly only?: string }
  | { readonly words: () => Promise<readonly string[]> }

/** A command: all that is run, and all that help, completion and the manual say of it. */
export interface Command<F extends FlagTable = FlagTable> {
  readonly name: string
  /** One line, without a full stop. */
  readonly summary: string
  /** What follows the name and the flags. */
  readonly usage: string
  /** Sentences, to be wrapped. */
  readonly description: string
  readonly examples: readonly Example[]
  readonly flags: F
  readonly first?: FirstArgument
  /** Answers the exit status. */
  readonly run: (session: Session, args: readonly string[], flags: FlagValues<F>) => Promise<number>
}

/**
 * A command whose `run` sees its own flags, typed; the program hands it what `valuesOf` read by the
 * same table.
 */
export function defineCommand<const F extends FlagTable>(command: Command<F>): Command {
  return command as unknown as Command
}
