import { Argument, InvalidArgumentError, Option, type Command } from 'commander'
import { DEFAULT_TIMEOUT, parseDuration } from '../input/duration.js'
import { sanitizePath } from '../input/paths.js'
import { FORMAT_NAMES, FORMAT_VARIABLES, parseFormat, type FormatName } from '../output/index.js'
import type { Effective } from '../settings.js'

// Flags and arguments that several commands have.

/** The values of the flags of the four verbs. Not every verb has every flag. */
export interface RequestFlags {
  readonly format: FormatName
  readonly field?: string
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly outputPolicy?: boolean
  /** False with `-no-create`. */
  readonly create?: boolean
  /** In milliseconds. */
  readonly timeout?: number
}

/** `-format`. Its value for a command also comes from the environment and the settings. */
export function formatOption(): Option {
  return new Option(
    '--format <string>',
    'Print the output in the given format. Valid formats are "table", "json" and "yaml".',
  )
    .env(FORMAT_VARIABLES[0])
    .choices(FORMAT_NAMES)
    .argParser((text) => (text === '' ? undefined : parseFormat(text)))
}

/** Returns the output format of a running command, and its source. */
export function formatInForce(command: Command): Effective<FormatName> {
  return {
    value: command.opts<{ format: FormatName }>().format,
    source: command.getOptionValueSource('format') ?? 'default',
  }
}

/** `-field` */
export function fieldOption(): Option {
  return new Option(
    '--field <string>',
    'Print only the field with the given name. A newline follows it only on a terminal.',
  )
}

/** `-dry-run` */
export function dryRunOption(): Option {
  return new Option(
    '--dry-run',
    'Print the calls to AWS that the command would make, in order, and their monthly cost. Changes nothing.',
  ).conflicts('outputPolicy')
}

/** `-force`. Its effect depends on the command. */
export function forceOption(description: string): Option {
  return new Option('-f, --force', description)
}

/** `-no-create` */
export function noCreateOption(): Option {
  return new Option(
    '--no-create',
    'Fail if the store does not exist, instead of creating it. KEYMGMT_NO_CREATE=1 has the same effect.',
  )
}

/** True with `-no-create`; otherwise, the variable decides. */
export function noCreateOf({ create }: RequestFlags): true | undefined {
  return create === false ? true : undefined
}

/** `-output-policy` */
export function outputPolicyOption(): Option {
  return new Option(
    '--output-policy',
    'Print the least-privilege IAM policy of this command, as JSON. Changes nothing.',
  )
}

/** `-timeout` */
export function timeoutOption(): Option {
  return new Option(
    '--timeout <duration>',
    `Time limit, including waits, such as 90s or 1h30m. The default is none on a terminal, else ${DEFAULT_TIMEOUT}.`,
  ).argParser((text) => parseDuration('timeout', text))
}

/** PATH, without surrounding white space and slashes. */
export function pathArgument(): Argument {
  return new Argument('<PATH>').argParser((text) => {
    // A value in place of the path may be a secret: no error or request may contain it.
    if (text.includes('='))
      throw new InvalidArgumentError('the first argument must be the PATH, not name=value')
    return sanitizePath(text)
  })
}

/** DATA, unparsed. */
export function dataArgument(): Argument {
  return new Argument('[DATA K=V...]')
}
