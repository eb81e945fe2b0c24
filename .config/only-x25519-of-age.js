// Replaces modules that the bundled age-encryption uses only for recipients that keymgmt does not
// accept (post-quantum, P-256, passphrases), and its own X25519, which it uses only where Web
// Crypto has none. Every supported Node.js has it. They would be 36 kB of the package.

/** The base point of Curve25519, which age-encryption multiplies with Web Crypto. */
export const x25519 = {
  GuBytes: Uint8Array.from({ length: 32 }, (_, index) => (index === 0 ? 9 : 0)),
}

function missing() {
  throw new Error('keymgmt accepts only X25519 recipients of age')
}
export const scrypt = missing
export const p256 = undefined
export const MLKEM768P256 = undefined
export const MLKEM768X25519 = undefined
