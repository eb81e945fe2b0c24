import { damagedHeaderError } from '../../crypto/root-key.js'
import { createKeyfile, missingKeyfileError, readKeyfile } from './keyfile-file.js'
import { createSecretSeal } from './secret-seal.js'

/** Wraps the root key under the 32 bytes in a file. No command ever overwrites that file. */
export const keyfile = createSecretSeal({
  kind: 'keyfile',
  label: 'the keyfile',
  // The keyfile is on disk before the header that needs it.
  create: async ({ keyfileOf }, storeId) => {
    const file = keyfileOf(storeId)
    const isNew = createKeyfile(file)
    const secret = readKeyfile(file)
    if (!secret) throw missingKeyfileError(file)
    return Promise.resolve({ secret, ...(isNew && { createdFile: file }) })
  },
  find: async ({ keyfileOf }, storeId) => {
    const file = keyfileOf(storeId)
    const secret = readKeyfile(file)
    return Promise.resolve(secret ? { secret } : { missing: missingKeyfileError(file) })
  },
  createParameters: () => undefined,
  derive: (secret, parameters) => {
    if (parameters) throw damagedHeaderError()
    return Promise.resolve(Buffer.from(secret))
  },
})
