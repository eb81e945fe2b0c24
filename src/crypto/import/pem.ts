import { isAscii } from 'node:buffer'
import { createPrivateKey } from 'node:crypto'
import { containerName, readContainer } from './containers.js'
import { decodeBase64 } from './digits.js'
import { view, type MaterialOptions, type RecognisedMaterial } from './material.js'
import { decryptionError, requirePassphrase } from './passphrase.js'
import { acceptPrivateKey, UNRESTRICT } from './private-key.js'
import { DASHES_HINT, invalidMaterial, pipe, wrapError } from './invalid-material.js'

const BEGIN = '-----BEGIN '
const DASHES = '-----'
const CONVERT = pipe('convert it: openssl pkcs8 -topk8 -nocrypt -in FILE')

/** The labels of private keys, with the structure that each contains. */
const PRIVATE: ReadonlyMap<string, string> = new Map([
  ['PRIVATE KEY', 'PKCS#8'],
  ['ENCRYPTED PRIVATE KEY', 'encrypted PKCS#8'],
  ['RSA PRIVATE KEY', 'PKCS#1'],
  ['EC PRIVATE KEY', 'SEC1'],
])

/** Unsupported private keys, with hints; each name follows `the material is `. */
const FOREIGN: ReadonlyMap<string, readonly [name: string, ...hints: string[]]> = new Map([
  [
    'OPENSSH PRIVATE KEY',
    [
      "a private key in OpenSSH's own form",
      'convert a copy, as ssh-keygen rewrites the file in place: cp FILE FILE.copy && ssh-keygen -p -m PKCS8 -f FILE.copy; then import FILE.copy and remove it',
      'an older ssh-keygen leaves an Ed25519 key in its own form: use a newer one',
    ],
  ],
  ['DSA PRIVATE KEY', ['a DSA private key', 'AWS KMS has no DSA keys']],
  [
    'TSS2 PRIVATE KEY',
    ['a private key that only its TPM can use', 'generate another key: it never leaves the TPM'],
  ],
  ['RSA-PSS PRIVATE KEY', ['an RSA private key restricted to PSS (id-RSASSA-PSS)', UNRESTRICT]],
  [
    'PGP PRIVATE KEY BLOCK',
    ['an OpenPGP private key', 'export the key itself from the program that created it, as PKCS#8'],
  ],
])

/** The hints for files that a program encrypted, by label. */
const ENCRYPTED: readonly (readonly [label: string, name: string, hint: string])[] = [
  ['PGP MESSAGE', 'a file that OpenPGP encrypted', pipe('decrypt it: gpg -d FILE')],
  ['AGE ENCRYPTED FILE', 'a file that age encrypted', pipe('decrypt it: age -d -i IDENTITY FILE')],
]

/** Labels of other PEM blocks; the first match names the material. */
const PUBLIC: readonly (readonly [word: RegExp, name: string])[] = [
  [/PUBLIC KEY/, 'a public key'],
  [/REQUEST/, 'a certificate request'],
  [/CERTIFICATE|PKCS7|CMS/, 'a certificate'],
  [/PARAMETERS/, 'parameters without a key'],
]

/** A PEM block, as views of the input: the block, and the text between its first and last line. */
interface Block {
  readonly label: string
  readonly whole: Uint8Array
  readonly body: Uint8Array
}

/** True if a PEM block begins anywhere in the input: other text may surround the block. */
export function isPem(bytes: Uint8Array): boolean {
  return view(bytes).includes(BEGIN)
}

/**
 * Reads the only private key among the PEM blocks (RFC 7468) of a text, and ignores certificates
 * and parameters. OpenSSL decrypts traditional encryption (`Proc-Type: 4,ENCRYPTED`, RFC 1421).
 * @throws KeymgmtError FIELD_INVALID if the text has no private key or several, or the key can't be
 * read or imported.
 */
