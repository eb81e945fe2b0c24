/** A known difference between an emulator and AWS's documentation. */
export interface Divergence {
  /** The name of the emulator. */
  readonly target: string
  readonly operation: string
  /**
   * Matches the checks that fail because of it: all of them must fail. If several rows match a
   * check, the first one counts.
   */
  readonly checks: RegExp
  /**
   * A part of the message of each of these failures. A failure with another message is another
   * divergence.
   */
  readonly seen: string
  readonly does: string
  readonly aws: string
  readonly source: string
}

const API = 'https://docs.aws.amazon.com/kms/latest/APIReference/API_'
const GUIDE = 'https://docs.aws.amazon.com/kms/latest/developerguide/'

export const DIVERGENCES: readonly Divergence[] = [
  {
    target: 'localstack',
    operation: 'CreateKey',
    checks: /ed25519/,
    seen: "Value 'ECC_NIST_EDWARDS25519' at 'keySpec' failed to satisfy constraint",
    does: 'does not have the key spec ECC_NIST_EDWARDS25519',
    aws: 'has that key spec',
    source: `${API}CreateKey.html`,
  },
  {
    target: 'localstack',
    operation: 'ImportKeyMaterial',
    checks:
      /aes256-gcm96.*: (deleteMaterial, then importMaterial|accepts refuses other material|the replica refuses other material)/,
    seen: 'KMSInvalidStateException: New key material',
    does: 'if symmetric material is imported again without ImportType, treats it as new material that awaits a rotation',
    aws: 'without ImportType, it is the existing material if there is any; other bytes are refused with IncorrectKeyMaterialException',
    source: `${API}ImportKeyMaterial.html`,
  },
  {
    target: 'localstack',
    operation: 'ImportKeyMaterial',
    checks: /refuses other material/,
    seen: 'true !== false',
    does: 'replaces the material of an asymmetric or HMAC KMS key',
    aws: 'refuses other material than the first with IncorrectKeyMaterialException',
    source: `${GUIDE}importing-keys-import-key-material.html`,
  },
  {
    target: 'localstack',
    operation: 'ImportKeyMaterial',
    checks: /refused as material: (16 bytes|a key)/,
    seen: 'it was not refused',
    does: 'accepts material whose length, curve or size differs from the key spec',
    aws: 'refuses it',
    source: `${GUIDE}importing-keys-conceptual.html`,
  },
  {
    target: 'localstack',
    operation: 'ImportKeyMaterial',
    checks: /refused as material: bytes that are no PKCS#8/,
    seen: "+ 'enabled' - 'pending-import'",
    does: 'returns an error for bytes that are not PKCS#8, but enables the KMS key',
    aws: 'the KMS key stays in PendingImport',
    source: `${API}ImportKeyMaterial.html`,
  },
  {
    target: 'localstack',
    operation: 'Decrypt',
    checks: /a revocation that is restored|verify and repair: deleted material/,
    seen: 'kms.Decrypt: key must be bytes-like',
    does: 'cannot decrypt after symmetric material was deleted and imported again',
    aws: 'decrypts as before',
    source: `${GUIDE}importing-keys-delete-key-material.html`,
  },
  {
    target: 'localstack',
    operation: 'CancelKeyDeletion',
    checks: /cancelDeletion, and once more/,
    seen: 'DisabledException',
    does: 'returns DisabledException for a disabled KMS key',
    aws: 'KMSInvalidStateException: it is not pending deletion',
    source: `${GUIDE}key-state.html`,
  },
  {
    target: 'localstack',
    operation: 'EnableKey, DisableKey',
    checks: /(enable|disable) while it has no material/,
    seen: 'it was not refused',
    does: 'succeeds in PendingImport',
    aws: 'KMSInvalidStateException',
    source: `${GUIDE}key-state.html`,
  },
  {
    target: 'localstack',
    operation: 'ReplicateKey',
    checks: /the replica has tags of its own/,
    seen: '+ {} -',
    does: 'drops the tags of the request',
    aws: 'the replica has them',
    source: `${API}ReplicateKey.html`,
  },
  {
    target: 'localstack',
    operation: 'ReplicateKey',
    checks:
      /binary, commands: (replicate( all but a disabled version)?|(add|drop|restore) a( dropped)? Region|rotate everywhere|restore|set a custom alias)$/,
    seen: "keymgmt's tags missing or changed: managed-by",
    does: 'drops the tags of the request, and does not copy later tags to a replica: `verify` finds both',
    aws: 'every related KMS key lists all of them',
    source: `${GUIDE}multi-region-keys-replicate.html`,
  },
  {
    target: 'localstack',
    operation: 'ReplicateKey',
    checks: /the replica is empty/,
    seen: "+ state: 'enabled' - state: 'pending-import'",
    does: 'copies imported material into the replica',
    aws: 'the replica is in PendingImport until the same material is imported there',
    source: `${GUIDE}multi-region-keys-import.html`,
  },
  {
    target: 'localstack',
    operation: 'ImportKeyMaterial',
    checks: /binary, commands: renew$/,
    seen: 'KMSInvalidStateException: New key material',
    does: 'takes the same material without ImportType for new material, so that it can be renewed only once',
    aws: 'without ImportType, it is the existing material if there is any',
    source: `${API}ImportKeyMaterial.html`,
  },
  {
    target: 'localstack',
    operation: 'DescribeKey',
    checks: /binary, commands: (distribute, with an expiry|renew until a fixed end)$/,
    seen: 'Z never',
    does: 'does not show when material expires',
    aws: 'ValidTo is the earliest expiry of the material',
    source: `${API}DescribeKey.html`,
  },
  {
    target: 'localstack',
    operation: 'UpdatePrimaryRegion',
    checks: /binary, commands: (?!.*primary in place).*primary/,
    seen: 'UpdatePrimaryRegion in',
    does: 'does not have the operation: no primary is moved',
    aws: 'has it',
    source: `${API}UpdatePrimaryRegion.html`,
  },
  {
    target: 'localstack',
    operation: 'ListKeyRotations',
    checks: /binary, commands: (?!.*primary elsewhere).*in place/,
    seen: 'ListKeyRotations in',
    does: 'does not have the operation: no key is rotated in place',
    aws: 'has it',
    source: `${API}ListKeyRotations.html`,
  },
  {
    target: 'localstack',
    operation: 'GetKeyLastUsage',
    checks: /binary, commands: (cancel a )?trim/,
    seen: 'its last use is unknown (GetKeyLastUsage',
    does: 'does not have the operation: `trim` refuses, because the last use is unknown',
    aws: 'has it since April 2026',
    source: `${API}GetKeyLastUsage.html`,
  },
  {
    target: 'localstack',
    operation: 'ScheduleKeyDeletion',
    checks: /scheduleDeletion of the primary waits for its replica/,
    seen: '- undefined',
    does: 'sets a deletion date for a primary with replicas',
    aws: 'it is in PendingReplicaDeletion, without one',
    source: `${API}ScheduleKeyDeletion.html`,
  },
  {
    target: 'ministack',
    operation: 'ImportKeyMaterial',
    checks: /refuses other material/,
    seen: 'true !== false',
    does: 'replaces the material of a KMS key',
    aws: 'refuses other material than the first with IncorrectKeyMaterialException',
    source: `${GUIDE}importing-keys-import-key-material.html`,
  },
  {
    target: 'ministack',
    operation: 'DeriveSharedSecret',
    checks: /for derive: it computes with our material/,
    seen: 'InvalidAction: Unknown action: DeriveSharedSecret',
    does: 'does not have the operation',
    aws: 'has it',
    source: `${API}DeriveSharedSecret.html`,
  },
  {
    target: 'ministack',
    operation: 'EnableKey, DisableKey',
    checks: /(enable|disable) while it/,
    seen: 'it was not refused',
    does: 'succeeds in PendingImport and in PendingDeletion',
    aws: 'KMSInvalidStateException',
    source: `${GUIDE}key-state.html`,
  },
  {
    target: 'ministack',
    operation: 'TagResource',
    checks: /tag while it is to be deleted/,
    seen: 'it was not refused',
    does: 'succeeds in PendingDeletion',
    aws: 'KMSInvalidStateException',
    source: `${GUIDE}key-state.html`,
  },
  {
    target: 'ministack',
    operation: 'CreateAlias',
    checks: /pointAlias at what is to be deleted/,
    seen: 'it was not refused',
    does: 'succeeds in PendingDeletion',
    aws: 'KMSInvalidStateException',
    source: `${GUIDE}key-state.html`,
  },
  {
    target: 'ministack',
    operation: 'ReplicateKey',
    checks: /the replica is empty/,
    seen: "+ state: 'enabled' - state: 'pending-import'",
    does: 'copies imported material into the replica',
    aws: 'the replica is in PendingImport until the same material is imported there',
    source: `${GUIDE}multi-region-keys-import.html`,
  },
  {
    target: 'ministack',
    operation: 'ScheduleKeyDeletion',
    checks: /scheduleDeletion of the primary waits for its replica/,
    seen: '- undefined',
    does: 'sets a deletion date for a primary with replicas',
    aws: 'it is in PendingReplicaDeletion, without one',
    source: `${API}ScheduleKeyDeletion.html`,
  },
  {
    target: 'ministack',
    operation: 'CancelKeyDeletion',
    checks: /binary, commands: restore( a dropped Region)?$/,
    seen: 'multi-region mrk-',
    does: 'does not list the replica among the related KMS keys again: `verify` finds that',
    aws: 'a replica that is not deleted is one of them',
    source: `${API}DescribeKey.html`,
  },
  {
    target: 'ministack',
    operation: 'UpdatePrimaryRegion',
    checks: /binary, commands: (?!.*primary in place).*primary/,
    seen: 'InvalidAction: Unknown action: UpdatePrimaryRegion',
    does: 'does not have the operation: no primary is moved',
    aws: 'has it',
    source: `${API}UpdatePrimaryRegion.html`,
  },
  {
    target: 'ministack',
    operation: 'ListKeyRotations',
    checks: /binary, commands: (?!.*primary elsewhere).*in place/,
    seen: 'InvalidAction: Unknown action: ListKeyRotations',
    does: 'does not have the operation: no key is rotated in place',
    aws: 'has it',
    source: `${API}ListKeyRotations.html`,
  },
  {
    target: 'ministack',
    operation: 'GetKeyLastUsage',
    checks: /binary, commands: (cancel a )?trim/,
    seen: 'InvalidAction: Unknown action: GetKeyLastUsage',
    does: 'does not have the operation: `trim` refuses, because the last use is unknown',
    aws: 'has it since April 2026',
    source: `${API}GetKeyLastUsage.html`,
  },
]
