import { constants, type Stats } from 'node:fs'
import { dirname, basename, join } from 'node:path'
import {
  apply,
  copyOf,
  failure,
  lose,
  statsOf,
  type FileNode,
  type FolderNode,
  type Node,
  type Random,
} from './nodes.js'

export type { Random }

/** The folder of the simulated disk. */
export const ROOT = '/keymgmt-histories'

/** Numbers above those of the operating system. */
const FIRST_DESCRIPTOR = 1_000_000

/**
 * A file system in memory, below `root`, with the functions of `node:fs` that the store uses. A
 * power failure loses what was not synced: of a file, all or the end of its content; of a folder,
 * any of its changes, in whatever order they were made.
 */
export class Disk {
  readonly root: string
  #numbers = 0
  #top: FolderNode
  readonly #open = new Map<number, Node>()

  constructor(root: string) {
    this.root = root
    this.#top = this.#folder()
  }

  has(target: unknown): boolean {
    if (typeof target === 'number') return target >= FIRST_DESCRIPTOR
    return (
      typeof target === 'string' && (target === this.root || target.startsWith(`${this.root}/`))
    )
  }

  /** Everything on the disk, to begin from it again. */
  save(): unknown {
    return copyOf(this.#top)
  }

  /** Continues on a copy. Returns a function that throws the copy away. */
  fork(): () => void {
    const original = this.#top
    this.reset(original)
    return () => {
      this.#top = original
    }
  }

  /** Begins from what was saved, or from nothing. */
  reset(saved?: unknown): void {
    this.#top = saved === undefined ? this.#folder() : copyOf(saved as FolderNode)
    this.#open.clear()
  }

  /** Loses what was not synced, as `random` says. */
  loseUnsynced(random: Random): void {
    lose(this.#top, random)
  }

  /** Copies a file as it is now, durably, as a backup does. Does nothing if there is none. */
  copyFile(from: string, to: string): void {
    const source = this.#find(from)
    if (source?.kind === 'file') this.putFiles(new Map([[to, source.content]]))
  }

  /** The names of all files below `folder`, with their content. */
  files(folder: string): Map<string, Buffer> {
    const found = new Map<string, Buffer>()
    const visit = (path: string, node: Node | undefined): void => {
      if (node?.kind === 'file') found.set(path, node.content)
      else for (const [name, child] of node?.entries ?? []) visit(join(path, name), child)
    }
    visit(folder, this.#find(folder))
    return found
  }

  /** Puts files into folders, which are created, durably. */
  putFiles(files: ReadonlyMap<string, Buffer>): void {
    for (const [path, content] of files) {
      this.#makeFolders(dirname(path))
      const [parent, name] = this.#place(path)
      const file: FileNode = { ...this.#file(0o600), content, synced: content }
      parent.entries.set(name, file)
      parent.synced.set(name, file)
    }
  }

  #makeFolders(path: string): void {
    if (this.#find(path)) return
    this.#makeFolders(dirname(path))
    const [parent, name] = this.#place(path)
    const folder = this.#folder()
    parent.entries.set(name, folder)
    parent.synced.set(name, folder)
  }

  readonly functions = {
    openSync: (path: string, flags: number | string, mode = 0o666): number => {
      const wanted = typeof flags === 'number' ? flags : constants.O_RDONLY
      let node = this.#find(path)
      if (node && (wanted & constants.O_EXCL) !== 0) throw failure('EEXIST', path)
      if (!node) {
        if ((wanted & constants.O_CREAT) === 0) throw failure('ENOENT', path)
        node = this.#file(mode)
        this.#change(path, node)
      }
      const descriptor = FIRST_DESCRIPTOR + ++this.#numbers
      this.#open.set(descriptor, node)
      return descriptor
    },
    closeSync: (descriptor: number): void => {
      this.#open.delete(descriptor)
    },
    fsyncSync: (descriptor: number): void => {
      const node = this.#opened(descriptor)
      if (node.kind === 'file') node.synced = node.content
      else {
        node.synced = new Map(node.entries)
        node.changes = []
      }
    },
    writeFileSync: (descriptor: number, data: Uint8Array): void => {
      const file = this.#opened(descriptor)
      if (file.kind === 'file') file.content = Buffer.concat([file.content, data])
    },
    readFileSync: (target: number | string, encoding?: BufferEncoding): Buffer | string => {
      const node = typeof target === 'number' ? this.#opened(target) : this.#required(target)
      if (node.kind === 'folder') throw failure('EISDIR', String(target))
      return encoding ? node.content.toString(encoding) : Buffer.from(node.content)
    },
    readSync: (
      descriptor: number,
      buffer: Buffer,
      offset: number,
      length: number,
      position: number,
    ): number => {
      const file = this.#opened(descriptor)
      if (file.kind === 'folder') throw failure('EISDIR', String(descriptor))
      return file.content.copy(buffer, offset, position, position + length)
    },
    fstatSync: (descriptor: number): Stats => statsOf(this.#opened(descriptor)),
    lstatSync: (path: string, options?: { throwIfNoEntry?: boolean }): Stats | undefined => {
      const node = this.#find(path)
      if (node) return statsOf(node)
      if (options?.throwIfNoEntry === false) return undefined
      throw failure('ENOENT', path)
    },
    statSync: (path: string): Stats => statsOf(this.#required(path)),
    mkdirSync: (path: string, { mode = 0o777 }: { mode?: number } = {}): void => {
      if (this.#find(path)) throw failure('EEXIST', path)
      this.#change(path, { ...this.#folder(), mode })
    },
    readdirSync: (path: string, options?: { withFileTypes?: boolean }): unknown[] => {
      const folder = this.#required(path)
      if (folder.kind === 'file') throw failure('ENOTDIR', path)
      return [...folder.entries].map(([name, node]) =>
        options?.withFileTypes ? { name, isDirectory: () => node.kind === 'folder' } : name,
      )
    },
    readlinkSync: (path: string): never => {
      throw failure('EINVAL', path)
    },
    renameSync: (from: string, to: string): void => {
      const node = this.#required(from)
      const target = this.#find(to)
      if (target?.kind === 'folder' && target.entries.size > 0) throw failure('ENOTEMPTY', to)
      const [source, sourceName] = this.#place(from)
      const [folder, name] = this.#place(to)
      if (source === folder)
        apply(folder, [
          [sourceName, undefined],
          [name, node],
        ])
      else {
        apply(folder, [[name, node]])
        apply(source, [[sourceName, undefined]])
      }
    },
    linkSync: (from: string, to: string): void => {
      if (this.#find(to)) throw failure('EEXIST', to)
      this.#change(to, this.#required(from))
    },
    copyFileSync: (from: string, to: string): void => {
      if (this.#find(to)) throw failure('EEXIST', to)
      const source = this.#required(from)
      if (source.kind === 'file')
        this.#change(to, { ...this.#file(source.mode), content: source.content })
    },
    unlinkSync: (path: string): void => {
      if (this.#required(path).kind === 'folder') throw failure('EISDIR', path)
      this.#change(path, undefined)
    },
    rmdirSync: (path: string): void => {
      const folder = this.#required(path)
      if (folder.kind === 'file') throw failure('ENOTDIR', path)
      if (folder.entries.size > 0) throw failure('ENOTEMPTY', path)
      this.#change(path, undefined)
    },
    rmSync: (path: string, { force = false }: { force?: boolean } = {}): void => {
      if (this.#find(path)) this.#change(path, undefined)
      else if (!force) throw failure('ENOENT', path)
    },
  }

  #file(mode: number): FileNode {
    return {
      kind: 'file',
      number: ++this.#numbers,
      mode,
      content: Buffer.alloc(0),
      synced: undefined,
    }
  }

  #folder(): FolderNode {
    const number = ++this.#numbers
    return {
      kind: 'folder',
      number,
      mode: 0o700,
      entries: new Map(),
      synced: new Map(),
      changes: [],
    }
  }

  #find(path: string): Node | undefined {
    const names = path.slice(this.root.length).split('/')
    let node: Node | undefined = this.#top
    for (const name of names) {
      if (name === '') continue
      if (node?.kind !== 'folder') return undefined
      node = node.entries.get(name)
    }
    return node
  }

  #required(path: string): Node {
    const node = this.#find(path)
    if (node) return node
    throw failure('ENOENT', path)
  }

  #place(path: string): readonly [FolderNode, string] {
    const parent = this.#required(dirname(path))
    if (parent.kind === 'file') throw failure('ENOTDIR', path)
    return [parent, basename(path)]
  }

  #change(path: string, node: Node | undefined): void {
    const [parent, name] = this.#place(path)
    apply(parent, [[name, node]])
  }

  #opened(descriptor: number): Node {
    const node = this.#open.get(descriptor)
    if (node) return node
    throw failure('EBADF', String(descriptor))
  }
}
