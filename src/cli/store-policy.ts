import { homedir } from 'node:os'
import { KeymgmtError } from '../errors.js'
import { quotePlain } from '../router/quote.js'
import { locate } from '../store/locate.js'
import { storePolicies } from '../store/s3/policies.js'
import { didYouMean } from '../suggest.js'
import type { Context } from './commands/command.js'
import { printDocument } from './output/document.js'
import type { FormatName } from './output/index.js'

/** The flags of `keymgmt policy store`. */
export interface StorePolicyFlags {
  readonly format: FormatName
  readonly field?: string
  /** The ARN of the KMS key with which the bucket encrypts. */
  readonly bucketKey?: string
  /** The ARNs of the KMS keys that seal the store. */
  readonly sealKey?: readonly string[]
}

const NOTE =
  'On a bucket with versioning, deleting is not erasing: S3 keeps the sealed material of a deleted key as earlier versions, and the bucket policy lets nobody delete them.\n'

/**
 * Prints the policies of the store, or one of them. Returns the exit status. Only the documents go
 * to stdout.
 * @throws KeymgmtError OPERATION_UNSUPPORTED for a local store, USAGE for an unknown field.
 */
export async function printStorePolicy(
  { terminal, settings }: Context,
  { format, field, bucketKey, sealKey: sealKeys = [] }: StorePolicyFlags,
): Promise<number> {
  const location = locate(terminal.env, terminal.platform, homedir, settings)
  if (!('s3' in location)) throw localStoreError(location.storeDir)
  const bucketKeys = bucketKey === undefined ? [] : [bucketKey]
  const policies = storePolicies(location.s3, { bucketKeys, sealKeys })
  const document = field === undefined ? policies : fieldOf(policies, field)
  await printDocument(terminal, document, format)
  terminal.err(NOTE)
  return 0
}

function fieldOf(policies: object, field: string): object {
  const found = Object.entries(policies).find(([name]) => name === field)
  if (found) return found[1] as object
  throw new KeymgmtError('USAGE', `Field ${quotePlain(field)} not present in the policies`, {
    hints: didYouMean(field, Object.keys(policies)),
  })
}

function localStoreError(path: string): KeymgmtError {
  return new KeymgmtError(
    'OPERATION_UNSUPPORTED',
    `the store ${path} is a folder on this machine: it needs no policies`,
    { hints: ['to print the policies of a store on S3, set KEYMGMT_STORE to its URL'] },
  )
}
