import type { KeyRecord } from './model.js'

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

/** Returns the command that repairs a distribution. */
export function repairCommand(providerName: string, key: string): string {
  return `keymgmt write -f keymgmt/kms/${providerName}/key/${key}/repair`
}

/** Returns the command that trims the versions below `version`; 0 cancels it. */
export function trimCommand(key: string, version = 0): string {
  return `keymgmt write keymgmt/key/${key}/trim min_available_version=${version}`
}

/** Returns the two commands that end an unfinished trim, which no other command finishes. */
export function trimWays({
  name,
  minAvailableVersion,
}: Pick<KeyRecord, 'name' | 'minAvailableVersion'>): string {
  return `to finish it: ${trimCommand(name, minAvailableVersion)}; to cancel it: ${trimCommand(name)}`
}

/** Returns the command that drops a distribution which can no longer be reached. */
export function forgetCommand(providerName: string, key: string): string {
  return `keymgmt write -f keymgmt/kms/${providerName}/key/${key}/forget allow_orphans=true`
}
