import { join } from 'node:path'
import { escapeCapitals, segmentsOf } from './path.js'

const EXTENSION = '.json'

/**
 * Returns the file below `root` for the record at `path`. Different paths have different files, and
 * no file has the name of another record's folder.
 */
export function fileOf(root: string, path: string): string {
  const segments = segmentsOf(path)
  const name = segments.pop() ?? ''
  return join(root, ...segments.map(folderName), `${escape(name)}${EXTENSION}`)
}

/** Returns the folder below `root` for the records below `path`. */
export function folderOf(root: string, path: string): string {
  return join(root, ...segmentsOf(path).map(folderName))
}

/** Returns the last segment of a record's path from its file name; undefined for other files. */
export function nameOfFile(file: string): string | undefined {
  return file.endsWith(EXTENSION) ? nameOfFolder(file.slice(0, -EXTENSION.length)) : undefined
}

/** Returns the segment of a path from its folder's name. */
export function nameOfFolder(folder: string): string {
  return folder.replace(/!([a-z]?)/g, (_, letter: string) => letter.toUpperCase())
}

/**
 * Marks a folder name that ends like a file, because the folder of `app.json/one` must differ from
 * the file of `app`. A `!` without a letter after it is removed when the name is read.
 */
function folderName(segment: string): string {
  const name = escape(segment)
  return name.endsWith(EXTENSION) ? `${name}!` : name
}

/** Windows reserves these names for devices, with any extension. A name such as `con!` is free. */
function escape(segment: string): string {
  return escapeCapitals(segment).replace(/^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/, '$1!')
}
