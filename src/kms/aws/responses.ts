import type { KMSClient } from '@aws-sdk/client-kms'
import { createPublicKey } from 'node:crypto'
import type { Readable } from 'node:stream'
import { NotSentError } from '../../aws/failure.js'
import { KMS_KEY_ID } from '../key-id.js'
import type { AwsOutput, AwsRequest } from './middleware.js'
import { keyIdOf, textOf, type AwsOperation } from './operations.js'

/** AWS's largest response here, a page of ListKeys, has about 200 kB. */
const LARGEST_RESPONSE = 1024 * 1024

/** The `name` of the error for a response that is too large. */
export const RESPONSE_TOO_LARGE = 'ResponseTooLarge'

/** The `name` of the error for a response that AWS does not send. */
export const RESPONSE_MALFORMED = 'MalformedResponse'

/** The contexts of the requests that were handed to the network. */
const sent = new WeakSet()

/**
 * Reads every response before the SDK does, because the service at an endpoint is not always AWS:
 * bounds its size, and refuses one that AWS does not send. Such a response does not show whether
 * AWS carried out the request.
 */
export function checkResponses(
  client: Pick<KMSClient, 'middlewareStack'>,
  isFromAws: (response: HttpResponse, body: Uint8Array) => boolean,
  bound = LARGEST_RESPONSE,
): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      sent.add(context)
      const result = await next(args)
      const response = result.response as HttpResponse & { body: unknown }
      const body = await readWithin(response.body as Readable, bound)
      if (!isFromAws(response, body)) throw malformed(describeResponse(response, body))
      response.body = body
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'checkResponses' },
  )
}

/**
 * Sends a request once, and checks the fields of the reply.
 * @throws NotSentError if the request failed before it was handed to the network.
 */
export async function sendOnce(
  context: object,
  request: AwsRequest,
  send: () => Promise<AwsOutput>,
): Promise<AwsOutput> {
  sent.delete(context)
  try {
    const output = await send()
    assertOutput(request, output)
    return output
  } catch (error) {
    throw sent.has(context) ? error : new NotSentError(error)
  }
}

/** The parts of an HTTP response that are checked in addition to its body. */
interface HttpResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
}

