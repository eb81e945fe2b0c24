import { createRequire } from 'node:module'

/** The version of this package. */
export function packageVersion(): string {
  // Import by package name, which works from any place in the bundle.
  return (createRequire(import.meta.url)('keymgmt/package.json') as { version: string }).version
}
