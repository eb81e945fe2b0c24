import type { Engine } from '../core/engine.js'
import type { PathDefinition } from '../router/path.js'
import { key, keys } from './key.js'
import { keyKms } from './key-kms.js'
import { keyImport, keyImportVersion } from './key-import.js'
import { keyRotate } from './key-rotate.js'
import { kms, providers } from './kms.js'
import { kmsIdentity } from './kms-identity.js'
import { kmsKey, kmsKeys } from './kms-key.js'
import { kmsKeyAdopt } from './kms-key-adopt.js'
import { kmsKeyRepair } from './kms-key-repair.js'
import { kmsKeyReplicate } from './kms-key-replicate.js'
import { kmsKeyRestore } from './kms-key-restore.js'
import { kmsKeyRevoke } from './kms-key-revoke.js'
import { kmsKeyVerify } from './kms-key-verify.js'

/** Every path that keymgmt serves. */
export const PATHS: readonly PathDefinition<Engine>[] = [
  keys,
  key,
  keyImport,
  keyImportVersion,
  keyRotate,
  keyKms,
  providers,
  kms,
  kmsIdentity,
  kmsKeys,
  kmsKey,
  kmsKeyAdopt,
  kmsKeyReplicate,
  kmsKeyRevoke,
  kmsKeyRestore,
  kmsKeyVerify,
  kmsKeyRepair,
]
