import { isList, type Json } from '../../router/values.js'
import { envelope, type Format } from './format.js'

/**
 * JSON as Go writes it for Vault: indented by two spaces, with HTML's special characters escaped.
 */
export const json: Format = {
  humanReadable: false,
  secret: (response) =>
    writeEntries(
      envelope(response).map(([name, value]) => [name, value]),
      '',
    ),
  list: (keys) => write(keys, ''),
  emptyList: () => '{}',
  field: (value) => write(value, ''),
}

function write(value: Json, indent: string): string {
  if (value === null || typeof value !== 'object') return escape(JSON.stringify(value))
  if (isList(value))
    return brackets(
      '[',
      value.map((item) => write(item, `${indent}  `)),
      ']',
      indent,
    )
  return writeEntries(Object.entries(value).sort(byBytes), indent)
}

/**
 * Writes an object itself, because JSON.stringify moves names that look like numbers to the front.
 */
function writeEntries(entries: readonly (readonly [string, Json])[], indent: string): string {
  const items = entries.map(
    ([name, value]) => `${escape(JSON.stringify(name))}: ${write(value, `${indent}  `)}`,
  )
  return brackets('{', items, '}', indent)
}

function brackets(start: string, items: readonly string[], end: string, indent: string): string {
  if (items.length === 0) return start + end
  return `${start}\n${items.map((item) => `${indent}  ${item}`).join(',\n')}\n${indent}${end}`
}

function escape(text: string): string {
  return text.replace(
    /[<>&\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function byBytes([one]: readonly [string, Json], [other]: readonly [string, Json]): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
