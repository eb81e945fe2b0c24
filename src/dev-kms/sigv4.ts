import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { AwsError } from './errors.js'

const MAX_SKEW_MS = 5 * 60_000

/** A request as it was received. */
export interface SignedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Who signed a request, and for which Region. */
export interface Signer {
  readonly accessKeyId: string
  readonly region: string
}

const hash = (data: Buffer | string) => createHash('sha256').update(data).digest('hex')
const hmac = (key: Buffer | string, data: string) => createHmac('sha256', key).update(data).digest()

/**
 * Checks the signature (Signature Version 4, in the Authorization header) against the secrets by access key id.
 * @throws AwsError as AWS does: unknown id, wrong signature, none, or one of another time.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function authenticate(request: SignedRequest, secrets: ReadonlyMap<string, string>, now: Date): Signer {
  const header = request.headers.authorization ?? ''
  if (header === '') throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token')
  const [, accessKeyId = '', date = '', region = '', service = '', signedHeaders = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(header) ?? []
  if (signature === '') throw new AwsError('IncompleteSignatureException', 'Authorization header is not a valid Signature Version 4')
  const secret = secrets.get(accessKeyId)
  if (secret === undefined) throw new AwsError('UnrecognizedClientException', 'The security token included in the request is invalid.')
  const time = String(request.headers['x-amz-date'] ?? '')
  assertTime(time, now)
  const mismatch = new AwsError(
    'InvalidSignatureException',
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  )
  if (service !== 'kms' || !signedHeaders.split(';').includes('host')) throw mismatch
  const scope = `${date}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, hash(canonical(request, signedHeaders))].join('\n')
  const key = [date, region, service, 'aws4_request'].reduce<Buffer | string>((made, part) => hmac(made, part), `AWS4${secret}`)
  if (!timingSafeEqual(Buffer.from(signature, 'hex'), hmac(key, toSign))) throw mismatch
  return { accessKeyId, region }
}

function canonical({ method, url, headers, body }: SignedRequest, signedHeaders: string): string {
  const [path = '/', query = ''] = url.split('?')
  const lines = signedHeaders.split(';').map((name) => `${name}:${String(headers[name] ?? '').trim().replace(/ +/g, ' ')}`)
  return [method, path, query, ...lines, '', signedHeaders, hash(body)].join('\n')
}

function assertTime(time: string, now: Date): void {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? []
  const [year = 0, month = 1, ...rest] = parts.map(Number)
  const signed = Date.UTC(year, month - 1, ...rest)
  if (parts.length === 0 || Math.abs(now.getTime() - signed) > MAX_SKEW_MS) {
    throw new AwsError('InvalidSignatureException', `Signature expired: ${time} is not within 5 min of ${now.toISOString()}`)
  }
}
