/** `<key>-<unix_timestamp>`, the name that a distribution keeps for ever. Vault's form. */
export function distributionName(key: string, time: Date): string {
  return `${key}-${Math.floor(time.getTime() / 1000)}`
}

/** The key in the name of a distribution. */
export function keyInName(name: string): string {
  return name.replace(/-\d+$/, '')
}

/** The unix timestamp in the name of a distribution. */
export function secondInName(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1))
}

/**
 * The alias of a distribution, with Vault's prefix, so that whatever names the alias works with
 * either tool. AWS allows neither `.` in an alias nor anything but letters, digits, `/`, `_` and
 * `-`; a key's `.` becomes `_`. Where two keys would share an
 * alias, the second gets a later time, see `freeName`.
 */
export function aliasName(name: string): string {
  return `alias/hashicorp/${name.replaceAll('.', '_')}`
}

/** The alias that one version of a distribution keeps for ever, where it has one. */
export function versionAliasName(name: string, version: number): string {
  return `${aliasName(name)}/v${version}`
}

/**
 * The alias as a pattern, unless it is of one of the distributions of these names: in the name of
 * one that is still to be begun is a time that nobody knows yet.
 */
export function aliasPattern(alias: string, names: readonly string[]): string {
  const known = names.map(aliasName).some((name) => alias === name || alias.startsWith(`${name}/`))
  return known ? alias : alias.replace(/-\d+(?=$|\/v\d+$)/, `-${'?'.repeat(10)}`)
}
