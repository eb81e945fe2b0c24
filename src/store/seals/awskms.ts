import type { RootKey, SealEntry } from '../../crypto/root-key.js'
import { KeymgmtError } from '../../errors.js'
import type { Seal, SealingKmsKey, SealMeans } from './seal.js'
import { assertOpens } from './secret-seal.js'

/** The actions of AWS KMS that a seal needs: to open the store, it needs only kms:Decrypt. */
export const SEAL_ACTIONS = ['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey'] as const

/** The ARN of a KMS key. An alias could be pointed to another KMS key later. */
const KEY_ARN =
  /^arn:aws[a-z-]{0,20}:kms:([a-z0-9-]{1,40}):(\d{12}):key\/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Wraps the root key with Encrypt of AWS KMS. The encryption context is the id of the store. */
export const awskms: Seal = {
  async wrap(root, arn = '', means) {
    if (!KEY_ARN.test(arn)) throw arnError()
    const key = await open(arn, means)
    await assertSuitable(arn, key)
    return { entry: await seal(arn, key, root), isProven: true }
  },
  rewrap: async (entry, root, means) => seal(arnOf(entry), await open(arnOf(entry), means), root),
  async unwrap(entry, storeId, means) {
    const key = await open(arnOf(entry), means)
    return { key: await decrypt(entry, storeId, key) }
  },
}

async function open(arn: string, { kmsKey }: SealMeans): Promise<SealingKmsKey> {
  if (kmsKey) return kmsKey(arn)
  throw new KeymgmtError('STORE_SEALED', `there is no access to AWS KMS for KMS key ${arn}`, {
    hints: ['open the store with openEngine, or with another seal'],
  })
}

async function seal(arn: string, key: SealingKmsKey, root: RootKey): Promise<SealEntry> {
  const wrapped = await explain(arn, 'kms:Encrypt', key.encrypt(root.key, contextOf(root.storeId)))
  const entry = { kind: 'awskms', id: arn, wrapped: Buffer.from(wrapped).toString('base64') }
  assertOpens(await decrypt(entry, root.storeId, key), root)
  return entry
}

function decrypt(entry: SealEntry, storeId: string, key: SealingKmsKey): Promise<Uint8Array> {
  const wrapped = Buffer.from(entry.wrapped, 'base64')
  return explain(arnOf(entry), 'kms:Decrypt', key.decrypt(wrapped, contextOf(storeId)))
}

/** A policy can require it, and AWS CloudTrail shows it. */
function contextOf(storeId: string): Readonly<Record<string, string>> {
  return { 'keymgmt:store': storeId }
}

/** The form is checked again: the header is not authenticated before it is open. */
function arnOf({ id = '' }: SealEntry): string {
  if (KEY_ARN.test(id)) return id
  throw new KeymgmtError('STORE_CORRUPT', 'the header of the store names an invalid KMS key', {
    hints: ['restore the header (seal.json) from a backup'],
  })
}

function arnError(): KeymgmtError {
  return refusedError('the value of awskms: is not the ARN of a KMS key', [
    'an ARN has the form arn:aws:kms:REGION:ACCOUNT:key/ID; to find it: aws kms describe-key --key-id alias/NAME',
  ])
}

function refusedError(message: string, hints: readonly string[]): KeymgmtError {
  return new KeymgmtError('SEAL_REFUSED', message, { hints })
}

/** The next steps for a KMS key whose state prevents encryption and decryption. */
const BY_STATE: Readonly<Record<string, (arn: string) => string>> = {
  disabled: (arn) => `enable it: aws kms enable-key --key-id ${arn} --region ${regionOf(arn)}`,
  'pending-deletion': (arn) =>
    `cancel its deletion, and enable it: aws kms cancel-key-deletion --key-id ${arn} --region ${regionOf(arn)}; aws kms enable-key --key-id ${arn} --region ${regionOf(arn)}`,
}

/**
 * Opening a store must never depend on a KMS key that the store itself manages, and those have
 * imported material.
 */
async function assertSuitable(arn: string, key: SealingKmsKey): Promise<void> {
  const facts = await explain(arn, 'kms:DescribeKey', key.describe())
  if (!facts) throw notFoundError(arn)
  if (facts.isExternal)
    throw refusedError(`KMS key ${arn} has imported material, so it can't seal a store`, [
      'use a KMS key whose material AWS generated: aws kms create-key',
      'a store that is sealed with a KMS key that it manages could not open itself',
    ])
  if (!facts.isSymmetric)
    throw refusedError(`KMS key ${arn} is not a symmetric key for encryption`, [
      'use a KMS key with the spec SYMMETRIC_DEFAULT and the usage ENCRYPT_DECRYPT',
    ])
  if (facts.state !== 'enabled')
    throw refusedError(`KMS key ${arn} is ${facts.state}`, [
      BY_STATE[facts.state]?.(arn) ?? 'use a KMS key that is enabled',
    ])
}

function notFoundError(arn: string, requestId?: string): KeymgmtError {
  return new KeymgmtError('KMS_KEY_NOT_FOUND', `there is no KMS key ${arn}`, {
    hints: [accountHint(arn), 'if AWS has deleted the KMS key, only another seal opens the store'],
    requestId,
  })
}

function accountHint(arn: string): string {
  return `the KMS key is in account ${accountOf(arn)}; to see the account of your credentials: aws sts get-caller-identity`
}

function regionOf(arn: string): string {
  return KEY_ARN.exec(arn)?.[1] ?? ''
}

function accountOf(arn: string): string {
  return KEY_ARN.exec(arn)?.[2] ?? ''
}

type Explainer = (arn: string, action: string, error: KeymgmtError) => KeymgmtError

/** Creates the error for a refusal, by the name of AWS's error. */
const EXPLAINERS: Readonly<Record<string, Explainer>> = {
  DisabledException: (arn, _action, error) =>
    sealed(`KMS key ${arn} is disabled`, [BY_STATE.disabled?.(arn) ?? ''], error),
  KMSInvalidStateException: (arn, _action, error) =>
    sealed(
      `KMS key ${arn} is pending deletion, or in another state in which it opens nothing`,
      [BY_STATE['pending-deletion']?.(arn) ?? ''],
      error,
    ),
  NotFoundException: (arn, _action, { requestId }) => notFoundError(arn, requestId),
  AccessDeniedException: (arn, action, error) =>
    new KeymgmtError('KMS_ACCESS_DENIED', `AWS denies ${action} with KMS key ${arn}`, {
      hints: [...error.hints, accountHint(arn)],
      requestId: error.requestId,
      awsError: error.awsError,
      cause: error,
    }),
  InvalidCiphertextException: wrongKey,
  IncorrectKeyException: wrongKey,
}

function wrongKey(arn: string, _action: string, error: KeymgmtError): KeymgmtError {
  return sealed(
    `KMS key ${arn} does not open this store: its header was changed, or belongs to another store`,
    ['restore the header (seal.json) from a backup, or use another seal; nothing was changed'],
    error,
  )
}

function sealed(message: string, hints: readonly string[], error: KeymgmtError): KeymgmtError {
  const { requestId, awsError } = error
  return new KeymgmtError('STORE_SEALED', message, { hints, requestId, awsError, cause: error })
}

/** Replaces AWS's refusal by an error that names the whole ARN and the next step. */
async function explain<T>(arn: string, action: string, reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (error) {
    if (!(error instanceof KeymgmtError)) throw error
    throw EXPLAINERS[error.awsError ?? '']?.(arn, action, error) ?? error
  }
}
