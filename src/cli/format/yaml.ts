import { stringify } from 'yaml'
import { envelope, type Format } from './format.js'

/** YAML that readers of either version of the language take the same way, as Vault's is. */
export const yaml: Format = {
  speaks: false,
  secret: (response) => write(Object.fromEntries(envelope(response))),
  list: (keys) => write(keys),
  emptyList: () => '{}',
  field: (value) => write(value),
}

function write(value: unknown): string {
  return stringify(value, {
    version: '1.1',
    indentSeq: false,
    sortMapEntries: ({ key: one }, { key: other }) => naturally(String(one), String(other)),
  }).trimEnd()
}

function naturally(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true })
}
