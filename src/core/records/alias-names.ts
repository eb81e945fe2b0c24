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
  return `alias/hashicorp/${name.replaceAll('.', '_')}`
}

/** Returns the permanent alias of one version of a distribution. */
export function versionAliasName(name: string, version: number): string {
  return `${aliasName(name)}/v${version}`
}

/**
 * Returns the alias unchanged if it belongs to one of these distributions; otherwise a pattern,
 * because the timestamp of a future distribution is not known yet.
 */
export function aliasPattern(alias: string, names: readonly string[]): string {
  const known = names.map(aliasName).some((name) => alias === name || alias.startsWith(`${name}/`))
  return known ? alias : alias.replace(/-\d+(?=$|\/v\d+$)/, `-${'?'.repeat(10)}`)
}
