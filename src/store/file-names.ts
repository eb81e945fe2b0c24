import { join } from 'node:path'

const SEGMENT = /^\w(([\w-.]+)?\w)?$/

/**
 * The file below `root` that stands for `path`. No two paths share one, nor is one's file another's folder.
 * Capitals are written as in Go's module cache (`!a`), since some disks don't tell `App` from `app`.
 * @throws TypeError for a path that is none: it must not lead out of `root`.
 */
export function fileFor(root: string, path: string, suffix: '.json' | '.lock'): string {
  const segments = segmentsOf(path)
  const name = segments.pop() ?? ''
  return join(root, ...segments.map((segment) => folderName(segment, suffix)), `${escapeCapitals(name)}${suffix}`)
}

/** The folder below `root` that holds the files of the paths below `path`. */
export function folderFor(root: string, path: string, suffix: '.json' | '.lock'): string {
  return join(root, ...segmentsOf(path).map((segment) => folderName(segment, suffix)))
}

/** The segment that a folder, or a file without its suffix, was named for. */
export function segmentFor(name: string): string {
  return name.replace(/!$/, '').replace(/!([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function segmentsOf(path: string): string[] {
  const segments = path.split('/')
  if (!segments.every((segment) => SEGMENT.test(segment))) throw new TypeError(`not the path of a record: ${JSON.stringify(path)}`)
  return segments
}

/** The records `app` and `app.json/one` may both exist: the mark keeps the folder apart from the file. */
function folderName(segment: string, suffix: string): string {
  return `${escapeCapitals(segment)}${segment.toLowerCase().includes(suffix) ? '!' : ''}`
}

function escapeCapitals(segment: string): string {
  return segment.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`)
}
