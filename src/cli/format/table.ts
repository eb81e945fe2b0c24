import type { Json } from '../../router/values.js'
import { formatGoValue } from './go-value.js'
import type { Format } from './format.js'

const GAP = '    '

/** Text for a person, in Vault's columns. */
export const table: Format = {
  speaks: true,
  secret: ({ data, rows: given }, options) => {
    if (given) return shown(named(given), options)
    const rows = Object.entries(data ?? {})
      .sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
      .map(([name, value]) => [name, cell(name, value)])
    return rows.length === 0 ? '' : shown(columns([['Key', 'Value'], ['---', '-----'], ...rows]), options)
  },
  list: (keys, options) => shown(columns([['Keys'], ['----'], ...[...keys].sort().map((key) => [key])]), options),
  emptyList: () => '',
  field: (value, options) => shown(formatGoValue(value), options),
}

/** Rows under the names of their cells. */
function named(rows: readonly Readonly<Record<string, string>>[]): string {
  const names = Object.keys(rows[0] ?? {})
  if (names.length === 0) return ''
  return columns([names, names.map((name) => '-'.repeat(runes(name))), ...rows.map((row) => names.map((name) => row[name] ?? ''))])
}

function columns(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((text) => text.trim() || 'n/a'))
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => runes(row[column] ?? ''))))
  return cells
    .map((row) => row.map((text, column) => (column === row.length - 1 ? text : pad(text, widths[column] ?? 0))).join(GAP))
    .join('\n')
}

/** Characters as Go counts them: code points, whatever they look like together. */
function runes(text: string): number {
  return Array.from(text).length
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - runes(text)))
}

function cell(name: string, value: Json): string {
  const isDuration = /^(ttl|period|duration|lease_max|ttl_max)$|_(ttl|period|duration)$/.test(name)
  return isDuration && typeof value === 'number' && Number.isInteger(value) ? humanDuration(value) : formatGoValue(value)
}

/** Seconds as Go prints a duration, without the parts that are zero at its end. */
export function humanDuration(seconds: number): string {
  const sign = seconds < 0 ? '-' : ''
  const total = Math.abs(seconds)
  const hours = Math.floor(total / 3600)
  const minutes = Math.floor((total % 3600) / 60)
  const rest = total % 60
  const parts = [hours > 0 ? `${hours}h` : '', minutes > 0 ? `${minutes}m` : '', rest > 0 ? `${rest}s` : '']
  return sign + (parts.join('') || '0s')
}

/** A terminal acts on control characters; there they are shown instead. New lines and tabs do no harm. */
function shown(text: string, { escapeControls }: { readonly escapeControls: boolean }): string {
  if (!escapeControls) return text
   
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (found) => `\\x${found.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
