import type { Engine } from '../core/engine.js'
import type { PathDefinition } from '../router/path.js'
import { key, keys } from './key.js'
import { keyKms } from './key-kms.js'
import { keyRotate } from './key-rotate.js'
import { kms, providers } from './kms.js'
import { kmsKey, kmsKeys } from './kms-key.js'
import { kmsKeyReplicate } from './kms-key-replicate.js'

/** Every path that keymgmt serves. */
export const PATHS: readonly PathDefinition<Engine>[] = [keys, key, keyRotate, keyKms, providers, kms, kmsKeys, kmsKey, kmsKeyReplicate]
