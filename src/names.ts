/** The form of a name in a path, without anchors. Also a valid pattern in Go. */
export const NAME_PATTERN = String.raw`\w(([\w-.]+)?\w)?`

/** A name becomes part of file names, aliases and tags, each with a limit of its own. */
export const MAX_NAME_LENGTH = 110
