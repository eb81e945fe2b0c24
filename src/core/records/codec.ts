import { KeymgmtError } from '../../errors.js'

/** The format of the records that this version writes, and the only one that it reads. */
const FORMAT = 2

/** The format of records that do not name one. */
const FIRST_FORMAT = 1

/**
 * Returns the stored form of a record: JSON with the format, and with fields in snake_case. The
 * reverse is {@link decodeRecord}.
 */
export function encodeRecord(record: object): Uint8Array {
  return Buffer.from(JSON.stringify(renameFields({ format: FORMAT, ...record }, toSnakeCase)))
}

/**
 * Returns the record in `bytes`, without its format. The seal has proven that keymgmt wrote them,
 * so only the format is checked.
 * @throws KeymgmtError STORE_CORRUPT; STORE_VERSION for a record of another format.
 */
export function decodeRecord(path: string, bytes: Uint8Array): unknown {
  const { format = FIRST_FORMAT, ...record } = parseRecord(path, bytes)
  if (format === FORMAT) return renameFields(record, toCamelCase)
  throw typeof format === 'number' && format < FORMAT
    ? new KeymgmtError(
        'STORE_VERSION',
        `record ${path} has format ${format}, which this version of keymgmt no longer reads`,
        { hints: ['use the older version of keymgmt that wrote it, or create a new store'] },
      )
    : new KeymgmtError(
        'STORE_VERSION',
        `record ${path} has format ${String(format)}, which this version of keymgmt does not know`,
        { hints: ['use the newer version of keymgmt that wrote it'] },
      )
}

function parseRecord(path: string, bytes: Uint8Array): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString())
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
  } catch {
    // Reported below, without what the parser quotes of the record.
  }
  throw new KeymgmtError('STORE_CORRUPT', `the record ${path} has no valid content`)
}

/**
 * Objects whose field names are the same in both forms: the names of credentials and tags are data,
 * and format 2 stores the fields of an endpoint in camelCase.
 */
const VERBATIM: readonly string[] = ['credentials', 'endpoint', 'tags']

/** Renames the fields of `value` and of all objects in it. */
function renameFields(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => renameFields(each, rename))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      rename(name),
      VERBATIM.includes(name) ? each : renameFields(each, rename),
    ]),
  )
}

function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function toCamelCase(name: string): string {
  return name.replace(/_[a-z]/g, (pair) => pair.charAt(1).toUpperCase())
}
