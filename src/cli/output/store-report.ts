import { randomUUID } from 'node:crypto'
import type { Json } from '../../router/values.js'
import type { Versioning } from '../../store/store.js'
import { writeWarning, type Terminal } from '../terminal.js'
import { printWarnings, type Format, type SecretResponse } from './index.js'
import { printOptions } from './response.js'

const MISSING =
  'nobody can bring back a record that was overwritten or deleted by mistake or in an attack, and no earlier copy of the originals is in escrow'
const TURN_ON =
  'To turn it on: aws s3api put-bucket-versioning --bucket BUCKET --versioning-configuration Status=Enabled'

/** The protection that the bucket lacks, by its versioning. */
const WARNINGS: Readonly<Record<Versioning, readonly string[]>> = {
  enabled: [],
  suspended: [`The versioning of the bucket is suspended: after a change, ${MISSING}. ${TURN_ON}`],
  off: [`The bucket has no versioning: ${MISSING}. ${TURN_ON}`],
  unknown: [
    `keymgmt could not find out if the bucket has versioning. Without it, ${MISSING}. Allow s3:GetBucketVersioning, and run the command again.`,
  ],
}

/**
 * Prints facts about a store, and the warnings about a bucket that keeps no earlier versions, which
 * a person sees on stderr. The versioning of a local store is undefined.
 */
export function printStoreReport(
  terminal: Terminal,
  format: Format,
  facts: Readonly<Record<string, Json>>,
  versioning: Versioning | undefined,
): void {
  const data = { ...facts, ...(versioning && { versioning }) }
  printResult(terminal, format, data, versioning ? WARNINGS[versioning] : [])
}

/**
 * Prints the result of a command and its warnings. For a person, prints `rows` instead of the data,
 * and the warnings on stderr.
 */
export function printResult(
  terminal: Terminal,
  format: Format,
  data: Readonly<Record<string, Json>>,
  warnings: readonly string[],
  rows?: SecretResponse['rows'],
): void {
  if (format.humanReadable)
    printWarnings((text) => {
      writeWarning(terminal, text)
    }, warnings)
  const response = { requestId: () => randomUUID(), data, warnings, ...(rows && { rows }) }
  const text = format.secret(response, printOptions(terminal))
  if (text !== '') terminal.out(`${text}\n`)
}
