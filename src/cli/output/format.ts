import type { Json } from '../../router/values.js'

/** A response to print. */
export interface SecretResponse {
  /** Creates the request id, which not every format shows. */
  readonly requestId: () => string
  readonly data: Readonly<Record<string, Json>> | null
  readonly warnings: readonly string[]
  /** Rows that a person sees instead of the data. */
  readonly rows?: readonly Readonly<Record<string, string>>[]
}

/** Options for printing. */
export interface PrintOptions {
  /** True to print control characters as escapes. */
  readonly escapeControls: boolean
  /** Columns of the terminal; undefined if the output is not a terminal. */
  readonly columns?: number | undefined
}

/**
 * An output format. No text ends with a newline, except a field in YAML, where the newline is part
 * of the value's form.
 */
export interface Format {
  /** True if it also prints sentences, such as success lines and warnings. */
  readonly humanReadable: boolean
  readonly secret: (response: SecretResponse, options: PrintOptions) => string
  readonly list: (keys: readonly string[], options: PrintOptions) => string
  /** Returns the text of an empty list; empty to print nothing. */
  readonly emptyList: () => string
  readonly field: (value: Json, options: PrintOptions) => string
}

/**
 * Returns the names and values around a response's data, in Vault's order. No response has a lease.
 */
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
 * Returns the value of `-field=name` in a response: a part of its envelope, all of its data, or a
 * field of the data.
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
