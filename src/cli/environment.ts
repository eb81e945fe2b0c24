/**
 * Every variable of the environment that keymgmt itself heeds, and what for. Those of the AWS SDK
 * are AWS's.
 */
export const ENVIRONMENT = [
  [
    'KEYMGMT_HOME',
    "Folder of the store; else $XDG_DATA_HOME/keymgmt, or the platform's own place.",
  ],
  [
    'KEYMGMT_KEYFILE',
    'The keyfile; else $KEYMGMT_HOME/keyfile, or $XDG_CONFIG_HOME/keymgmt/keyfile.',
  ],
  [
    'KEYMGMT_PASSPHRASE_FILE',
    'File with the passphrase of the store; /dev/fd/3 is file descriptor 3. A new store is then sealed with it.',
  ],
  ['KEYMGMT_PASSPHRASE', 'The passphrase itself, where there is no file.'],
  ['KEYMGMT_SEAL', '"passphrase": seal a new store with a passphrase, which is asked for.'],
  ['KEYMGMT_FORMAT', 'Output format: table, json or yaml. VAULT_FORMAT where it is not set.'],
  ['VAULT_FORMAT', 'The same, for scripts that have it for Vault.'],
  [
    'KEYMGMT_DEBUG',
    'Print the stack of an error. Read it for secrets before you show it to anybody.',
  ],
  [
    'AWS_KMS_ENDPOINT',
    'URL of AWS KMS, as Vault names it; before AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL.',
  ],
  [
    'HTTPS_PROXY, HTTP_PROXY, NO_PROXY',
    'Proxy for requests to AWS, and hosts that are reached without it. Lower case wins. Loopback and the metadata endpoints never use a proxy.',
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
    'XDG_CACHE_HOME',
    "Where compiled code of keymgmt's own is kept for the next run, in keymgmt/; else ~/.cache. Nothing of the store is there.",
  ],
  ['NO_COLOR, VAULT_CLI_NO_COLOR', 'No colour. Nor with TERM=dumb, nor in a pipe.'],
  ['FORCE_COLOR', 'Colour also in a pipe; 0 for none.'],
] as const
