import { isList, type RawValue } from './values.js'

/** A longer value in a message is noise, and may be a secret in the wrong field. */
const MAX_SHOWN = 32

/** Text in double quotes; characters that are not printable are escaped. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    /(?! )[\p{C}\p{Z}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}

/**
 * `text` for an error message: quoted if it is short and was typed as an argument, else only its
 * length. `raw` is the value that `text` comes from; what a file or standard input contains is
 * never repeated.
 */
export function quoteValue(text: string, raw: RawValue): string {
  const isTyped = !(isList(raw) ? raw : [raw]).some((part) => part instanceof Uint8Array)
  return isTyped && text.length <= MAX_SHOWN ? quote(text) : `a text of ${text.length} characters`
}
