import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'

/*
 * Open a file first, and then check the open file: between the check of a name and its use,
 * somebody can move another file to that name. Opening must not block on a FIFO or a device.
 */

/** Flags to open a file that is checked afterwards. Windows does not have O_NONBLOCK. */
export const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK

/**
 * Thrown for a file that is not regular, or that is too large. The message continues a sentence
 * whose subject is the file.
 */
export class UnsuitableFileError extends Error {}

/** Limits on a file to read. */
export interface FileLimits {
  /** The maximum size in bytes. */
  readonly maxSize: number
  readonly flags?: number
  /** Throws an error for a file that is not accepted. */
  readonly check?: (stats: Stats) => void
}

/**
 * Returns the content of a regular file.
 * @throws UnsuitableFileError, or the error of the operating system.
 */
export function readRegularFile(
  file: string,
  { maxSize, flags = READ_ONLY, check }: FileLimits,
): Buffer {
  const descriptor = openSync(file, flags)
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw new UnsuitableFileError('is not a regular file')
    check?.(stats)
    if (stats.size > maxSize) throw new UnsuitableFileError(`has more than ${maxSize} bytes`)
    return readFileSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
