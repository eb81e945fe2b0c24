/**
 * Identifies one state of a record. Only the store that returned it can interpret it: it is a
 * file's number and digest, an ETag or a version. Compare revisions for equality only.
 */
export type Revision = string

/** One record, as the store returns it. */
export interface StoredRecord {
  /** Changes with each put. */
  readonly revision: Revision
  /** The caller's bytes. */
  readonly value: Uint8Array
}

/**
 * The versioning of the bucket that has a store: `enabled`; `suspended`, so that only versions from
 * before remain; `off`; or `unknown`, because the server does not report it.
 */
export type Versioning = 'enabled' | 'suspended' | 'off' | 'unknown'

/** A lock that this process holds. */
export interface Lock {
  /**
   * Returns true while no other process can have acquired the lock. A lock on S3 runs out if its
   * holder can't renew it, or was stopped.
   */
  isHeld(): boolean
  /** Releases the lock. Never throws, and has no effect if the lock is no longer held. */
  release(): Promise<void>
}

/** The locks of a process, in a store whose locks run out. */
export interface Leases {
  /**
   * Makes sure that every lock of this process lasts for `ms` more milliseconds.
   * @throws KeymgmtError STORE_LOCKED if a lock is lost or can't last that long.
   */
  outlast(ms: number): Promise<void>
}

/**
 * Stores records. A path consists of `/`-separated segments, such as `key/app`. Each segment
 * matches `NAME_PATTERN` and has at most `MAX_SEGMENT_LENGTH` characters (`names.ts`). Any two
 * different paths can both have a record: `key/app`, `key/App`, `key/app/one` and
 * `key/app.json/one`. Every function throws KeymgmtError FIELD_INVALID for an invalid path before
 * it does anything else. Every implementation passes `test/contract/store.test.ts`.
 */
export interface Store {
  /**
   * Returns the id of this store, which is unique and never changes. Creates the store if nothing
   * was written to it yet.
   */
  id(): Promise<string>

  /** Returns the record at `path`, or undefined if there is none. */
  get(path: string): Promise<StoredRecord | undefined>

  /**
   * Writes the record durably and returns its new revision. `expected` is the revision to replace;
   * undefined means that the record must not exist.
   * @throws KeymgmtError STORE_CONFLICT if the record has another revision. Nothing is changed.
   */
  put(path: string, value: Uint8Array, expected: Revision | undefined): Promise<Revision>

  /**
   * Returns the names directly below `path`, both of records and of folders that contain records.
   * Each name occurs once. They are sorted by code unit.
   */
  list(path: string): Promise<string[]>

  /**
   * Removes the record.
   * @throws KeymgmtError STORE_CONFLICT if the record has another revision or doesn't exist.
   */
  delete(path: string, expected: Revision): Promise<void>

  /**
   * Acquires the lock `name` (in the form of a path; no record of that name is needed) and keeps
   * out every other process that uses the store. `purpose` is shown to a process that waits for the
   * lock.
   * @throws KeymgmtError STORE_LOCKED, with the name of the holder, if the wait times out.
   */
  lock(name: string, purpose: string): Promise<Lock>

  /**
   * Present if a process can lose its locks without noticing. Another process may then have done
   * its work, and the condition of each put is what protects the records.
   */
  readonly leases?: Leases
}
