import { createPrivateKey } from 'node:crypto'
import { containerName, readContainer } from './containers.js'
import { decodeBase64 } from './digits.js'
import { view, type MaterialOptions, type RecognisedMaterial } from './material.js'
import { notOpened, requirePassphrase } from './passphrase.js'
import { acceptPrivateKey, UNRESTRICT } from './private-key.js'
import { orRefuse, refusal } from './refusal.js'

const BEGIN = '-----BEGIN '
const DASHES = '-----'

/** The labels of private keys, with the structure that each promises. */
const PRIVATE: ReadonlyMap<string, string> = new Map([
  ['PRIVATE KEY', 'PKCS#8'],
  ['ENCRYPTED PRIVATE KEY', 'encrypted PKCS#8'],
  ['RSA PRIVATE KEY', 'PKCS#1'],
  ['EC PRIVATE KEY', 'SEC1'],
])

/**
 * Private keys in forms that are not read, with what to do; each name follows `the material is `.
 */
const FOREIGN: ReadonlyMap<string, readonly [name: string, ...hints: string[]]> = new Map([
  [
    'OPENSSH PRIVATE KEY',
    [
      "a private key in OpenSSH's own form",
      'convert a copy, as ssh-keygen rewrites the file in place: cp KEY COPY; ssh-keygen -p -m PKCS8 -f COPY; then import COPY and remove it',
      'an older ssh-keygen leaves an Ed25519 key in its own form: use a newer one',
    ],
  ],
  ['DSA PRIVATE KEY', ['a DSA private key', 'AWS KMS has no DSA keys']],
  ['RSA-PSS PRIVATE KEY', ['an RSA private key restricted to PSS (id-RSASSA-PSS)', UNRESTRICT]],
  [
    'PGP PRIVATE KEY BLOCK',
    ['an OpenPGP private key', 'export the key itself from the program that made it, as PKCS#8'],
  ],
])

/** What stands for no private key; the first word that fits names it. */
const PUBLIC: readonly (readonly [word: RegExp, name: string])[] = [
  [/PUBLIC KEY/, 'a public key'],
  [/REQUEST/, 'a certificate request'],
  [/CERTIFICATE|PKCS7|CMS/, 'a certificate'],
  [/PARAMETERS/, 'parameters without a key'],
]

/**
 * One block, in views of the bytes that were read: all of it, and what stands between its first and
 * its last line.
 */
interface Block {
  readonly label: string
  readonly whole: Uint8Array
  readonly body: Uint8Array
}

/** Whether a PEM block begins anywhere in it: other text may stand around the block. */
export function isPem(bytes: Uint8Array): boolean {
  return view(bytes).includes(BEGIN)
}

/**
 * The material in the one private key among the PEM blocks (RFC 7468) of a text; certificates and
 * parameters beside it are passed over. Traditional encryption (`Proc-Type: 4,ENCRYPTED`, RFC 1421)
 * is left to OpenSSL.
 * @throws KeymgmtError FIELD_INVALID when there is none or several, or it can't be read or
 * imported.
 */
export function readPem(bytes: Uint8Array, options: MaterialOptions): RecognisedMaterial {
  const blocks = blocksOf(bytes)
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY') || FOREIGN.has(label))
  const [key, another] = keys
  if (!key) throw noPrivateKey(blocks)
  if (another)
    throw refusal(
      `the material holds ${keys.length} private keys (PEM)`,
      'import one at a time, from a file of its own',
    )
  const [foreign, ...hints] = FOREIGN.get(key.label) ?? []
  if (foreign !== undefined)
    throw refusal(`the material is ${foreign}, which is not read here`, ...hints)
  const promised = PRIVATE.get(key.label)
  if (promised === undefined)
    throw refusal(
      'the material is a private key under a PEM label that is not known here',
      convert(),
    )
  return view(key.body).includes('Proc-Type:')
    ? readTraditional(key, promised, options)
    : readBlock(key, promised, options)
}

function readBlock(
  { label, body }: Block,
  promised: string,
  options: MaterialOptions,
): RecognisedMaterial {
  const der = decodeBase64(body)
  if (!der) {
    const escaped = view(body).includes('\\n')
    throw escaped
      ? refusal(
          'the lines of the PEM end in a backslash and an n, where a line end is needed',
          'turn them into line ends: printf \'%b\' "$KEY" | keymgmt write … material=-',
        )
      : refusal(
          'the PEM is damaged: what stands between its first and its last line is not base64',
          'use another copy of the key',
        )
  }
  try {
    const found = containerName(der)
    if (found !== undefined && found !== promised)
      throw refusal(`the PEM is labelled "${label}" (${promised}) and holds ${found}`, convert())
    return readContainer(der, 'PEM', options)
  } finally {
    der.fill(0)
  }
}

function readTraditional(
  { whole }: Block,
  promised: string,
  options: MaterialOptions,
): RecognisedMaterial {
  const passphrase = requirePassphrase(options)
  const key = orRefuse(
    () => createPrivateKey({ key: view(whole), format: 'pem', passphrase }),
    notOpened,
  )
  return acceptPrivateKey(key, `encrypted ${promised} PEM`, options.type)
}

function noPrivateKey(blocks: readonly Block[]) {
  if (blocks.length === 0)
    return refusal(
      'the material holds no PEM block, as format says',
      'leave format out: what can be read is recognised',
    )
  const [, name] = PUBLIC.find(([word]) => blocks.some(({ label }) => word.test(label))) ?? []
  if (name === undefined) return refusal('the material is PEM that holds no private key', convert())
  return refusal(
    `the material is ${name} (PEM), and a private key is needed`,
    'import the private key that belongs to it',
  )
}

function convert(): string {
  return 'have OpenSSL write it anew: openssl pkcs8 -topk8 -nocrypt -in key.pem | keymgmt write … material=-'
}

/** @throws KeymgmtError FIELD_INVALID when a block does not end as it begins. */
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
      throw refusal(
        'the PEM is cut short or damaged: a block begins and does not end',
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
