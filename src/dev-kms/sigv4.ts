import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isRegion } from './arn.js'
import { AwsError } from './errors.js'

// Independent of the AWS SDK on purpose: the embedded KMS checks the SDK's signatures, so the two
// must not share a mistake.

const MAX_SKEW_MS = 5 * 60_000

/** A request as it was received. */
export interface SignedRequest {
  /** The service in the credential scope: `kms` or `sts`. */
  readonly service: string
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** The secret, and for temporary credentials the token and expiry, of one access key id. */
export interface Credential {
  readonly secret: string
  /** The token that every request with temporary credentials must contain. */
  readonly sessionToken?: string | undefined
  /** Expiry of temporary credentials. */
  readonly expiresAt?: Date | undefined
}

/** The signer and Region of a request. */
export interface Signer {
  readonly accessKeyId: string
  readonly region: string
}

const hash = (data: Buffer | string) => createHash('sha256').update(data).digest('hex')
const hmac = (key: Buffer | string, data: string) => createHmac('sha256', key).update(data).digest()

const incomplete = (message: string) => new AwsError('IncompleteSignatureException', message)
const unrecognized = () =>
  new AwsError(
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
  )
const wrong = (message: string) => new AwsError('InvalidSignatureException', message)

/**
 * Verifies the Signature Version 4 in the Authorization header. `credentials` are by access key id.
 * @throws AwsError MissingAuthenticationTokenException, IncompleteSignatureException,
 * UnrecognizedClientException, ExpiredTokenException or InvalidSignatureException, as AWS does
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function authenticate(
  request: SignedRequest,
  credentials: ReadonlyMap<string, Credential>,
  now: Date,
): Signer {
  const { accessKeyId, date, region, service, signedHeaders, signature } =
    readAuthorization(request)
  const credential = credentials.get(accessKeyId)
  if (!credential) throw unrecognized()
  assertToken(request, credential, now)
  const time = String(request.headers['x-amz-date'] ?? '')
  assertTime(time, now)
  if (!time.startsWith(date))
    throw wrong(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}' != '${time.slice(0, 8)}', from '${time}'.`,
    )
  if (service !== request.service)
    throw wrong(`Credential should be scoped to correct service: '${request.service}'. `)
  if (!isRegion(region)) throw wrong('Credential should be scoped to a valid region. ')
  const scope = `${date}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, hash(canonical(request, signedHeaders))].join(
    '\n',
  )
  const key = [date, region, service, 'aws4_request'].reduce<Buffer | string>(
    (made, part) => hmac(made, part),
    `AWS4${credential.secret}`,
  )
  if (!timingSafeEqual(Buffer.from(signature, 'hex'), hmac(key, toSign))) {
    throw wrong(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    )
  }
  return { accessKeyId, region }
}

interface Authorization extends Signer {
  readonly date: string
  readonly service: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

function readAuthorization({ headers }: SignedRequest): Authorization {
  const header = headers.authorization ?? ''
  if (header === '')
    throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token')
  const [, accessKeyId = '', date = '', region = '', service = '', names = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header,
    ) ?? []
  if (signature === '') throw incomplete('Authorization header is not a valid Signature Version 4')
  const signedHeaders = names.split(';')
  assertSigned(headers, signedHeaders)
  return { accessKeyId, date, region, service, signedHeaders, signature }
}

/**
 * Requires a signature over `host` and every `x-amz-` header of the request. The list of signed
 * headers must be sorted, without duplicates, and contain only headers of the request.
 */
function assertSigned(headers: IncomingHttpHeaders, signedHeaders: readonly string[]): void {
  const ordered = signedHeaders.toSorted().filter((name, index, all) => name !== all[index - 1])
  if (
    ordered.join() !== signedHeaders.join() ||
    signedHeaders.some((name) => name !== name.toLowerCase())
  ) {
    throw incomplete('SignedHeaders must be in lower case, in order, and none of them twice')
  }
  const missing = signedHeaders.find((name) => headers[name] === undefined)
  if (missing !== undefined)
    throw incomplete(`the signed header '${missing}' is not in the request`)
  const needed = [
    'host',
    'x-amz-date',
    ...Object.keys(headers).filter((name) => name.startsWith('x-amz-')),
  ]
  const unsigned = needed.find((name) => !signedHeaders.includes(name))
  if (unsigned !== undefined)
    throw wrong(
      `'Host' or ':authority' and every 'x-amz-' header must be signed: '${unsigned}' is not.`,
    )
}

/** Requires the token of temporary credentials, and none for long-term credentials. */
function assertToken(
  { headers }: SignedRequest,
  { sessionToken, expiresAt }: Credential,
  now: Date,
): void {
  if (headers['x-amz-security-token'] !== sessionToken) throw unrecognized()
  if (expiresAt && expiresAt <= now)
    throw new AwsError(
      'ExpiredTokenException',
      'The security token included in the request is expired',
    )
}

function canonical(
  { method, url, headers, body }: SignedRequest,
  signedHeaders: readonly string[],
): string {
  const [path = '/', query = ''] = url.split('?')
  const lines = signedHeaders.map(
    (name) => `${name}:${String(headers[name]).trim().replace(/\s+/g, ' ')}`,
  )
  return [method, path, query, ...lines, '', signedHeaders.join(';'), hash(body)].join('\n')
}

function readTime(text: string): Date | undefined {
  const [, year, month, day, hours, minutes, seconds] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? []
  const time = new Date(
    `${String(year)}-${String(month)}-${String(day)}T${String(hours)}:${String(minutes)}:${String(seconds)}Z`,
  )
  return Number.isNaN(time.getTime()) ? undefined : time
}

const basic = (date: Date) => date.toISOString().replace(/[-:]|\.\d+/g, '')

function assertTime(text: string, now: Date): void {
  const time = readTime(text)
  if (!time)
    throw incomplete(
      `Date must be in ISO-8601 'basic format'. Got '${text}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    )
  const [earliest, latest] = [
    new Date(now.getTime() - MAX_SKEW_MS),
    new Date(now.getTime() + MAX_SKEW_MS),
  ]
  if (time < earliest)
    throw wrong(
      `Signature expired: ${text} is now earlier than ${basic(earliest)} (${basic(now)} - 5 min.)`,
    )
  if (time > latest)
    throw wrong(
      `Signature not yet current: ${text} is still later than ${basic(latest)} (${basic(now)} + 5 min.)`,
    )
}
