import { KeymgmtError } from '../../errors.js'

/** The beginning of the aliases that keymgmt names itself. */
const PREFIX = 'alias/hashicorp/'

/** Returns the permanent name of a distribution, in Vault's form: `<key>-<unix_timestamp>`. */
export function distributionName(key: string, time: Date): string {
  return `${key}-${Math.floor(time.getTime() / 1000)}`
}

/** Returns the key in the name of a distribution. */
export function keyInName(name: string): string {
  return name.replace(/-\d+$/, '')
}

/** Returns the Unix timestamp in the name of a distribution. */
export function secondInName(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1))
}

/**
 * Returns the alias of a distribution, with Vault's prefix, so that it also works for applications
 * that were set up with Vault. AWS allows only letters, digits, `/`, `_` and `-` in an alias, so a
 * key's `.` becomes `_`. If two keys would share an alias, the second gets a later time: see
 * `freeName`.
 */
export function aliasName(name: string): string {
  return `${PREFIX}${name.replaceAll('.', '_')}`
}

/** True if keymgmt named the alias, and not the user. */
export function isOwnName(alias: string): boolean {
  return alias.startsWith(PREFIX)
}

/** Returns the permanent alias of one version of a distribution. */
export function versionAliasName(name: string, version: number): string {
  return `${aliasName(name)}/v${version}`
}

/**
 * Returns the alias that a user chose for a distribution; undefined for an empty text, which
 * removes it.
 * @throws KeymgmtError FIELD_INVALID
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
 */
export function checkCustomAlias(alias: string): string | undefined {
  if (alias === '') return undefined
  const problem = alias.startsWith('alias/aws/')
    ? 'is reserved for AWS'
    : isOwnName(alias)
      ? 'is reserved for the aliases that keymgmt names'
      : !/^alias\/[\w/-]+$/.test(alias) || alias.length > 256
        ? 'is not the name of an alias'
        : undefined
  if (problem === undefined) return alias
  // Don't repeat the value: it may have come from a file.
  throw new KeymgmtError('FIELD_INVALID', `custom_alias ${problem}`, {
    hints: [
      'use a name such as alias/payments/app, with letters, digits, "/", "_" and "-", of at most 256 characters',
    ],
  })
}

/**
 * Returns the alias unchanged if it belongs to one of these distributions; otherwise a pattern,
 * because the timestamp of a future distribution is not known yet.
 */
export function aliasPattern(alias: string, names: readonly string[]): string {
  if (!isOwnName(alias)) return alias
  const known = names.map(aliasName).some((name) => alias === name || alias.startsWith(`${name}/`))
  return known ? alias : alias.replace(/-\d+(?=$|\/v\d+$)/, `-${'?'.repeat(10)}`)
}
