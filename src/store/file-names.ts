import { join } from 'node:path'
import { escapeCapitals, segmentsOf } from './path.js'

const EXTENSION = '.json'

/**
 * The file below `root` that holds the record at `path`. No two paths share one, and none is
 * another's folder.
 */
export function fileOf(root: string, path: string): string {
  const segments = segmentsOf(path)
  const name = segments.pop() ?? ''
  return join(root, ...segments.map(folderName), `${escape(name)}${EXTENSION}`)
}

/** The folder below `root` that holds the records below `path`. */
export function folderOf(root: string, path: string): string {
  return join(root, ...segmentsOf(path).map(folderName))
}

/** The last segment of the path whose record a file holds; undefined for a file that holds none. */
export function nameOfFile(file: string): string | undefined {
  return file.endsWith(EXTENSION) ? nameOfFolder(file.slice(0, -EXTENSION.length)) : undefined
}

/** The segment that a folder stands for. */
export function nameOfFolder(folder: string): string {
  return folder.replace(/!([a-z]?)/g, (_, letter: string) => letter.toUpperCase())
}

/**
 * The folder of `app.json/one` must not be in the way of the file of `app`. A mark before no letter
 * means nothing.
 */
function folderName(segment: string): string {
  const name = escape(segment)
  return name.endsWith(EXTENSION) ? `${name}!` : name
}

/** Windows keeps these names, whatever their extension, for devices; the marked `con!` is free. */
function escape(segment: string): string {
  return escapeCapitals(segment).replace(/^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/, '$1!')
}
