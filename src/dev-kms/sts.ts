import { callerArn, type Place } from './arn.js'
import { AwsError } from './errors.js'

/** The content type of STS's Query protocol. */
export const STS_CONTENT_TYPE = 'application/x-www-form-urlencoded'

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'

/**
 * The reply of STS to `GetCallerIdentity`, in XML. It needs no permission.
 * @throws AwsError InvalidAction for every other operation
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export function callerIdentity(body: Buffer, place: Place, requestId: string): string {
  const action = new URLSearchParams(body.toString()).get('Action') ?? ''
  if (action !== 'GetCallerIdentity')
    throw new AwsError('InvalidAction', 'The embedded KMS has only GetCallerIdentity of STS')
  const result =
    `<GetCallerIdentityResult><Arn>${callerArn(place)}</Arn><UserId>AIDADEVKMSUSEREXAMPL</UserId>` +
    `<Account>${place.account}</Account></GetCallerIdentityResult>`
  return (
    `<GetCallerIdentityResponse xmlns="${NAMESPACE}">${result}` +
    `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
  )
}

/**
 * STS's own codes for errors that AWS KMS names differently.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
 */
const CODES = new Map([
  ['UnrecognizedClientException', 'InvalidClientTokenId'],
  ['InvalidSignatureException', 'SignatureDoesNotMatch'],
])

/** An error in STS's Query protocol, in XML. */
export function stsError({ name, message }: AwsError, requestId: string): string {
  const escaped = message.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`)
  return (
    `<ErrorResponse xmlns="${NAMESPACE}"><Error><Type>Sender</Type>` +
    `<Code>${CODES.get(name) ?? name.replace(/Exception$/, '')}</Code><Message>${escaped}</Message></Error>` +
    `<RequestId>${requestId}</RequestId></ErrorResponse>`
  )
}
