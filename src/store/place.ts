import type { Store } from './store.js'

/** A short text of a store, such as its header. It is changed by compare-and-set. */
export interface StoredText {
  /** Returns the text; undefined if there is none. */
  read(): Promise<string | undefined>
  /**
   * Writes the text durably, or removes it if it is undefined. Returns false, and changes nothing,
   * if the current text is not `expected`.
   */
  replace(text: string | undefined, expected: string | undefined): Promise<boolean>
}

/** The place of a sealed store. Its records are sealed bytes here. */
export interface StorePlace {
  /** The folder or the URL. */
  readonly name: string
  /** The records as they are stored, and the locks. */
  readonly records: Store
  /** The header, with the wrapped root key. */
  readonly header: StoredText
  /** The state, as `state.ts` describes it. */
  readonly state: StoredText
  /** Returns true if there is a record. */
  holdsRecords(): Promise<boolean>
  /** Returns the paths of all records, in no order. */
  paths(): Promise<readonly string[]>
  /**
   * Waits until all locks that are held now, except the lock `own`, are released. Every command
   * that takes a lock later sees a header or a state that was written before.
   * @throws KeymgmtError STORE_LOCKED if the wait times out.
   */
  awaitLocks(own: string): Promise<void>
}
