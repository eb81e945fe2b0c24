import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'

/*
 * A file is opened first, and the open file is checked: between a check of a name and its use, the
 * name can be given to another file. To open a FIFO or a device must not wait.
 */

/** Flags to open a file that is checked then. Windows does not have O_NONBLOCK. */
export const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK

/** A file that is not regular, or too large. Its message continues a sentence. */
export class UnsuitableFileError extends Error {}

/** Bounds and checks of a file that is read. */
export interface FileLimits {
  /** In bytes. */
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
