import { readFileSync } from 'node:fs'
import { parseFault, readIamPolicy, startDevKms, type DevKms } from '../../../dev-kms/index.js'
import { KeymgmtError } from '../../../errors.js'
import { isLoopback } from '../../../kms/aws/settings.js'

/** The values of the flags of `keymgmt dev`. */
export interface DevFlags {
  readonly listen: { readonly host: string; readonly port: number }
  /** In milliseconds. */
  readonly latency?: number
  readonly quotas: 'aws' | 'none'
  readonly fault?: readonly string[]
  /** Secret access keys by access key id. */
  readonly credentials?: Readonly<Record<string, string>>
  /** Name of a file. */
  readonly policy?: string
}

/**
 * Starts an embedded AWS KMS.
 * @throws KeymgmtError USAGE for an address, a fault or a policy that is not valid.
 */
export async function start({
  listen,
  latency = 0,
  quotas,
  fault = [],
  credentials = {},
  policy,
}: DevFlags): Promise<DevKms> {
  if (!isLoopback(listen.host))
    throw invalid('listen', 'is an address of this machine only: 127.0.0.1, localhost or [::1]')
  const faults = fault.map((text) =>
    orInvalid(
      'fault',
      () => parseFault(text),
      ({ message }) => message,
    ),
  )
  const policies = policy === undefined ? undefined : { default: readJson(policy) }
  if (policies)
    orInvalid(
      'policy',
      () => readIamPolicy(policies.default),
      ({ message }) => `${policy ?? ''} is no IAM policy: ${message}`,
    )
  return startDevKms({
    host: listen.host.replace(/^\[|\]$/g, ''),
    port: listen.port,
    quotas,
    latencyMs: latency,
    faults,
    credentials,
    ...(policies && { policies }),
  })
}

function readJson(file: string): unknown {
  return orInvalid(
    'policy',
    () => JSON.parse(readFileSync(file, 'utf8')) as unknown,
    ({ message }) => `${file} can't be read as JSON: ${message}`,
  )
}

function orInvalid<T>(flag: string, read: () => T, problem: (cause: Error) => string): T {
  try {
    return read()
  } catch (cause) {
    throw invalid(flag, problem(cause as Error))
  }
}

function invalid(flag: string, problem: string): KeymgmtError {
  return new KeymgmtError('USAGE', `invalid value for flag -${flag}: ${problem}`)
}
