import type { Json } from '../../router/values.js'

/** An answer to be printed. */
export interface SecretResponse {
  /** Makes the id, which not every format shows. */
  readonly requestId: () => string
  readonly data: Readonly<Record<string, Json>> | null
  readonly warnings: readonly string[]
  /** Rows to print for a person instead of the data. */
  readonly rows?: readonly Readonly<Record<string, string>>[]
}

/** Options for printing. */
export interface PrintOptions {
  /** True to print control characters as escapes. */
  readonly escapeControls: boolean
  /**
   * Columns of the terminal, which what a person reads should fit; undefined where there is none.
   */
  readonly columns?: number | undefined
}

/**
 * A way to print answers; no text ends with a newline, but for a field in YAML, where it is a part
 * of the value's form.
 */
export interface Format {
  /** True if it prints sentences too: success lines and warnings. */
  readonly humanReadable: boolean
  readonly secret: (response: SecretResponse, options: PrintOptions) => string
  readonly list: (keys: readonly string[], options: PrintOptions) => string
  /** The text of an empty list; empty if nothing is printed for one. */
  readonly emptyList: () => string
  readonly field: (value: Json, options: PrintOptions) => string
}

/** The names and values around an answer's data, in Vault's order. Nothing here has a lease. */
export function envelope({
  requestId,
  data,
  warnings,
}: SecretResponse): readonly (readonly [string, Json])[] {
  return [
    ['request_id', requestId()],
    ['lease_id', ''],
    ['lease_duration', 0],
    ['renewable', false],
    ['data', data],
    ['warnings', warnings.length > 0 ? warnings : null],
    ['mount_type', 'keymgmt'],
  ]
}

/**
 * The value of `-field=name` in a response: a part of its envelope, all of its data, or a field of
 * that.
 */
export function selectField(response: SecretResponse, name: string): Json | undefined {
  const data = response.data ?? {}
  if (name === 'data') return data.data ?? response.data
  if (name === 'refresh_interval') return 0
  const ofEnvelope = new Map(envelope(response))
  if (['lease_duration', 'lease_id', 'request_id', 'renewable'].includes(name))
    return ofEnvelope.get(name)
  return Object.hasOwn(data, name) ? data[name] : undefined
}
