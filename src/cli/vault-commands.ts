import { KeymgmtError } from '../errors.js'
import { quote } from '../router/quote.js'
import type { CommandLine } from './go-flags.js'

const STORE = 'keymgmt has no server: the first write creates the store, and status shows it'
const IDENTITY =
  'keymgmt has no tokens: the permissions of your files protect the store, and IAM decides in AWS'
const IAM = 'IAM decides: print the IAM policy of a provider with: keymgmt policy keymgmt/kms/NAME'
const SEAL = 'each command opens the store with its keyfile or passphrase: keymgmt status shows it'
const PATHS_ONLY =
  'keymgmt has only the paths of the keymgmt/ mount: list them with: keymgmt path-help keymgmt'
const BACKUP = 'save the store in one file with: keymgmt operator snapshot save FILE'

/** Replacements for Vault's commands that keymgmt does not have. */
const REPLACEMENTS: Readonly<Record<string, string>> = {
  agent: IDENTITY,
  audit: 'AWS CloudTrail records each call: search it for the user agent keymgmt',
  auth: IDENTITY,
  debug: STORE,
  events: STORE,
  kv: PATHS_ONLY,
  lease: 'keymgmt has no leases: a KMS key works until you remove or revoke it',
  login: IDENTITY,
  monitor: STORE,
  namespace: 'keymgmt has no namespaces: use a separate store for each (KEYMGMT_STORE)',
  'operator generate-root': SEAL,
  'operator raft': BACKUP,
  'operator seal': SEAL,
  'operator unseal': SEAL,
  patch: 'a write changes only the fields that you name: keymgmt write PATH FIELD=VALUE',
  pki: PATHS_ONLY,
  plugin: STORE,
  'policy delete': IAM,
  'policy fmt': IAM,
  'policy list': IAM,
  'policy read': IAM,
  'policy write': IAM,
  print: IDENTITY,
  proxy: IDENTITY,
  secrets: 'the only mount is keymgmt/, and it always exists: leave this command out',
  server: 'start an embedded AWS KMS for tests with: keymgmt dev',
  ssh: PATHS_ONLY,
  token: IDENTITY,
  transform: PATHS_ONLY,
  transit: PATHS_ONLY,
  unwrap: IDENTITY,
  'version-history': 'print the version with: keymgmt version',
}

/** Names of Vault's commands that keymgmt does not have. */
export const REPLACED_COMMANDS: readonly string[] = Object.keys(REPLACEMENTS)

/** Returns the error for a command that only Vault has; undefined for any other line. */
export function vaultCommandError({ command, words }: CommandLine): KeymgmtError | undefined {
  const [, ...path] = command.fullName.split(' ')
  const line = [...path, ...words]
  const name = [2, 1].map((count) => line.slice(0, count).join(' ')).find(isReplaced)
  if (name === undefined) return undefined
  return new KeymgmtError('USAGE', `keymgmt does not have Vault's command ${quote(name)}`, {
    hints: [REPLACEMENTS[name] ?? ''],
  })
}

function isReplaced(name: string): boolean {
  return Object.hasOwn(REPLACEMENTS, name)
}
