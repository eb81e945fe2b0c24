import { KeymgmtError } from '../../errors.js'
import type { Format } from './format.js'
import { json } from './json.js'
import { table } from './table.js'
import { yaml } from './yaml.js'

export { selectField, type Format, type SecretResponse } from './format.js'
export { humanDuration } from './table.js'
export { printWarnings } from './warnings.js'

/** Every output format. */
export const formats = { table, json, yaml } satisfies Record<string, Format>

/** The name of an output format. */
export type FormatName = keyof typeof formats

/** @throws KeymgmtError USAGE for a name that is no format; none given is `table`. */
export function parseFormat(name: string): FormatName {
  const lower = name.toLowerCase()
  if (lower === '') return 'table'
  if (lower === 'yml') return 'yaml'
  if (Object.hasOwn(formats, lower)) return lower as FormatName
  throw new KeymgmtError('USAGE', `Invalid output format: ${name}`, { hints: [`use one of ${Object.keys(formats).join(', ')}`] })
}
