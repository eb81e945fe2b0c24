import { createRequire } from 'node:module'

// By its own name, so that it is found from wherever this ends up when it is bundled.
const manifest = createRequire(import.meta.url)('keymgmt/package.json') as { version: string }

/** The version of this package. */
export const VERSION = manifest.version
