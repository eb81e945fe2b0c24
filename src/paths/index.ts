import type { Engine } from '../core/engine.js'
import type { PathDefinition } from '../router/path.js'
import { key, keys } from './key.js'
import { keyKms } from './key-kms.js'
import { keyImport, keyImportVersion } from './key-import.js'
import { keyRotate } from './key-rotate.js'
import { keyTrim } from './key-trim.js'
import { kms, providers } from './kms.js'
import { kmsIdentity } from './kms-identity.js'
import { kmsVerify } from './kms-verify.js'
import { kmsKey, kmsKeys } from './kms-key.js'
import { kmsKeyAdopt } from './kms-key-adopt.js'
import { kmsKeyForget } from './kms-key-forget.js'
import { kmsKeyPrimary } from './kms-key-primary.js'
import { kmsKeyRenew } from './kms-key-renew.js'
import { kmsKeyRepair } from './kms-key-repair.js'
import { kmsKeyReplicate } from './kms-key-replicate.js'
import { kmsKeyReplicateRegion } from './kms-key-replicate-region.js'
import { kmsKeyRestore } from './kms-key-restore.js'
import { kmsKeyRevoke } from './kms-key-revoke.js'
import { kmsKeyVerify } from './kms-key-verify.js'

/** The description of the mount, which `path-help keymgmt` prints. */
export const MOUNT_DESCRIPTION = `Generates keys, keeps their material in a sealed store, and distributes copies to
AWS KMS. A key has versions; a provider is an AWS Region with credentials. A key
in a provider has one KMS key for each version, and an alias that points to the
KMS key of the latest one.`

/** Every path that keymgmt serves. */
export const PATHS: readonly PathDefinition<Engine>[] = [
  keys,
  key,
  keyImport,
  keyImportVersion,
  keyRotate,
  keyTrim,
  keyKms,
  providers,
  kms,
  kmsIdentity,
  kmsVerify,
  kmsKeys,
  kmsKey,
  kmsKeyAdopt,
  kmsKeyReplicate,
  kmsKeyReplicateRegion,
  kmsKeyPrimary,
  kmsKeyRevoke,
  kmsKeyRestore,
  kmsKeyVerify,
  kmsKeyRepair,
  kmsKeyRenew,
  kmsKeyForget,
]
