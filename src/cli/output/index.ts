import { KeymgmtError } from '../../errors.js'
import { hidden, isPlain } from '../../router/quote.js'
import type { Format } from './format.js'
import { json } from './json.js'
import { table } from './table.js'

export { selectField, type Format, type PrintOptions, type SecretResponse } from './format.js'
export { humanDuration } from './table.js'
export { printWarnings } from './warnings.js'

/** Every output format. YAML is loaded on demand, because its library is large. */
const FORMATS = {
  table: () => Promise.resolve(table),
  json: () => Promise.resolve(json),
  yaml: async () => (await import('./yaml.js')).yaml,
} satisfies Record<string, () => Promise<Format>>

/** The name of an output format. */
export type FormatName = keyof typeof FORMATS

/** The names of all output formats. */
export const FORMAT_NAMES = Object.keys(FORMATS) as readonly FormatName[]

/** The variables that name the output format. The first one that is set takes precedence. */
export const FORMAT_VARIABLES = ['KEYMGMT_FORMAT', 'VAULT_FORMAT'] as const

/** Loads the output format with this name. */
export function loadFormat(name: FormatName): Promise<Format> {
  return FORMATS[name]()
}

/**
 * Parses the name of a format. The default is `table`.
 * @throws KeymgmtError USAGE for an unknown format.
 */
export function parseFormat(name: string): FormatName {
  const lower = name.toLowerCase()
  if (lower === '') return 'table'
  if (lower === 'yml') return 'yaml'
  if (Object.hasOwn(FORMATS, lower)) return lower as FormatName
  throw new KeymgmtError('USAGE', `Invalid output format: ${isPlain(name) ? name : hidden(name)}`, {
    hints: [`use one of ${FORMAT_NAMES.join(', ')}`],
  })
}
