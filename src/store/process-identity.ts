import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname, uptime } from 'node:os'

/** Identifies a process on all machines. A part is null if the process couldn't find it out. */
export interface ProcessIdentity {
  readonly host: string
  /** The id of the machine's installation. */
  readonly machine: string | null
  /** A random id that the kernel chooses when it starts: equal on the same running machine only. */
  readonly boot: string | null
  /**
   * The namespace of the pid. Containers can share a host name without sharing pids, and the first
   * namespace has the same number on every machine.
   */
  readonly pids: string | null
  readonly pid: number
  /** The start of the process in ticks since boot: a later process with the same pid differs. */
  readonly start: string | null
}

/** Returns the identity of this process. */
export function identifyProcess(): ProcessIdentity {
  return {
    host: hostname(),
    machine: machineId(),
    boot: bootId(),
    pids: pidNamespace(),
    pid: process.pid,
    start: startOf(process.pid),
  }
}

/**
 * Returns true if the process `other`, seen alive at `since`, has certainly ended. A fact that
 * either process doesn't know proves nothing.
 */
export function hasEnded(
  other: ProcessIdentity,
  since: string,
  self: ProcessIdentity = identifyProcess(),
): boolean {
  if (sharesPids(other, self)) {
    const start = startOf(other.pid)
    return !isAlive(other.pid) || (other.start !== null && start !== null && start !== other.start)
  }
  // The machine has restarted since then. The time guards against copies of a machine's disk.
  return (
    areEqual(other.machine, self.machine) &&
    other.host === self.host &&
    isKnown(other.boot) &&
    isKnown(self.boot) &&
    other.boot !== self.boot &&
    Date.parse(since) < Date.now() - uptime() * 1000
  )
}

/** Returns true if `other` and this process run on the same machine and share pids. */
export function sharesPids(
  other: ProcessIdentity,
  self: ProcessIdentity = identifyProcess(),
): boolean {
  return (
    other.host === self.host &&
    areEqual(other.boot, self.boot) &&
    // Many containers have no machine id. The boot id alone already differs between machines.
    other.machine === self.machine &&
    // Other platforms have no such namespaces.
    (process.platform === 'linux' ? areEqual(other.pids, self.pids) : true)
  )
}

function isKnown(fact: string | null | undefined): fact is string {
  return typeof fact === 'string' && fact !== ''
}

function areEqual(one: string | null, other: string | null): boolean {
  return isKnown(one) && one === other
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function machineId(): string | null {
  return textOf('/etc/machine-id') ?? textOf('/var/lib/dbus/machine-id')
}

let macBootId: string | null | undefined

function bootId(): string | null {
  if (process.platform !== 'darwin') return textOf('/proc/sys/kernel/random/boot_id')
  try {
    macBootId ??= execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    macBootId = null
  }
  return macBootId
}

/** Start times of different time namespaces can't be compared, so that namespace counts too. */
function pidNamespace(): string | null {
  const pids = namespaceOf('pid')
  return pids && [pids, namespaceOf('time') ?? []].flat().join(' ')
}

function namespaceOf(kind: 'pid' | 'time'): string | null {
  try {
    return readlinkSync(`/proc/self/ns/${kind}`)
  } catch {
    return null
  }
}

function startOf(pid: number): string | null {
  try {
    // A /proc of another namespace describes other processes under the same pids.
    if (readlinkSync('/proc/self') !== String(process.pid)) return null
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name is in parentheses and may contain any character. The other fields follow
    // the last parenthesis.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

/** Returns the text of a small file; null if it is empty or can't be read. */
function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim() || null
  } catch {
    return null
  }
}
