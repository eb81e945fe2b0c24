import type { RootKey, SealEntry } from '../../crypto/root-key.js'
import type { KeymgmtError } from '../../errors.js'

/** A KMS key that seals stores. */
export interface SealingKmsKey {
  /** Returns the facts that decide if it can seal a store; undefined if AWS does not have it. */
  describe(): Promise<
    | { readonly state: string; readonly isExternal: boolean; readonly isSymmetric: boolean }
    | undefined
  >
  /** Encrypts the root key, in an encryption context. */
  encrypt(plaintext: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>
  /** Decrypts what was encrypted in the same context. The caller wipes the result. */
  decrypt(ciphertext: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>
}

/** The means that open a store, or that seal a new one. */
export interface SealMeans {
  /** Returns the location of the keyfile of the store with this id. */
  readonly keyfileOf: (storeId: string) => string
  /**
   * Returns the passphrase that opens the store, or that seals a new one; undefined if the user
   * gives none. Asks the user only if `mayAsk` is true. The bytes are wiped after use.
   */
  readonly passphrase?:
    ((to: 'open' | 'create', mayAsk: boolean) => Promise<Uint8Array | undefined>) | undefined
  /** A file with age identities. */
  readonly ageIdentityFile?: string | undefined
  /** Opens the KMS key with this ARN. Sends no request. */
  readonly kmsKey?: ((arn: string) => Promise<SealingKmsKey>) | undefined
}

/** A new seal. */
export interface NewSeal {
  /** True if it has opened the root key once; false if nothing here can open it. */
  readonly isProven: boolean
  /** The seal, as the header has it. */
  readonly entry: SealEntry
  /** The keyfile that was created for it. */
  readonly createdFile?: string | undefined
}

/** The root key, which the caller wipes; or the reason why the seal could not be tried here. */
export type Unwrapped = { readonly key: Uint8Array } | { readonly missing: KeymgmtError }

/** One kind of seal. */
export interface Seal {
  /**
   * Wraps the root key of a store with a new seal, and proves that the seal opens it, if it can.
   * @throws KeymgmtError SEAL_REFUSED if `id` can't seal this store, or an error of the means.
   */
  wrap(root: RootKey, id: string | undefined, means: SealMeans): Promise<NewSeal>
  /**
   * Wraps another root key of the same store with the secret of an existing seal, after it has
   * opened that seal.
   * @throws KeymgmtError if the means are missing or wrong.
   */
  rewrap(entry: SealEntry, root: RootKey, means: SealMeans): Promise<SealEntry>
  /**
   * Opens a seal. Asks the user only if `mayAsk` is true.
   * @throws KeymgmtError if the means are there and don't open it.
   */
  unwrap(entry: SealEntry, storeId: string, means: SealMeans, mayAsk: boolean): Promise<Unwrapped>
}
