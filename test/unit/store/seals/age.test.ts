import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import {
  Decrypter,
  generateHybridIdentity,
  generateIdentity,
  identityToRecipient,
} from 'age-encryption'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRootKey } from '../../../../src/crypto/root-key.js'
import { createHeader, createSeals, rewrapHeader } from '../../../../src/store/seals/create.js'
import { parseSealNames } from '../../../../src/store/seals/index.js'
import { createHeaderOpener } from '../../../../src/store/seals/open.js'
import type { SealMeans } from '../../../../src/store/seals/seal.js'

let base: string
let identity: string
let recipient: string
beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'keymgmt-age-'))
  identity = await generateIdentity()
  recipient = await identityToRecipient(identity)
})
afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

const identityFile = (text: string, name = 'identity.txt') => {
  const file = join(base, name)
  writeFileSync(file, text, { mode: 0o600 })
  return file
}
const meansOf = (ageIdentityFile?: string): SealMeans => ({
  keyfileOf: () => join(base, 'keyfile'),
  ageIdentityFile,
})
const create = (id = recipient, means = meansOf()) => createHeader(means, [{ kind: 'age', id }])

describe('a recipient of age as a seal', () => {
  it('opens with an identity file of age-keygen', async () => {
    const { header, root } = await create()
    const other = await generateIdentity()
    const file = identityFile(
      `# created: 2026-11-29T12:00:00Z\r\n# public key: ${recipient}\r\n${other}\n\n${identity}\n`,
    )
    expect(await createHeaderOpener(meansOf(file)).open(header)).toEqual(root)
  })

  it('is a file of age, which age itself opens', async () => {
    const { header, root } = await create()
    const decrypter = new Decrypter()
    decrypter.addIdentity(identity)
    const file = Buffer.from(header.seals[0]?.wrapped ?? '', 'base64')
    expect(Buffer.from(await decrypter.decrypt(file)).equals(root.key)).toBe(true)
  })

  it('is proven only if the identity is there', async () => {
    const root = createRootKey()
    const isProven = async (file?: string) =>
      (await createSeals(root, [{ kind: 'age', id: recipient }], meansOf(file)))[0]?.isProven
    expect(await isProven()).toBe(false)
    expect(await isProven(identityFile(await generateIdentity(), 'other.txt'))).toBe(false)
    expect(await isProven(identityFile(identity))).toBe(true)
  })

  it('wraps another root key without the identity', async () => {
    const { header } = await create()
    const root = createRootKey(header.store_id)
    const next = await rewrapHeader(header, root, meansOf())
    expect(await createHeaderOpener(meansOf(identityFile(identity))).open(next)).toEqual(root)
  })

  it('says which identity is missing or wrong', async () => {
    const { header } = await create()
    const open = (file?: string) => createHeaderOpener(meansOf(file)).open(header)
    await expect(open()).rejects.toMatchObject({
      code: 'STORE_SEALED',
      message: 'KEYMGMT_AGE_IDENTITY_FILE is not set',
      hints: [`set KEYMGMT_AGE_IDENTITY_FILE to the file with the identity of ${recipient}`],
    })
    const other = identityFile(await generateIdentity(), 'other.txt')
    await expect(open(other)).rejects.toMatchObject({
      code: 'STORE_SEALED',
      message: `the age identity file ${other} does not open this store, which is sealed for ${recipient}`,
    })
    await expect(open(join(base, 'none'))).rejects.toMatchObject({
      message: `the age identity file ${join(base, 'none')} is missing`,
    })
  })

  it('does not open with a file that other users can read', async () => {
    const { header } = await create()
    const file = identityFile(identity)
    chmodSync(file, 0o644)
    await expect(createHeaderOpener(meansOf(file)).open(header)).rejects.toMatchObject({
      code: 'STORE_PERMISSIONS',
    })
  })

  it.each([
    ['an empty file', () => ''],
    ['a comment', () => '# nothing\n'],
    ['a recipient', () => recipient],
    ['an identity of a plugin', () => 'AGE-PLUGIN-YUBIKEY-1QQQQ\n'],
    [
      'an identity with a wrong checksum',
      () => identity.replace(/.$/, (c) => (c === 'Q' ? 'P' : 'Q')),
    ],
    ['an encrypted identity', () => 'age-encryption.org/v1\n-> scrypt x\n'],
  ])('does not open with %s, and repeats nothing of it', async (_what, text) => {
    const { header } = await create()
    const file = identityFile(text())
    const opened = createHeaderOpener(meansOf(file)).open(header)
    const error = await opened.then(
      () => undefined,
      (reason: unknown) => reason as Error & { readonly hints: readonly string[] },
    )
    expect(error).toMatchObject({ code: 'STORE_SEALED' })
    const said = [error?.message, ...(error?.hints ?? [])].join(' ')
    for (const line of text()
      .split('\n')
      .filter((each) => each.length > 10))
      expect(said).not.toContain(line)
  })

  it('accepts only X25519 recipients, and repeats nothing of another text', async () => {
    const hybrid = await identityToRecipient(await generateHybridIdentity())
    for (const id of [
      hybrid,
      recipient.replace(/.$/, (c) => (c === 'q' ? 'p' : 'q')),
      'age1yubikey1q',
      identity,
    ])
      await expect(create(id)).rejects.toMatchObject({
        code: 'SEAL_REFUSED',
        message: 'the value of age: is not an age recipient',
      })
  })

  it('is not named by an identity, which would be in the history of the shell', () => {
    for (const text of [`age:${identity}`, identity.toLowerCase(), `keyfile,age:${identity}`]) {
      let said = ''
      try {
        parseSealNames(text, '-seal')
      } catch (error) {
        said = String(error)
      }
      expect(said).toContain('-seal contains an age identity, which is secret')
      expect(said.toUpperCase()).not.toContain(identity)
    }
  })
})