export function readPem(bytes: Uint8Array, options: MaterialOptions): RecognisedMaterial {
  const blocks = blocksOf(bytes)
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY') || FOREIGN.has(label))
  const [key, another] = keys
  if (!key) throw noPrivateKeyError(blocks)
  if (another)
    throw invalidMaterial(
      `the material contains ${keys.length} private keys (PEM)`,
      'import one at a time, each from a separate file',
    )
  const [foreign, ...hints] = FOREIGN.get(key.label) ?? []
  if (foreign !== undefined)
    throw invalidMaterial(`the material is ${foreign}, which keymgmt does not read`, ...hints)
  const expected = PRIVATE.get(key.label)
  if (expected === undefined)
    throw invalidMaterial('the material is a private key with an unknown PEM label', CONVERT)
  return view(key.body).includes('Proc-Type:')
    ? readTraditional(key, expected, options)
    : readBlock(key, expected, options)
}

function readBlock(
  { label, body }: Block,
  expected: string,
  options: MaterialOptions,
): RecognisedMaterial {
  const der = decodeBase64(body)
  if (!der) {
    const escaped = view(body).includes('\\n')
    throw escaped
      ? invalidMaterial(
          'the lines of the PEM end in a backslash and an n instead of a line end',
          pipe(`convert them: printf '%b' "$(cat FILE)"`),
        )
      : invalidMaterial(
          'the PEM is damaged: the text between its first and last line is not base64',
          'use another copy of the key',
        )
  }
  try {
    const found = containerName(der)
    if (found !== undefined && found !== expected)
      throw invalidMaterial(
        `the PEM is labelled "${label}" (${expected}) but contains ${found}`,
        CONVERT,
      )
    return readContainer(der, 'PEM', options)
  } finally {
    der.fill(0)
  }
}

function readTraditional(
  { whole }: Block,
  expected: string,
  options: MaterialOptions,
): RecognisedMaterial {
  const passphrase = requirePassphrase(options)
  const key = wrapError(
    () => createPrivateKey({ key: view(whole), format: 'pem', passphrase }),
    decryptionError,
  )
  return acceptPrivateKey(key, `encrypted ${expected} PEM`, options.type)
}

function noPrivateKeyError(blocks: readonly Block[]) {
  if (blocks.length === 0)
    return invalidMaterial(
      'the material contains no PEM block, but format is pem',
      'leave format out: keymgmt recognises the formats that it reads',
    )
  const [, encrypted, decrypt] =
    ENCRYPTED.find(([label]) => blocks.some((block) => block.label === label)) ?? []
  if (encrypted !== undefined && decrypt !== undefined)
    return invalidMaterial(`the material is ${encrypted}, and its content is needed`, decrypt)
  const [, name] = PUBLIC.find(([word]) => blocks.some(({ label }) => word.test(label))) ?? []
  if (name === undefined)
    return invalidMaterial('the material is PEM that contains no private key', CONVERT)
  return invalidMaterial(
    `the material is ${name} (PEM), and a private key is needed`,
    'import the private key that belongs to it',
  )
}

/** @throws KeymgmtError FIELD_INVALID if a block has no matching end line. */
function blocksOf(bytes: Uint8Array): readonly Block[] {
  const text = view(bytes)
  const blocks: Block[] = []
  for (let start = text.indexOf(BEGIN); start >= 0;) {
    const labelStart = start + BEGIN.length
    const labelEnd = text.indexOf(DASHES, labelStart)
    const label = text.toString('latin1', labelStart, Math.min(labelEnd, labelStart + 64))
    const bodyStart = labelEnd + DASHES.length
    const last = `-----END ${label}-----`
    const bodyEnd = labelEnd < 0 ? -1 : text.indexOf(last, bodyStart)
    if (bodyEnd < 0)
      throw invalidMaterial(
        'the PEM is truncated or damaged: a block has no end line',
        ...(isAscii(bytes) ? [] : [DASHES_HINT]),
        'use another copy of the key',
      )
    const end = bodyEnd + last.length
    blocks.push({
      label,
      body: text.subarray(bodyStart, bodyEnd),
      whole: text.subarray(start, end),
    })
    start = text.indexOf(BEGIN, end)
  }
  return blocks
}
