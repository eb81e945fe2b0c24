import { createRequire } from 'node:module'

/** The version of this package. */
export function packageVersion(): string {
  // By its own name, so that it is found from wherever this ends up when it is bundled.
  return (createRequire(import.meta.url)('keymgmt/package.json') as { version: string }).version
}
