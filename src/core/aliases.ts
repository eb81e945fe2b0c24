/** `<key>-<unix_timestamp>`, the name that a distribution keeps for ever. Vault's form. */
export function distributionName(key: string, time: Date): string {
  return `${key}-${Math.floor(time.getTime() / 1000)}`
}

/**
 * The alias of a distribution, with Vault's prefix, so that whatever names the alias works with either tool.
 * AWS allows neither `.` in an alias nor anything but letters, digits, `/`, `_` and `-`; a key's `.` becomes `_`. Should that
 * make two keys share an alias, the second is refused it, see `KmsProvider.pointAlias`.
 */
export function aliasName(name: string): string {
  return `alias/hashicorp/${name.replaceAll('.', '_')}`
}

/** The alias that one version of a distribution keeps for ever, where it has one. */
export function versionAliasName(name: string, version: number): string {
  return `${aliasName(name)}/v${version}`
}

/**
 * The alias, which a rehearsal that was begun at `since` named, as a pattern: in the name of a distribution that did not
 * exist before is a time that is not known yet.
 */
export function aliasPattern(alias: string, since: Date): string {
  return alias.replace(/-(\d{10})(?=$|\/v\d+$)/, (found, seconds: string) => (Number(seconds) < Math.floor(since.getTime() / 1000) ? found : '-??????????'))
}
