import { isList, type Json } from '../../router/values.js'

/** A value as Go's `%v` prints it, which is how Vault's tables show what is not text. */
export function formatGoValue(value: Json): string {
  if (value === null) return '<nil>'
  if (typeof value !== 'object') return String(value)
  if (isList(value)) return `[${value.map(formatGoValue).join(' ')}]`
  const entries = Object.entries(value).sort(([one], [other]) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other)),
  )
  return `map[${entries.map(([name, item]) => `${name}:${formatGoValue(item)}`).join(' ')}]`
}
