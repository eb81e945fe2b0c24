import { pipe } from './invalid-material.js'
import { view } from './material.js'

/** A file of another program; the name follows `the material is `. */
interface ForeignFile {
  readonly name: string
  readonly hints: readonly string[]
}

const KEYTOOL =
  'export it: keytool -importkeystore -srckeystore FILE -destkeystore key.p12 -deststoretype PKCS12; then openssl pkcs12 -in key.p12 -nocerts -out key.pem; then import key.pem with its passphrase'
const KMS_CIPHERTEXT: ForeignFile = {
  name: 'ciphertext of AWS KMS, and its plaintext is needed',
  hints: [
    pipe(
      'if the plaintext is the key, decrypt it: aws kms decrypt --ciphertext-blob fileb://FILE --query Plaintext --output text',
    ),
  ],
}

/** By the first bytes of the file, in Latin-1. */
const BEGINNINGS: readonly (readonly [begins: RegExp, file: ForeignFile])[] = [
  [/^\xfe\xed\xfe\xed/, { name: 'a Java key store (JKS)', hints: [KEYTOOL] }],
  [/^\xce\xce\xce\xce/, { name: 'a Java key store (JCEKS)', hints: [KEYTOOL] }],
  [/^\x1f\x8b/, { name: 'a gzip archive', hints: [pipe('unpack it: gzip -dc FILE')] }],
  [/^PK\x03\x04/, { name: 'a ZIP archive', hints: [pipe('unpack it: unzip -p FILE')] }],
  [
    /^(Salted__|U2FsdGVkX1)/,
    {
      name: 'a file that openssl enc encrypted',
      hints: ['decrypt it with the options that encrypted it: openssl enc -d -in FILE'],
    },
  ],
  [
    /^age-encryption\.org\//,
    { name: 'a file that age encrypted', hints: [pipe('decrypt it: age -d -i IDENTITY FILE')] },
  ],
  [
    /^\$ANSIBLE_VAULT;/,
    {
      name: 'a file that Ansible Vault encrypted',
      hints: [pipe('decrypt it: ansible-vault view FILE')],
    },
  ],
  [/^(\x01\x02[\x02\x03]\x00x|AQ(IC|ID)A[A-Za-z0-9+/]{8})/, KMS_CIPHERTEXT],
  [
    /^\s*<(!doctype html|html)/i,
    { name: 'an HTML page', hints: ['download the key again: a page was downloaded in its place'] },
  ],
  [
    /^\s*<RSAKeyValue>/,
    {
      name: 'an RSA key in the XML of .NET',
      hints: ['export it as PEM: RSA.ExportPkcs8PrivateKeyPem()'],
    },
  ],
  [
    /^(ssh-|ecdsa-sha2-|sk-)/,
    {
      name: 'an OpenSSH public key, and a private key is needed',
      hints: ['its private key is the file of the same name without .pub'],
    },
  ],
  [
    /^PuTTY-User-Key-File/,
    {
      name: 'a PuTTY private key, which keymgmt does not read',
      hints: [
        'convert it: puttygen FILE -O private-openssh -o FILE.copy && ssh-keygen -p -m PKCS8 -f FILE.copy; then import FILE.copy and remove it',
      ],
    },
  ],
]

/** Recognises the file of another program by its beginning. */
export function foreignFile(bytes: Uint8Array): ForeignFile | undefined {
  const beginning = view(bytes).toString('latin1', 0, 40)
  return BEGINNINGS.find(([begins]) => begins.test(beginning))?.[1]
}
