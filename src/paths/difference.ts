import type { Difference } from '../core/operations/verify.js'
import type { Json } from '../router/values.js'

/** A difference as data. */
export function differenceData(
  { what, region, version, subject, expected, found, mendable }: Difference,
  path: string,
): Record<string, Json> {
  return {
    what,
    region,
    version: version ?? 0,
    subject,
    expected,
    found,
    mend: mendable ? repairCommand(path) : null,
  }
}

/** A difference as a row of a table. */
export function differenceRow(
  { what, region, version, subject, expected, found, mendable }: Difference,
  path: string,
): Record<string, string> {
  return {
    Region: region,
    Version: version === undefined ? '' : String(version),
    What: what,
    Subject: subject,
    Expected: expected,
    Found: found,
    Mend: mendable ? repairCommand(path) : "can't be mended",
  }
}

function repairCommand(path: string): string {
  return `keymgmt write -f ${path}/repair`
}
