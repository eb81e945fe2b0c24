import type { Stats } from 'node:fs'

/** Returns a number from 0 to 1, without 1. */
export type Random = () => number

export interface FileNode {
  readonly kind: 'file'
  readonly number: number
  mode: number
  content: Buffer
  /** The content that a power failure leaves; undefined before the first sync. */
  synced: Buffer | undefined
}

/** Entries of a folder that change together: those of a rename survive together or not at all. */
export type Change = readonly (readonly [name: string, node: Node | undefined])[]

export interface FolderNode {
  readonly kind: 'folder'
  readonly number: number
  mode: number
  entries: Map<string, Node>
  /** The entries that a power failure leaves at least. */
  synced: Map<string, Node>
  /** Changes since the last sync. A power failure leaves any of them. */
  changes: Change[]
}

export type Node = FileNode | FolderNode

export function apply(folder: FolderNode, change: Change): void {
  for (const [name, node] of change) {
    if (node) folder.entries.set(name, node)
    else folder.entries.delete(name)
  }
  folder.changes.push(change)
}

export function lose(node: Node, random: Random): void {
  if (node.kind === 'file') {
    if (node.synced !== node.content) {
      const length = Math.floor(random() * 3) * 0.5 * node.content.length
      node.content =
        random() < 0.5 ? (node.synced ?? Buffer.alloc(0)) : node.content.subarray(0, length)
      node.synced = node.content
    }
    return
  }
  const survivors = node.changes.filter(() => random() < 0.5)
  node.entries = node.synced
  node.changes = []
  for (const change of survivors) apply(node, change)
  node.synced = new Map(node.entries)
  node.changes = []
  for (const child of node.entries.values()) lose(child, random)
}

/** A copy of a node and of all below it, with what was not synced. */
export function copyOf<T extends Node>(original: T, known = new Map<Node, Node>()): T {
  const copied = known.get(original)
  if (copied) return copied as T
  const node = { ...original }
  known.set(original, node)
  if (node.kind === 'folder') {
    const copyEntries = (entries: Iterable<readonly [string, Node]>) =>
      new Map([...entries].map(([name, child]) => [name, copyOf(child, known)]))
    node.entries = copyEntries(node.entries)
    node.synced = copyEntries(node.synced)
    node.changes = node.changes.map((change) =>
      change.map(([name, child]) => [name, child && copyOf(child, known)] as const),
    )
  }
  return node
}

export function statsOf(node: Node): Stats {
  return {
    isFile: () => node.kind === 'file',
    isDirectory: () => node.kind === 'folder',
    isSymbolicLink: () => false,
    mode: node.mode,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    ino: node.number,
    size: node.kind === 'file' ? node.content.length : 0,
  } as unknown as Stats
}

export function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, path })
}
