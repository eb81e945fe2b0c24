import { KeymgmtError } from '../errors.js'

/** Names of socket failures after which nothing can have reached AWS. */
const NOT_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_TLS_.*|CERT_.*|.*SELF_SIGNED_CERT.*|UNABLE_TO_.*)$/

/** A failure before the request was handed to the network: AWS has not seen it. */
export class NotSentError extends Error {
  constructor(cause: unknown) {
    super('the request was not sent', { cause })
  }
}

/** The parts of an SDK error that keymgmt uses. Any of them may be missing. */
export interface AwsFailure {
  readonly error: unknown
  readonly name: string
  readonly message: string
  readonly code: string
  readonly status: number | undefined
  readonly requestId: string | undefined
  /** False if keymgmt failed before it handed the request to the network. */
  readonly sent: boolean
  /** True if AWS's clock differs from this machine's, and the SDK now corrects for that. */
  readonly clockCorrected: boolean
}

interface Metadata {
  readonly httpStatusCode?: number
  readonly requestId?: string
  readonly clockSkewCorrected?: boolean
}

/** Returns the parts of any thrown value. */
export function readFailure(thrown: unknown): AwsFailure {
  const sent = !(thrown instanceof NotSentError || thrown instanceof KeymgmtError)
  const error = thrown instanceof NotSentError ? thrown.cause : thrown
  const { name, message, code, $metadata } = (error ?? {}) as {
    name?: unknown
    message?: unknown
    code?: unknown
    $metadata?: Metadata
  }
  return {
    error,
    name: textOr('Error', name),
    message: textOr('', message),
    code: textOr('', code),
    status: $metadata?.httpStatusCode,
    requestId: $metadata?.requestId,
    sent,
    clockCorrected: $metadata?.clockSkewCorrected === true,
  }
}

/** The reply is untrusted: a value may be of any type. */
function textOr(otherwise: string, value: unknown): string {
  return typeof value === 'string' ? value : otherwise
}

/** True if no connection was opened, so AWS did not see the request. */
export function isNotConnected({ code, sent }: AwsFailure): boolean {
  return sent && NOT_CONNECTED.test(code)
}
