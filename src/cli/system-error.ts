import { KeymgmtError } from '../errors.js'

interface Failure {
  readonly reason: string
  readonly hint?: string
}

/** Error codes of the operating system, in words. */
const FAILURES = new Map<string, Failure>([
  ['EACCES', { reason: 'permission denied', hint: 'check its owner and its mode' }],
  ['EPERM', { reason: 'operation not permitted', hint: 'check its owner, mode and attributes' }],
  ['ENOENT', { reason: 'no such file or directory' }],
  ['EISDIR', { reason: 'is a directory' }],
  ['ENOTDIR', { reason: 'not a directory', hint: 'a part of this path is a file: name a folder' }],
  ['EEXIST', { reason: 'it already exists' }],
  ['ENAMETOOLONG', { reason: 'file name too long' }],
  ['ELOOP', { reason: 'too many symbolic links' }],
  [
    'ENOSPC',
    { reason: 'no space left on device', hint: 'free some space, then run the command again' },
  ],
  [
    'EDQUOT',
    { reason: 'disk quota exceeded', hint: 'free some space, then run the command again' },
  ],
  ['EROFS', { reason: 'read-only file system' }],
  ['EFBIG', { reason: 'file too large', hint: 'raise the limit on file size (ulimit -f)' }],
  ['EIO', { reason: 'input/output error', hint: 'check the disk' }],
  ['EBADF', { reason: 'bad file descriptor' }],
  ['EMFILE', { reason: 'too many open files', hint: 'raise the limit (ulimit -n)' }],
  [
    'EADDRINUSE',
    { reason: 'address already in use', hint: 'use another port, or 0 for a free one' },
  ],
  ['EADDRNOTAVAIL', { reason: 'this machine does not have that address' }],
])

/** The failed action on a path or an address, by the name of the system call. */
const VERBS = new Map([
  ['open', 'opened'],
  ['read', 'read'],
  ['readlink', 'read'],
  ['scandir', 'listed'],
  ['stat', 'examined'],
  ['lstat', 'examined'],
  ['access', 'examined'],
  ['mkdir', 'created'],
  ['mkdtemp', 'created'],
  ['write', 'written'],
  ['fsync', 'written'],
  ['ftruncate', 'written'],
  ['rename', 'renamed'],
  ['link', 'linked'],
  ['symlink', 'created'],
  ['unlink', 'removed'],
  ['rmdir', 'removed'],
  ['rm', 'removed'],
  ['chmod', 'changed'],
  ['fchmod', 'changed'],
  ['listen', 'listened on'],
  ['bind', 'listened on'],
  ['spawn', 'started'],
])

/** Returns the words for an error of the operating system, such as "permission denied". */
export function systemReason(error: unknown): string {
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException
  return FAILURES.get(code)?.reason ?? `it failed (${code || 'unknown'})`
}

/**
 * Converts an error of the operating system, such as EACCES, and names the path or the address;
 * undefined for any other error.
 */
export function systemError(error: unknown): KeymgmtError | undefined {
  const { code, syscall = '', errno } = (error ?? {}) as NodeJS.ErrnoException
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code) || typeof errno !== 'number')
    return undefined
  const verb = VERBS.get(syscall.split(' ')[0] ?? '') ?? 'used'
  const { hint = 'fix that, then run the command again' } = FAILURES.get(code) ?? {}
  return new KeymgmtError(
    'SYSTEM_FAILED',
    `${subjectOf(error)} can't be ${verb}: ${systemReason(error)}`,
    { hints: [hint], cause: error },
  )
}

function subjectOf(error: unknown): string {
  const { path, dest, address, port, syscall } = error as NodeJS.ErrnoException & {
    readonly dest?: string
    readonly address?: string
    readonly port?: number
  }
  if (path !== undefined) return dest === undefined ? path : `${path} (as ${dest})`
  if (address !== undefined) return port === undefined ? address : `${address}:${port}`
  return syscall === undefined ? 'a file' : `a file (${syscall})`
}
