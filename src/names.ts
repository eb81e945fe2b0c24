/**
 * The form of a name, and of each segment of a record's path: the source of a regular expression,
 * which is also valid in Go.
 */
export const NAME_PATTERN = String.raw`\w(([\w-.]+)?\w)?`

/**
 * The longest segment of a record's path. A capital counts as two characters, because it is stored
 * as two. A file name has at most 255 characters, which leaves 15 for a prefix and an extension.
 */
export const MAX_SEGMENT_LENGTH = 240

/**
 * Characters reserved for a suffix: the archive appends `-<Unix time>` to a name, which takes 11
 * characters.
 */
const RESERVED_SUFFIX_LENGTH = 20

/** The longest name of a key or a provider. It fits a record's path even if it is all capitals. */
export const MAX_NAME_LENGTH = Math.floor((MAX_SEGMENT_LENGTH - RESERVED_SUFFIX_LENGTH) / 2)
