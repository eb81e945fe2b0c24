import { AwsError } from './errors.js'
import type { Operation } from './model/operations.js'
import { stateOf, type Key, type KeyState } from './state.js'

/**
 * The operations that each key state forbids, with the footnote numbers of AWS's table; `-` means
 * allowed. Where AWS's recorded replies differ from its table, the replies apply: cryptographic
 * operations on a key that is pending deletion get 3, not 2.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
 */
const COLUMNS: readonly (readonly KeyState[])[] = [
  ['Enabled'],
  ['Disabled'],
  ['PendingDeletion', 'PendingReplicaDeletion'],
  ['PendingImport'],
  ['Creating'],
  ['Updating'],
]
const USE = '- 1 3 5 14 -'
const ANY = '- - - - - -'
const NOT_GOING = '- - 3 - - -'

const ROWS: Readonly<Partial<Record<Operation, string>>> = {
  CancelKeyDeletion: '4 4 - 4 4 4',
  CreateAlias: NOT_GOING,
  CreateGrant: USE,
  Decapsulate: USE,
  Decrypt: USE,
  DeleteAlias: ANY,
  DeleteImportedKeyMaterial: '- - - - 14 15',
  DeriveSharedSecret: USE,
  DescribeKey: ANY,
  DisableKey: '- - 3 5 14 15',
  DisableKeyRotation: '- 1 3 6 14 -',
  EnableKey: '- - 3 5 14 15',
  EnableKeyRotation: '- 1 3 6 14 -',
  Encapsulate: USE,
  Encrypt: USE,
  GenerateDataKey: USE,
  GenerateDataKeyPair: USE,
  GenerateDataKeyPairWithoutPlaintext: USE,
  GenerateDataKeyWithoutPlaintext: USE,
  GenerateMac: USE,
  GetKeyLastUsage: ANY,
  GetKeyPolicy: ANY,
  GetKeyRotationStatus: '- - - 6 - -',
  GetParametersForImport: '- - 3 - 14 15',
  GetPublicKey: '- - 3 - 14 -',
  ImportKeyMaterial: '- - 3 - 14 -',
  ListAliases: ANY,
  ListGrants: ANY,
  ListKeyPolicies: ANY,
  ListKeyRotations: ANY,
  ListResourceTags: ANY,
  PutKeyPolicy: ANY,
  ReEncrypt: USE,
  ReplicateKey: '- 1 3 5 14 15',
  RetireGrant: ANY,
  RevokeGrant: ANY,
  RotateKeyOnDemand: '- 1 3 5 14 -',
  ScheduleKeyDeletion: '- - 3 - - 15',
  Sign: USE,
  TagResource: NOT_GOING,
  UntagResource: NOT_GOING,
  UpdateAlias: NOT_GOING,
  UpdateKeyDescription: NOT_GOING,
  UpdatePrimaryRegion: '- 1 3 5 14 -',
  Verify: USE,
  VerifyMac: USE,
}

/** The errors of AWS's footnotes. The text of 5 is from a recorded reply, which is shorter. */
const REFUSALS: Readonly<Record<string, readonly [name: string, words: string]>> = {
  1: ['DisabledException', 'is disabled.'],
  3: ['KMSInvalidStateException', 'is pending deletion (or pending replica deletion).'],
  4: ['KMSInvalidStateException', 'is not pending deletion (or pending replica deletion).'],
  5: ['KMSInvalidStateException', 'is pending import.'],
  6: ['UnsupportedOperationException', 'origin is EXTERNAL which is not valid for this operation.'],
  14: ['KMSInvalidStateException', 'is creating.'],
  15: ['KMSInvalidStateException', 'is updating.'],
}

/**
 * Refuses a key whose state does not allow `operation`, in AWS's words.
 * @throws AwsError DisabledException or KMSInvalidStateException
 */
export function assertState(now: Date, key: Key, operation: Operation): void {
  const state = stateOf(now, key)
  const column = COLUMNS.findIndex((states) => states.includes(state))
  const [name, words] = REFUSALS[ROWS[operation]?.split(' ')[column] ?? ''] ?? []
  if (name !== undefined && words !== undefined) throw new AwsError(name, `${key.arn} ${words}`)
}
