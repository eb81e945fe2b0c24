import { readFileSync, readlinkSync } from 'node:fs'

/** Returns the namespace of this process's pid; null on platforms without namespaces. */
export function pidNamespace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return null
  }
}

/**
 * Returns the start of a process in ticks since a boot with an id, which Linux reports. On other
 * platforms, a process that reuses a pid passes for the earlier one.
 */
export function startOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name is in parentheses and may contain any character. The other fields follow
    // the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return `${boot}:${fields[19] ?? ''}`
  } catch {
    return null
  }
}
