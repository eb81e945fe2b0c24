import { isList, type Json } from '../../router/values.js'

/**
 * Formats a value as Go's `%v` does. Vault's tables show every value that is not text in this form.
 */
export function formatGoValue(value: Json): string {
  if (value === null) return '<nil>'
  if (typeof value !== 'object') return String(value)
  if (isList(value)) return `[${value.map(formatGoValue).join(' ')}]`
  const entries = Object.entries(value).sort(([one], [other]) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other)),
  )
  return `map[${entries.map(([name, item]) => `${name}:${formatGoValue(item)}`).join(' ')}]`
}
