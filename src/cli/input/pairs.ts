import type { RawValue } from '../../router/values.js'
import { decodeJson, decodeUtf8 } from './json.js'

/**
 * The pairs in a file or in standard input: a JSON object, or a line `name=value` for each. White
 * space around names and values is not part of them.
 * @throws Error that names the fault and never repeats the content, which may be a secret.
 */
export function decodePairs(bytes: Uint8Array): RawValue {
  const text = decodeUtf8(bytes, 'it').trim()
  if (text === '') throw new Error('it is empty; to remove all pairs, write the name and "=" only')
  if (text.startsWith('{')) return decodeJson(bytes)
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().replace(/^(\w+)\s*=\s*/, '$1='))
}
