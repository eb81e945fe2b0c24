/** A longer text in a message is noise, and may be a secret in the wrong place. */
const MAX_SHOWN = 32

/** Text that is safe to repeat: short, and without the characters of most secrets. */
const PLAIN = new RegExp(`^[A-Za-z0-9_.,:/-]{0,${MAX_SHOWN}}$`)

/** Words as fields and settings are named: one case, no digits. Encoded secrets look different. */
const WORDS = /^(?:[A-Z]?[a-z]+|[A-Z]+)(?:[_-](?:[A-Z]?[a-z]+|[A-Z]+))*$/

/** A path with an extension, and no segment as long as an encoded secret. */
const FILE = /^[\w./-]{0,200}\/?[\w-]+\.[a-z]{1,5}$/
const LONG_SEGMENT = new RegExp(`[^/]{${MAX_SHOWN + 1}}`)

/** Text in double quotes; characters that are not printable are escaped. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    /(?! )[\p{C}\p{Z}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}

/** True if an error may repeat `text`, which was typed as an argument. */
export function isPlain(text: string): boolean {
  return PLAIN.test(text)
}

/** An argument or a value for an error message: quoted if it is plain, else only its length. */
export function quotePlain(text: string): string {
  return isPlain(text) ? quote(text) : hidden(text)
}

/** A name that may be part of a secret: quoted if it consists of words, else only its length. */
export function quoteName(name: string): string {
  return name.length <= MAX_SHOWN && WORDS.test(name) ? quote(name) : hidden(name)
}

/** True if an error may repeat the name of a file: it is plain, or looks like a path. */
export function isFileName(name: string): boolean {
  return isPlain(name) || (FILE.test(name) && !LONG_SEGMENT.test(name))
}

/** What an error says of a text that it must not repeat. */
export function hidden(text: string): string {
  return text.length === 1 ? 'a text of 1 character' : `a text of ${text.length} characters`
}
