import type { FlagDefinition } from '../go-flags.js'
import { DEFAULT_TIMEOUT } from '../input/duration.js'

// Flags that several commands have.

export const FORMAT = {
  kind: 'string',
  choices: ['table', 'json', 'yaml'],
  default: '',
  environment: ['KEYMGMT_FORMAT', 'VAULT_FORMAT'],
  usage: 'Print the output in the given format. Valid formats are "table", "json" and "yaml".',
} as const satisfies FlagDefinition

export const FIELD = {
  kind: 'string',
  usage:
    'Print only the field with the given name. The result is not followed by a newline, but on a terminal.',
} as const satisfies FlagDefinition

export const DRY_RUN = {
  kind: 'bool',
  usage:
    'Print the calls to AWS that it would make, in order, and what they add to the monthly bill. Changes nothing.',
} as const satisfies FlagDefinition

export const OUTPUT_POLICY = {
  kind: 'bool',
  usage: 'Print the least IAM policy for this very command, as JSON. Changes nothing.',
} as const satisfies FlagDefinition

export const TIMEOUT = {
  kind: 'duration',
  usage: `How long it may take, such as 90s or 1h30m, waits included. Unlimited on a terminal, else ${DEFAULT_TIMEOUT}.`,
} as const satisfies FlagDefinition
