import { isList, type Json, type RawValue } from '../../router/values.js'

/** Maximum nesting. No request is nested this deep, and a deeper value could overflow the stack. */
const MAX_DEPTH = 100

/**
 * Decodes JSON in UTF-8, with or without a byte order mark. The last of two equal names wins, and
 * numbers must be whole numbers that a double represents exactly.
 * @throws Error that names the fault. It never repeats the content, which may be a secret.
 */
export function decodeJson(bytes: Uint8Array): RawValue {
  const text = decodeUtf8(bytes, 'the JSON')
  if (text.trim() === '') throw new Error('the JSON is empty')
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    throw syntaxError(text, (error as Error).message)
  }
  return toRawValue(value, 0)
}

/** Decodes UTF-8 text, and removes a byte order mark. @throws Error about `subject` */
export function decodeUtf8(bytes: Uint8Array, subject: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error(`${subject} is not UTF-8 text; save the file as UTF-8`)
  }
}

/** Takes only the position from V8's message, which otherwise quotes the text. */
function syntaxError(text: string, message: string): Error {
  const position = / JSON at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message)?.[1]
  if (position === undefined) return new Error('the input is not valid JSON')
  const lines = text.slice(0, Number(position)).split('\n')
  const column = (lines.at(-1)?.length ?? 0) + 1
  return new Error(`the input is not valid JSON (line ${lines.length}, column ${column})`)
}

function toRawValue(value: Json, depth: number): RawValue {
  if (depth > MAX_DEPTH) throw new Error(`the JSON is nested more than ${MAX_DEPTH} levels deep`)
  if (isList(value)) return value.map((element) => toRawValue(element, depth + 1))
  if (typeof value === 'object' && value !== null)
    return new Map(
      Object.entries(value).map(([name, inner]) => [name, toRawValue(inner, depth + 1)]),
    )
  // JSON.parse would round or rewrite such a number: 1.10 becomes 1.1.
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new Error(
      'the JSON contains a number that is not a whole number of at most 15 digits; write it in double quotes',
    )
  return value
}
