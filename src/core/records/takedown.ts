/** The kind of command whose removal or revocation of a distribution did not finish. */
export type Takedown = 'removal' | 'revocation'

/**
 * Returns the two commands that end an unfinished removal or revocation: the same command again,
 * and `restore`.
 */
export function waysForward(
  takedown: Takedown,
  providerName: string,
  key: string,
): { readonly finish: string; readonly restore: string } {
  const path = `keymgmt/kms/${providerName}/key/${key}`
  return {
    finish: takedown === 'removal' ? `keymgmt delete ${path}` : `keymgmt write -f ${path}/revoke`,
    restore: `keymgmt write -f ${path}/restore`,
  }
}

/** Returns the command that drops a distribution which can no longer be reached. */
export function forgetCommand(providerName: string, key: string): string {
  return `keymgmt write -f keymgmt/kms/${providerName}/key/${key}/forget allow_orphans=true`
}
