import { isList, type Json } from '../../router/values.js'
import { formatGoValue } from './value.js'
import type { Format } from './format.js'

const GAP = '    '
/** The gap between columns on a terminal that is too narrow for the usual one. */
const NARROW_GAP = '  '

/** Text for a person, in Vault's columns. */
export const table: Format = {
  humanReadable: true,
  secret: ({ data, rows: given }, options) => {
    const { columns: width = Infinity } = options
    if (given) {
      const forms = [() => named(given, GAP), () => named(given, NARROW_GAP), () => blocks(given)]
      return shown(fitting(forms, width), options)
    }
    const entries = Object.entries(data ?? {}).sort(([one], [other]) =>
      Buffer.compare(Buffer.from(one), Buffer.from(other)),
    )
    if (entries.length === 0) return ''
    const rows = entries.map(([name, value]) => [name, cell(name, value)])
    const forms = [() => columns([...HEAD, ...rows]), () => nested(entries, width, HEAD)]
    return shown(fitting(forms, width), options)
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
function fitting(forms: readonly (() => string)[], width: number): string {
  let text = ''
  for (const form of forms) {
    text = form()
    if (text.split('\n').every((line) => runes(line) <= width)) break
  }
  return text
}

type Entries = readonly (readonly [string, Json])[]
type Row = Readonly<Record<string, string>>

const HEAD = [
  ['Key', 'Value'],
  ['---', '-----'],
]

/**
 * Prints a value below its name if it is nested, has several lines, or is too long to fit next to
 * its name. The terminal then breaks as few lines as possible.
 */
function nested(entries: Entries, width: number, head: readonly (readonly string[])[]): string {
  const column = Math.max(...entries.map(([name]) => runes(name))) + GAP.length
  const fits = ([name, value]: Entries[number]) =>
    isSimple(value) && column + runes(cell(name, value)) <= width
  const beside = entries.filter(fits).map(([name, value]) => [name, cell(name, value)])
  return [
    ...(beside.length > 0 ? [columns([...head, ...beside])] : []),
    ...entries
      .filter((entry) => !fits(entry))
      .flatMap(([name, value]) => [name, ...below(value, width - INDENT.length).map(indented)]),
  ].join('\n')
}

const INDENT = '  '
const indented = (line: string) => (line === '' ? '' : INDENT + line)

/** The lines of a value below its name. */
function below(value: Json, width: number): readonly string[] {
  if (isList(value)) {
    const maps = value.filter(isMap)
    return maps.length === value.length
      ? listOfMaps(maps, width).split('\n')
      : value.map(formatGoValue)
  }
  // One entry at a time, which keeps the versions of a key in order.
  if (isMap(value))
    return Object.entries(value).flatMap((entry) => nested([entry], width, []).split('\n'))
  return formatGoValue(value).trimEnd().split('\n')
}

/** Prints a table if it fits, and otherwise a block for each map. */
function listOfMaps(maps: readonly JsonMap[], width: number): string {
  const rows = maps.map((map) =>
    Object.fromEntries(Object.entries(map).map(([name, value]) => [name, cell(name, value)])),
  )
  const inBlocks = () => maps.map((map) => nested(Object.entries(map), width, [])).join('\n\n')
  return fitting([() => named(rows, GAP), () => named(rows, NARROW_GAP), inBlocks], width)
}

/** True for a value that fits on the line of its name. */
function isSimple(value: Json): boolean {
  if (typeof value === 'string') return !value.trimEnd().includes('\n')
  return value === null || typeof value !== 'object' || Object.keys(value).length === 0
}

type JsonMap = Readonly<Record<string, Json>>

function isMap(value: Json): value is JsonMap {
  return typeof value === 'object' && value !== null && !isList(value)
}

/** Prints a block for each row and a line for each cell. Empty cells are left out. */
function blocks(rows: readonly Row[]): string {
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
function named(rows: readonly Row[], gap: string): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
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
