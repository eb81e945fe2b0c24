/** One record as a store keeps it. */
export interface StoredRecord {
  /** 1 for the first put of a path, one more with every further put. */
  readonly revision: number
  /** The caller's bytes. */
  readonly value: Uint8Array
}

/** A held lock. */
export interface Lock {
  /** Lets the next one in. Never throws: a lock that is gone is a lock released. */
  release(): Promise<void>
}

/**
 * Where records live. Paths are `/`-separated segments that each match `\w(([\w-.]+)?\w)?` and have
 * at most 240 characters, of which a capital counts as two; such as `key/app`. Any two paths may
 * both have a record, whatever they are: `key/app`, `key/App`, `key/app/one` and
 * `key/app.json/one`. Every function throws KeymgmtError FIELD_INVALID for what is no path, before
 * it does anything. Every implementation passes `test/contract/store.test.ts`.
 */
export interface Store {
  /**
   * Names this store among all others, and never changes. A store that was never written is made by
   * this as by a write.
   */
  id(): Promise<string>

  /** The record at `path`, or undefined when there is none. */
  get(path: string): Promise<StoredRecord | undefined>

  /**
   * Writes the record durably and returns its new revision, `expectedRevision + 1`. 0 means that
   * there must be none yet.
   * @throws KeymgmtError STORE_CONFLICT when the record's revision is another one; nothing is
   * changed then.
   */
  put(path: string, value: Uint8Array, expectedRevision: number): Promise<number>

  /**
   * The names directly below `path` (records and folders that hold records), sorted by code unit,
   * each once.
   */
  list(path: string): Promise<string[]>

  /**
   * Removes the record.
   * @throws KeymgmtError STORE_CONFLICT when the record's revision is another one, or it is not
   * there.
   */
  delete(path: string, expectedRevision: number): Promise<void>

  /**
   * Takes the lock called `name` (same form as a path; it needs no record of that name) and holds
   * it against every other process that uses the store. `purpose` is shown to whoever waits for it.
   * @throws KeymgmtError STORE_LOCKED, naming the holder, when the wait ends without it.
   */
  lock(name: string, purpose: string): Promise<Lock>
}
