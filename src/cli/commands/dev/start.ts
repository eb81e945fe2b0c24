import {
  FAULT_KINDS,
  FAULT_OPERATIONS,
  parseFault,
  readIamPolicy,
  startDevKms,
  type DevKms,
  type Fault,
} from '../../../dev-kms/index.js'
import { KeymgmtError } from '../../../errors.js'
import { clockOf } from '../../dev-clock.js'
import { readRegularFile, UnsuitableFileError } from '../../../regular-file.js'
import { isLoopback } from '../../../aws/endpoint.js'
import { didYouMean } from '../../../suggest.js'

/** The values of the flags of `keymgmt dev`. */
export interface DevFlags {
  /** The 12 digits of the AWS account. */
  readonly account?: string
  readonly listen: { readonly host: string; readonly port: number }
  /** In milliseconds. */
  readonly latency?: number
  /** Absolute path of a file with the offset of the clock. */
  readonly clock?: string
  readonly quotas: 'aws' | 'none'
  readonly fault?: readonly string[]
  /** Secret access keys by access key id. */
  readonly credentials?: Readonly<Record<string, string>>
  /** Name of a file. */
  readonly policy?: string
}

/**
 * Starts an embedded AWS KMS.
 * @throws KeymgmtError USAGE for an address that can't be listened on, and for a fault or a policy
 * that is not valid.
 */
export async function start({
  account,
  listen,
  latency = 0,
  clock,
  quotas,
  fault = [],
  credentials = {},
  policy,
}: DevFlags): Promise<DevKms> {
  if (!isLoopback(listen.host))
    throw invalid('listen', 'must be an address of this machine: 127.0.0.1, localhost or [::1]')
  const faults = fault.map(readFault)
  const policies = policy === undefined ? undefined : { default: readJson(policy) }
  if (policies)
    orInvalid(
      'policy',
      () => readIamPolicy(policies.default),
      ({ message }) => `${policy ?? ''} is not an IAM policy: ${message}`,
    )
  const now = clock === undefined ? undefined : clockOf(clock)
  now?.()
  return startDevKms({
    host: listen.host.replace(/^\[|\]$/g, ''),
    port: listen.port,
    quotas,
    latencyMs: latency,
    faults,
    credentials,
    ...(account !== undefined && { accountId: account }),
    ...(now && { now }),
    ...(policies && { policies }),
  }).catch((error: unknown) => {
    throw listenError(error as NodeJS.ErrnoException, listen)
  })
}

/** Converts the error of an address that can't be listened on. Returns any other unchanged. */
function listenError(error: NodeJS.ErrnoException, { host, port }: DevFlags['listen']): Error {
  const anyPort = `use another port, or 0 for any free one: -listen=${host}:0`
  switch (error.code) {
    case 'EADDRINUSE':
      return invalid('listen', `another program uses port ${port} of ${host}`, [anyPort])
    case 'EACCES':
    case 'EPERM':
      return invalid('listen', `you are not permitted to listen on port ${port}`, [anyPort])
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return invalid('listen', `this machine has no address ${host}`, [
        'use the default address: -listen=127.0.0.1:0',
      ])
    default:
      return error.code === undefined
        ? error
        : invalid('listen', `${host}:${port} can't be listened on: ${error.code}`, [anyPort])
  }
}

function readFault(text: string): Fault {
  const [operation = '', nth = '', kind = '', ...rest] = text.split(':')
  const isKind = (candidate: string) => FAULT_KINDS.some((known) => known === candidate)
  const withFirst = `${operation}:1:${nth}`
  return orInvalid(
    'fault',
    () => parseFault(text),
    ({ message }) => message,
    [
      ...([...FAULT_OPERATIONS, '*'].includes(operation)
        ? []
        : didYouMean(operation, FAULT_OPERATIONS)),
      ...(kind === '' || isKind(kind) ? [] : didYouMean(kind, FAULT_KINDS)),
      ...(rest.length === 0 && isKind(nth) ? [`did you mean "${withFirst}"?`] : []),
    ],
  )
}

/** Maximum size of a policy file in bytes. IAM's policies have a few thousand characters. */
const MAX_POLICY_SIZE = 1024 * 1024

function readJson(file: string): unknown {
  return orInvalid(
    'policy',
    () => JSON.parse(readRegularFile(file, { maxSize: MAX_POLICY_SIZE }).toString()) as unknown,
    (error) =>
      error instanceof UnsuitableFileError
        ? `${file} ${error.message}`
        : `${file} can't be read as JSON: ${error.message}`,
  )
}

function orInvalid<T>(
  flag: string,
  read: () => T,
  problem: (cause: Error) => string,
  hints: readonly string[] = [],
): T {
  try {
    return read()
  } catch (cause) {
    throw invalid(flag, problem(cause as Error), hints)
  }
}

function invalid(flag: string, problem: string, hints: readonly string[] = []): KeymgmtError {
  return new KeymgmtError('USAGE', `invalid value for flag -${flag}: ${problem}`, { hints })
}
