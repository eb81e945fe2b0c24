import { Argument, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../input/duration.js'
import { sanitizePath } from '../input/paths.js'
import { FORMAT_NAMES, parseFormat, type FormatName } from '../output/index.js'

// Flags and arguments that several commands have.

/** The values of the flags that the four verbs have. Not each verb has each flag. */
export interface RequestFlags {
  readonly format: FormatName
  readonly field?: string
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly outputPolicy?: boolean
  /** In milliseconds. */
  readonly timeout?: number
}

/** `-format`; a command finds the format that counts in its flags, wherever it was given. */
export function formatOption(): Option {
  return new Option(
    '--format <string>',
    'Print the output in the given format. Valid formats are "table", "json" and "yaml".',
  )
    .env('KEYMGMT_FORMAT')
    .choices(FORMAT_NAMES)
    .argParser((text) => (text === '' ? undefined : parseFormat(text)))
}

/** `-field` */
export function fieldOption(): Option {
  return new Option(
    '--field <string>',
    'Print only the field with the given name. The result is not followed by a newline, but on a terminal.',
  )
}

/** `-dry-run` */
export function dryRunOption(): Option {
  return new Option(
    '--dry-run',
    'Print the calls to AWS that it would make, in order, and what they add to the monthly bill. Changes nothing.',
  ).conflicts('outputPolicy')
}

/** `-output-policy` */
export function outputPolicyOption(): Option {
  return new Option(
    '--output-policy',
    'Print the least IAM policy for this very command, as JSON. Changes nothing.',
  )
}

/** `-timeout` */
export function timeoutOption(): Option {
  return new Option(
    '--timeout <duration>',
    'How long it may take, such as 90s or 1h30m, waits included. Unlimited on a terminal, else 10m.',
  ).argParser((text) => parseDuration('timeout', text))
}

/** PATH, without surrounding white space and slashes. */
export function pathArgument(): Argument {
  return new Argument('<PATH>').argParser((text) => {
    // What was meant as a value may be a secret: it must not become part of an error or a request.
    if (text.includes('='))
      throw new InvalidArgumentError('this is name=value, and the first argument is the PATH')
    return sanitizePath(text)
  })
}

/** DATA, as it was given. */
export function dataArgument(): Argument {
  return new Argument('[DATA K=V...]')
}
