import type { RawValue } from '../../router/values.js'
import { decodeJson, decodeUtf8 } from './json.js'

/**
 * Decodes the pairs in a file or in standard input: a JSON object, or one line `name=value` for
 * each pair. Ignores white space around names and values.
 * @throws Error that names the fault and never repeats the content, which may be a secret.
 */
export function decodePairs(bytes: Uint8Array): RawValue {
  const text = decodeUtf8(bytes, 'it').trim()
  if (text === '') throw new Error('it is empty; to remove all pairs, write the name and "=" only')
  if (text.startsWith('{')) return decodeJson(bytes)
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().replace(/^([^=]+?)\s*=\s*/, '$1='))
}
