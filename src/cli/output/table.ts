import type { Json } from '../../router/values.js'
import { formatGoValue } from './value.js'
import type { Format, PrintOptions } from './format.js'

const GAP = '    '
/** The gap between columns on a terminal that is too narrow for the usual one. */
const NARROW_GAP = '  '

/** Text for a person, in Vault's columns. */
export const table: Format = {
  humanReadable: true,
  secret: ({ data, rows: given }, options) => {
    if (given)
      return shown(
        fitting(
          [() => named(given, GAP), () => named(given, NARROW_GAP), () => blocks(given)],
          options,
        ),
        options,
      )
    const entries = Object.entries(data ?? {}).sort(([one], [other]) =>
      Buffer.compare(Buffer.from(one), Buffer.from(other)),
    )
    if (entries.length === 0) return ''
    return shown(
      fitting(
        [
          () => keyValue(entries.map(([name, value]) => [name, cell(name, value)])),
          () => nested(entries),
        ],
        options,
      ),
      options,
    )
  },
  list: (keys, options) =>
    shown(columns([['Keys'], ['----'], ...[...keys].sort().map((key) => [key])]), options),
  emptyList: () => '',
  field: (value, options) => shown(formatGoValue(value), options),
}

/**
 * Returns the first form that fits the terminal, or else the last one. Without a terminal, returns
 * the first, which is Vault's.
 */
function fitting(
  forms: readonly (() => string)[],
  { columns: width = Infinity }: PrintOptions,
): string {
  let text = ''
  for (const form of forms) {
    text = form()
    if (text.split('\n').every((line) => runes(line) <= width)) break
  }
  return text
}

function keyValue(rows: readonly (readonly string[])[]): string {
  return columns([['Key', 'Value'], ['---', '-----'], ...rows])
}

/**
 * Prints nested values and texts of several lines below their names, so that the terminal does not
 * break them.
 */
function nested(entries: readonly (readonly [string, Json])[]): string {
  const simple = entries
    .filter(([, value]) => isSimple(value))
    .map(([name, value]) => [name, cell(name, value)])
  const others = entries.filter(([, value]) => !isSimple(value))
  return [
    ...(simple.length > 0 ? [keyValue(simple)] : []),
    ...others.map(([name, value]) => below(name, value, '')),
  ].join('\n')
}

function below(name: string, value: Json, indent: string): string {
  const inner = `${indent}  `
  if (isSimple(value)) return `${indent}${name}${GAP}${formatGoValue(value)}`
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return [
      `${indent}${name}`,
      ...Object.entries(value).map(([key, item]) => below(key, item, inner)),
    ].join('\n')
  }
  const lines =
    typeof value === 'string'
      ? value.trimEnd().split('\n')
      : (value as readonly Json[]).map(formatGoValue)
  return [`${indent}${name}`, ...lines.map((line) => `${inner}${line}`)].join('\n')
}

/** True for a value that fits on the line of its name. */
function isSimple(value: Json): boolean {
  if (typeof value === 'string') return !value.trimEnd().includes('\n')
  return value === null || typeof value !== 'object' || Object.keys(value).length === 0
}

/** Prints a block for each row and a line for each cell. Empty cells are left out. */
function blocks(rows: readonly Readonly<Record<string, string>>[]): string {
  const width = Math.max(...Object.keys(rows[0] ?? {}).map(runes))
  return rows
    .map((row) =>
      Object.entries(row)
        .filter(([, value]) => value !== '')
        .map(([name, value]) => `${pad(name, width)}${GAP}${value}`)
        .join('\n'),
    )
    .join('\n\n')
}

/** Prints rows below the names of their columns. */
function named(rows: readonly Readonly<Record<string, string>>[], gap: string): string {
  const names = Object.keys(rows[0] ?? {})
  if (names.length === 0) return ''
  return columns(
    [
      names,
      names.map((name) => '-'.repeat(runes(name))),
      ...rows.map((row) => names.map((name) => row[name] ?? '')),
    ],
    gap,
  )
}

function columns(rows: readonly (readonly string[])[], gap = GAP): string {
  const cells = rows.map((row) => row.map((text) => text.trim() || 'n/a'))
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => runes(row[column] ?? ''))),
  )
  return cells
    .map((row) =>
      row
        .map((text, column) => (column === row.length - 1 ? text : pad(text, widths[column] ?? 0)))
        .join(gap),
    )
    .join('\n')
}

/** Counts characters as Go does: code points. */
function runes(text: string): number {
  return Array.from(text).length
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - runes(text)))
}

function cell(name: string, value: Json): string {
  const isDuration = /^(ttl|period|duration|lease_max|ttl_max)$|_(ttl|period|duration)$/.test(name)
  return isDuration && typeof value === 'number' && Number.isInteger(value)
    ? humanDuration(value)
    : formatGoValue(value)
}

/** Formats seconds as Go prints a duration, without trailing zero parts. */
export function humanDuration(seconds: number): string {
  const sign = seconds < 0 ? '-' : ''
  const total = Math.abs(seconds)
  const hours = Math.floor(total / 3600)
  const minutes = Math.floor((total % 3600) / 60)
  const rest = total % 60
  const parts = [
    hours > 0 ? `${hours}h` : '',
    minutes > 0 ? `${minutes}m` : '',
    rest > 0 ? `${rest}s` : '',
  ]
  return sign + (parts.join('') || '0s')
}

/** Escapes control characters if required, except newlines and tabs. */
function shown(text: string, { escapeControls }: { readonly escapeControls: boolean }): string {
  if (!escapeControls) return text

  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (found) => `\\x${found.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