async function readWithin(body: Readable, bound: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop destroys the stream, and with it the connection.
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > bound) {
      throw Object.assign(new Error(`the response has more than ${bound} bytes`), {
        name: RESPONSE_TOO_LARGE,
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * PURE: true if the response has the form of AWS KMS: a JSON object, with `__type` if it is an
 * error, or an empty body after a success. Each success has AWS's request id; without it, an empty
 * reply of a proxy would look like the success of EnableKey.
 */
export function isFromKms({ statusCode, headers }: HttpResponse, body: Uint8Array): boolean {
  if (statusCode === 200 && headers['x-amzn-requestid'] === undefined) return false
  if (statusCode === 200 && body.length === 0) return true
  const parsed = parseObject(body)
  if (parsed === undefined) return false
  return statusCode === 200 || typeof parsed.__type === 'string'
}

/**
 * PURE: true if the response has the form of STS: an XML document whose root is STS's name for a
 * reply or an error.
 */
export function isFromSts(_response: HttpResponse, body: Uint8Array): boolean {
  const start = Buffer.from(body.subarray(0, 200)).toString()
  return /^\s*(<\?xml[^>]*>\s*)?<(\w+Response)[\s>]/.test(start)
}

function parseObject(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString())
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describeResponse({ statusCode, headers }: HttpResponse, body: Uint8Array): string {
  const type = /^[\w.+/-]{1,60}/.exec(headers['content-type'] ?? '')?.[0]
  const content = body.length === 0 ? 'no content' : `${body.length} bytes of ${type ?? 'data'}`
  return `HTTP status ${statusCode} with ${content}, which is not a response of AWS`
}

function malformed(message: string): Error {
  return Object.assign(new Error(message), { name: RESPONSE_MALFORMED })
}

const KEY_ID = new RegExp(`^(${KMS_KEY_ID})$`)

/** Returns the name of a field of the reply that is not valid. */
type Check = (output: AwsOutput, request: AwsRequest) => string | undefined

/** Checks that the reply names the KMS key of the request. */
const sameKey: Check = ({ KeyId }, { input }) =>
  isSameKey(KeyId, textOf(input, 'KeyId')) ? undefined : 'KeyId'

/** Checks the KMS key in the reply, if the reply names one. */
const sameKeyIfAny: Check = (output, request) =>
  output.KeyId === undefined ? undefined : sameKey(output, request)

const describesKey =
  (field: string): Check =>
  (output, { region, input }) => {
    const metadata = output[field]
    const { KeyId, Arn } = isObject(metadata) ? metadata : {}
    if (typeof KeyId !== 'string' || !KEY_ID.test(KeyId)) return 'KeyId'
    return isKeyArn(Arn, textOf(input, 'ReplicaRegion') || region, KeyId) ? undefined : 'Arn'
  }

/**
 * The checks of the replies. Without them, a reply about another KMS key would count as proof, and
 * material could be wrapped under any public key.
 */
const CHECKS: Readonly<Partial<Record<AwsOperation, readonly Check[]>>> = {
  CreateKey: [describesKey('KeyMetadata')],
  ReplicateKey: [
    describesKey('ReplicaKeyMetadata'),
    // A replica has the id of its primary.
    ({ ReplicaKeyMetadata: metadata }, { input }) =>
      isObject(metadata) && metadata.KeyId === keyIdOf(textOf(input, 'KeyId'))
        ? undefined
        : 'KeyId',
  ],
  DescribeKey: [
    describesKey('KeyMetadata'),
    ({ KeyMetadata }, { input }) => {
      const asked = textOf(input, 'KeyId')
      // An alias may point to any KMS key.
      if (!KEY_ID.test(keyIdOf(asked))) return undefined
      return isObject(KeyMetadata) && isSameKey(KeyMetadata.Arn, asked) ? undefined : 'Arn'
    },
  ],
  GetParametersForImport: [
    sameKey,
    ({ PublicKey }) => (isWrappingKey(PublicKey) ? undefined : 'PublicKey'),
    ({ ImportToken }) => (isBytes(ImportToken, LARGEST_TOKEN) ? undefined : 'ImportToken'),
    ({ ParametersValidTo: end }) =>
      end instanceof Date && !Number.isNaN(end.getTime()) ? undefined : 'ParametersValidTo',
  ],
  ImportKeyMaterial: [
    sameKey,
    ({ KeyMaterialId: id }) =>
      id === undefined || (typeof id === 'string' && /^[\w-]{1,64}$/.test(id))
        ? undefined
        : 'KeyMaterialId',
  ],
  DeleteImportedKeyMaterial: [sameKeyIfAny],
  RotateKeyOnDemand: [sameKeyIfAny],
  GetKeyRotationStatus: [sameKeyIfAny],
  ScheduleKeyDeletion: [sameKey],
  CancelKeyDeletion: [sameKey],
  GetKeyLastUsage: [sameKey],
  GetKeyPolicy: [({ Policy }) => (typeof Policy === 'string' ? undefined : 'Policy')],
  GetPublicKey: [sameKey],
  GenerateMac: [sameKey],
  Encrypt: [
    sameKey,
    ({ CiphertextBlob }) =>
      isBytes(CiphertextBlob, LARGEST_CIPHERTEXT) ? undefined : 'CiphertextBlob',
  ],
  Decrypt: [
    sameKey,
    ({ Plaintext }) => (isBytes(Plaintext, LARGEST_PLAINTEXT) ? undefined : 'Plaintext'),
  ],
  GetCallerIdentity: [
    ({ Account }) => (isAccount(Account) ? undefined : 'Account'),
    ({ Account, Arn }) =>
      typeof Arn === 'string' && CALLER_ARN.exec(Arn)?.[1] === Account ? undefined : 'Arn',
  ],
}

/** The largest input of Encrypt, and its largest output, in bytes. */
const LARGEST_PLAINTEXT = 4096
const LARGEST_CIPHERTEXT = 6144

/** The largest import token, in bytes. */
const LARGEST_TOKEN = 6144

/** An ARN of IAM or STS, with its account. */
const CALLER_ARN = /^arn:aws[a-z-]{0,20}:(?:iam|sts)::(\d{12}):[\x21-\x7e]{1,2048}$/

function isAccount(value: unknown): boolean {
  return typeof value === 'string' && /^\d{12}$/.test(value)
}

function isBytes(value: unknown, longest: number): boolean {
  return value instanceof Uint8Array && value.length > 0 && value.length <= longest
}

/** True if `found` is the KMS key `asked`: each is an id or an ARN. */
function isSameKey(found: unknown, asked: string): boolean {
  if (typeof found !== 'string') return false
  return found.startsWith('arn:') && asked.startsWith('arn:')
    ? found === asked
    : keyIdOf(found) === keyIdOf(asked)
}

/**
 * True for the only kind of wrapping key that keymgmt requests: RSA with 4,096 bits and AWS's
 * exponent.
 */
function isWrappingKey(der: unknown): boolean {
  if (!(der instanceof Uint8Array)) return false
  try {
    const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' })
    const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {}
    return key.asymmetricKeyType === 'rsa' && modulusLength === 4096 && publicExponent === 65537n
  } catch {
    return false
  }
}

/** True for the ARN of the KMS key `id` in `region`, in any account. */
function isKeyArn(arn: unknown, region: string, id: string): boolean {
  if (typeof arn !== 'string') return false
  const [prefix, partition = '', service, place, account = '', ...resource] = arn.split(':')
  return (
    prefix === 'arn' &&
    /^aws[a-z-]{0,20}$/.test(partition) &&
    service === 'kms' &&
    place === region &&
    isAccount(account) &&
    resource.join(':') === `key/${id}`
  )
}

function assertOutput(request: AwsRequest, output: AwsOutput): void {
  for (const check of CHECKS[request.operation] ?? []) {
    const field = check(output, request)
    if (field !== undefined)
      throw malformed(`the response has no valid ${field}, so it is not a response of AWS`)
  }
}

/** The errors of AWS KMS that prove that a request changed nothing. */
const AWS_REFUSALS: ReadonlySet<string> = new Set(
  [
    // Of AWS KMS.
    'AlreadyExists Conflict CustomKeyStoreInvalidState CustomKeyStoreNotFound Disabled',
    'DryRunOperation ExpiredImportToken IncorrectKey IncorrectKeyMaterial InvalidAliasName',
    'InvalidArn InvalidCiphertext InvalidGrantId InvalidGrantToken InvalidImportToken',
    'InvalidKeyUsage InvalidMarker KMSInvalidMac KMSInvalidSignature KMSInvalidState',
    'KeyUnavailable LimitExceeded MalformedPolicyDocument NotFound Tag UnsupportedOperation',
    // Of every AWS service.
    'AccessDenied ExpiredToken IncompleteSignature InvalidClientTokenId InvalidSignature',
    'MalformedHttpRequest MissingAuthenticationToken NotAuthorized OptInRequired RequestExpired',
    'RegionDisabled RequestEntityTooLarge RequestTimeTooSkewed Serialization SignatureDoesNotMatch',
    'TagPolicy Throttling TooManyRequests',
    'UnknownOperation UnrecognizedClient Validation ValidationError',
  ].flatMap((line) => line.split(' ')),
)

/** True if `name` is an error by which AWS states that it did not carry out a request. */
export function isRefusal(name: string): boolean {
  return AWS_REFUSALS.has(name.replace(/Exception$/, ''))
}
