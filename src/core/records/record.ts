import type { KeymgmtError } from '../../errors.js'
import type { Revision, Store } from '../../store/store.js'
import { decodeRecord, encodeRecord } from './codec.js'

/** An open record, whose changes are written in order. */
export interface RecordHandle<R extends object> {
  readonly path: string
  /** The record as last written. */
  readonly current: R
  /**
   * Writes `change(current)`, and resolves when it is on disk. Changes that are requested together,
   * or during a write, are applied in order and written together.
   */
  update(change: (current: R) => R): Promise<R>
  remove(): Promise<void>
}

/** Returns the record at `path`, or undefined. */
export async function openRecord<R extends object>(
  store: Store,
  path: string,
): Promise<RecordHandle<R> | undefined> {
  const stored = await store.get(path)
  return stored && createHandle(store, path, decodeRecord(path, stored.value) as R, stored.revision)
}

/**
 * Writes a new record.
 * @throws KeymgmtError STORE_CONFLICT when there is one.
 */
export async function createRecord<R extends object>(
  store: Store,
  path: string,
  record: R,
): Promise<RecordHandle<R>> {
  return createHandle(store, path, record, await store.put(path, encodeRecord(record), undefined))
}

function createHandle<R extends object>(
  store: Store,
  path: string,
  record: R,
  revision: Revision,
): RecordHandle<R> {
  let current = record
  let known = revision
  let queue: Promise<unknown> = Promise.resolve()
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work)
    // A failed write fails its callers. Later writes in the queue then conflict, because `known` is
    // the old revision.
    queue = result.catch(() => undefined)
    return result
  }
  /** Changes that wait for the current write to end. The next write takes all of them. */
  let waiting: ((current: R) => R)[] = []
  let next: Promise<R> | undefined
  const write = async (): Promise<R> => {
    // A synchronous write blocks the event loop. First let the replies that have already arrived
    // add their changes to this write.
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    const changes = waiting
    waiting = []
    next = undefined
    const changed = changes.reduce((record, change) => change(record), current)
    known = await store.put(path, encodeRecord(changed), known)
    current = changed
    return changed
  }
  return {
    path,
    get current() {
      return current
    },
    update: (change) => {
      waiting.push(change)
      next ??= inOrder(write)
      return next
    },
    remove: () => inOrder(() => store.delete(path, known)),
  }
}

/** Returns the record at `path`. @throws KeymgmtError that `missing` returns. */
export async function requireRecord<R extends object>(
  store: Store,
  path: string,
  missing: () => Promise<KeymgmtError>,
): Promise<RecordHandle<R>> {
  const found = await openRecord<R>(store, path)
  if (!found) throw await missing()
  return found
}
