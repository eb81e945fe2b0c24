import type { IncomingMessage } from 'node:http'
import { AwsError } from './errors.js'
import { perform, type Call, type Service } from './service.js'
import { callerIdentity, stsError, STS_CONTENT_TYPE } from './sts.js'

/** One of AWS's protocols: the service, and the form of its replies and errors. */
interface Protocol {
  /** The service in the credential scope of the signature. */
  readonly service: 'kms' | 'sts'
  /** The content type of a request. */
  readonly accepts: string
  /** The content type of a reply. */
  readonly contentType: string
  operationOf(request: IncomingMessage, body: Buffer): string
  /**
   * Carries out a request. Returns the reply's body, or 'dropped' if a fault loses it.
   * @throws AwsError
   */
  reply(service: Service, call: Call): Promise<string>
  failure(error: AwsError, requestId: string): string
}

const KMS: Protocol = {
  service: 'kms',
  accepts: 'application/x-amz-json-1.1',
  contentType: 'application/x-amz-json-1.1',
  operationOf: ({ headers }) =>
    /^TrentService\.(\w+)$/.exec(String(headers['x-amz-target'] ?? ''))?.[1] ?? '',
  reply: async (service, call) => {
    const output = await perform(service, call)
    return output === 'dropped' ? output : JSON.stringify(output)
  },
  failure: ({ name, message }) => JSON.stringify({ __type: name, message }),
}

const STS: Protocol = {
  service: 'sts',
  accepts: STS_CONTENT_TYPE,
  contentType: 'text/xml',
  operationOf: (_request, body) => new URLSearchParams(body.toString()).get('Action') ?? '',
  reply: ({ account }, { body, region, requestId }) =>
    Promise.resolve(callerIdentity(body, { account: account.id, name: region }, requestId)),
  failure: stsError,
}

function contentTypeOf({ headers }: IncomingMessage): string | undefined {
  return headers['content-type']?.split(';')[0]?.trim()
}

/** The protocol of a request, by its content type. The default is KMS's. */
export function protocolOf(request: IncomingMessage): Protocol {
  return contentTypeOf(request) === STS.accepts ? STS : KMS
}

const LOOPBACK_HOST = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?$/i

/**
 * Refuses requests from web pages. A page whose name resolves to this machine (DNS rebinding) sends
 * its own name as `Host`; a page of another site sends an `Origin`.
 * @throws AwsError AccessDeniedException, with status 403
 */
export function assertLocal({ headers: { host = '', origin } }: IncomingMessage): void {
  if (origin === undefined && LOOPBACK_HOST.test(host)) return
  const problem = origin === undefined ? 'a Host that is not loopback' : 'an Origin'
  throw new AwsError(
    'AccessDeniedException',
    `The embedded KMS refuses a request with ${problem}`,
    403,
  )
}

/**
 * Refuses a signed request that is not a POST to `/` with the protocol's content type.
 * @throws AwsError UnknownOperationException
 */
export function assertForm(request: IncomingMessage, { accepts }: Protocol): void {
  const { method, url, headers } = request
  const wellFormed = method === 'POST' && url === '/' && contentTypeOf(request) === accepts
  if (headers.authorization !== undefined && !wellFormed)
    throw new AwsError(
      'UnknownOperationException',
      `AWS KMS expects POST / with content type ${accepts}`,
    )
}
