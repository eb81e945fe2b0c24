import { resolve } from 'node:path'
import type { RootKey, SealEntry } from '../../crypto/root-key.js'
import { KeymgmtError } from '../../errors.js'
import { registerSecrets } from '../../redact.js'
import { readSecretFile } from '../private-file.js'
import type { Seal, SealMeans } from './seal.js'
import { assertOpens } from './secret-seal.js'

const VARIABLE = 'KEYMGMT_AGE_IDENTITY_FILE'

/** A recipient of the kind that age-keygen creates: X25519, in Bech32. */
const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/
const IDENTITY = /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/

/**
 * Wraps the root key for an age recipient. Adding the seal needs no secret; opening the store needs
 * the identity.
 * @see https://age-encryption.org/v1
 */
export const age: Seal = {
  async wrap(root, recipient = '', means) {
    if (!RECIPIENT.test(recipient)) throw recipientError()
    const entry = await seal(recipient, root)
    return { entry, isProven: await proves(entry, root, means) }
  },
  async rewrap(entry, root, means) {
    const rewrapped = await seal(recipientOf(entry), root)
    await proves(rewrapped, root, means)
    return rewrapped
  },
  async unwrap(entry, _storeId, { ageIdentityFile }) {
    if (!ageIdentityFile) return { missing: missingError(recipientOf(entry)) }
    return { key: await decrypt(entry, ageIdentityFile) }
  },
}

async function seal(recipient: string, { key }: RootKey): Promise<SealEntry> {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  try {
    encrypter.addRecipient(recipient)
  } catch {
    throw recipientError()
  }
  const wrapped = Buffer.from(await encrypter.encrypt(key)).toString('base64')
  return { kind: 'age', id: recipient, wrapped }
}

/** Returns false if the identity is not here: it belongs in a safe, not on each machine. */
async function proves(
  entry: SealEntry,
  root: RootKey,
  { ageIdentityFile }: SealMeans,
): Promise<boolean> {
  if (!ageIdentityFile) return false
  let opened
  try {
    opened = await decrypt(entry, ageIdentityFile)
  } catch (error) {
    if (error instanceof KeymgmtError && error.code === 'STORE_SEALED') return false
    throw error
  }
  assertOpens(opened, root)
  return true
}

async function decrypt(entry: SealEntry, file: string): Promise<Uint8Array> {
  const recipient = recipientOf(entry)
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  for (const identity of readIdentities(file)) {
    try {
      decrypter.addIdentity(identity)
    } catch {
      throw fileError(`the age identity file ${file} is damaged`)
    }
  }
  try {
    return await decrypter.decrypt(Buffer.from(entry.wrapped, 'base64'))
  } catch {
    throw new KeymgmtError(
      'STORE_SEALED',
      `the age identity file ${file} does not open this store, which is sealed for ${recipient}`,
      {
        hints: [`use the identity of that recipient; to see its recipient: age-keygen -y ${file}`],
      },
    )
  }
}

/**
 * Returns the identities in a file of age-keygen.
 * @throws KeymgmtError STORE_SEALED if there is none, or one of another kind; STORE_PERMISSIONS.
 */
function readIdentities(file: string): readonly string[] {
  const bytes = readSecretFile(resolve(file))
  if (!bytes) throw fileError(`the age identity file ${file} is missing`)
  const lines = bytes
    .toString('latin1')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  bytes.fill(0)
  registerSecrets(...lines)
  if (lines.length > 0 && lines.every((line) => IDENTITY.test(line))) return lines
  throw fileError(`${file} is not an age identity file, or has an identity of another kind`)
}

function fileError(message: string): KeymgmtError {
  return new KeymgmtError('STORE_SEALED', message, {
    hints: [
      `${VARIABLE} names it; each line is an identity as age-keygen prints it (AGE-SECRET-KEY-1…), without a passphrase`,
    ],
  })
}

function missingError(recipient: string): KeymgmtError {
  return new KeymgmtError('STORE_SEALED', `${VARIABLE} is not set`, {
    hints: [`set ${VARIABLE} to the file with the identity of ${recipient}`],
  })
}

/** The form is checked again: the header is not authenticated before it is open. */
function recipientOf({ id = '' }: SealEntry): string {
  if (RECIPIENT.test(id)) return id
  throw new KeymgmtError('STORE_CORRUPT', 'the header of the store names an invalid recipient', {
    hints: ['restore the header (seal.json) from a backup'],
  })
}

/** Never repeats the text: it may be an identity. */
function recipientError(): KeymgmtError {
  return new KeymgmtError('SEAL_REFUSED', 'the value of age: is not an age recipient', {
    hints: [
      'a recipient has the form age1… with 62 characters, as age-keygen prints it; keymgmt supports no other kinds, such as age1pq1… or plugins',
    ],
  })
}
