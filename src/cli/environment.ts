/**
 * Every environment variable that keymgmt itself reads, with its meaning, for help, the manual page
 * and the tests. The AWS SDK reads further ones.
 */
export const ENVIRONMENT = [
  [
    'KEYMGMT_STORE',
    'The store: an absolute path, or a file: or s3: URL, such as s3://BUCKET/PREFIX?region=REGION. It takes precedence over the setting store.',
  ],
  [
    'KEYMGMT_HOME',
    "Folder of the local store and its keyfile. It takes precedence over the settings, and can't be combined with KEYMGMT_STORE.",
  ],
  [
    'KEYMGMT_KEYFILE',
    'The keyfile; else $KEYMGMT_HOME/keyfile, the setting keyfile, or $XDG_CONFIG_HOME/keymgmt/keyfile. A store on S3 has $XDG_CONFIG_HOME/keymgmt/STORE-ID.keyfile.',
  ],
  [
    'KEYMGMT_PASSPHRASE_FILE',
    'File with the passphrase of the store; /dev/fd/3 is file descriptor 3. A new store is sealed with it, unless KEYMGMT_SEAL is set.',
  ],
  ['KEYMGMT_PASSPHRASE', 'The passphrase itself, if there is no file.'],
  [
    'KEYMGMT_SEAL',
    'The seals of a new store, separated by commas: keyfile, passphrase, age:RECIPIENT, awskms:ARN. Each of them opens it. The default is a passphrase if one is set, else a keyfile.',
  ],
  [
    'KEYMGMT_AGE_IDENTITY_FILE',
    'File with the age identity that opens a store with a seal age:RECIPIENT.',
  ],
  [
    'KEYMGMT_NO_CREATE',
    '1: fail if the store does not exist, instead of creating it. -no-create has the same effect.',
  ],
  [
    'KEYMGMT_SETTINGS',
    'The settings file, as an absolute path; else $XDG_CONFIG_HOME/keymgmt/config.json.',
  ],
  ['KEYMGMT_FORMAT', 'Output format: table, json or yaml. It takes precedence over VAULT_FORMAT.'],
  ['VAULT_FORMAT', 'The same, for scripts that set it for Vault.'],
  [
    'KEYMGMT_DEV',
    '1 in a command that keymgmt dev runs, which sets it. KEYMGMT_DEV_CLOCK needs it.',
  ],
  [
    'KEYMGMT_DEV_CLOCK',
    'The file of keymgmt dev -clock, which sets it. It is refused outside keymgmt dev.',
  ],
  [
    'KEYMGMT_DEBUG',
    'Print the stack of an error. Read it for secrets before you show it to anybody.',
  ],
  [
    'AWS_KMS_ENDPOINT',
    'URL of AWS KMS, as Vault names it. It takes precedence over AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL.',
  ],
  [
    'HTTPS_PROXY, HTTP_PROXY, NO_PROXY',
    'Proxy for requests to AWS, and hosts that are reached without it. A name in lower case takes precedence. Loopback and the metadata endpoints never use a proxy.',
  ],
  [
    'AWS_CA_BUNDLE',
    'PEM file with the certificate authorities to trust instead of the default ones; else ca_bundle of the AWS profile.',
  ],
  [
    'NODE_TLS_REJECT_UNAUTHORIZED',
    '0 is refused outside loopback: a server that nobody checked would receive key material.',
  ],
  [
    'XDG_DATA_HOME',
    'Linux: the store is in keymgmt/ below it; else ~/.local/share. Other platforms use their own place. A relative value is ignored.',
  ],
  [
    'XDG_CONFIG_HOME',
    'Linux: the keyfile and the settings are in keymgmt/ below it; else ~/.config. Other platforms use their own place. A relative value is ignored.',
  ],
  ['NO_COLOR, VAULT_CLI_NO_COLOR', 'No colour. TERM=dumb and a pipe have the same effect.'],
  ['FORCE_COLOR', 'Colour in a pipe too; 0 for none.'],
] as const
