import { assertEndpoint } from '../../aws/endpoint.js'
import { REGION_PATTERN } from '../../aws/region.js'
import { KeymgmtError } from '../../errors.js'

/** The bucket and the prefix of a store on S3. */
export interface S3Address {
  readonly bucket: string
  /** Without a slash at either end; empty if the store has the whole bucket. */
  readonly prefix: string
  readonly region: string
  /** URL of a service that is not AWS's own. */
  readonly endpoint?: string
  /** The account that must own the bucket, 12 digits. */
  readonly expectedOwner?: string
}

const FORM = 's3://BUCKET/PREFIX?region=REGION'

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET = /^(?!\d+(\.\d+){3}$)[a-z0-9](?:[a-z0-9-]|\.(?![.-])){1,61}[a-z0-9]$/

/** An object's key has at most 1,024 bytes, and a record's path can have 700. */
const MAX_PREFIX_LENGTH = 200
const PREFIX = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/

/** Names of parameters that may contain a secret, such as those of a presigned URL. */
const SECRET_PARAMETER = /^x-amz-|key|secret|token|pass|credential|sig|auth/i

const PARAMETERS = ['region', 'endpoint', 'expected_owner'] as const

/** True for a URL of a store on S3. */
export function isS3Url(value: string): boolean {
  return /^s3:/i.test(value)
}

/**
 * PURE: parses the URL of a store on S3. `name` is the variable or setting that contains it.
 * @throws KeymgmtError STORE_UNAVAILABLE, which never repeats a value that may be a secret;
 * KMS_ENDPOINT_REFUSED.
 */
export function parseS3Url(url: string, name: string): S3Address {
  const [, authority, path = '', query = '', fragment] =
    /^s3:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/i.exec(url) ?? []
  if (authority === undefined || fragment !== undefined)
    throw invalid(name, 'is not a URL of a store on S3')
  if (authority.includes('@')) throw secretError(name)
  if (authority === '') throw invalid(name, 'names no bucket')
  if (!BUCKET.test(authority)) throw invalid(name, 'contains an invalid bucket name')
  const parameters = parseQuery(query, name)
  const prefix = path.replace(/^\/|\/$/g, '')
  if (prefix !== '' && (!PREFIX.test(prefix) || prefix.length > MAX_PREFIX_LENGTH))
    throw invalid(
      name,
      'contains an invalid prefix',
      `use letters, digits, "_", "-" and "." between single slashes, at most ${MAX_PREFIX_LENGTH} characters`,
    )
  const { region = '', endpoint, expected_owner: expectedOwner } = parameters
  if (region === '')
    throw invalid(
      name,
      'names no Region',
      'add the Region of the bucket, such as ?region=eu-west-1',
    )
  if (!REGION_PATTERN.test(region)) throw invalid(name, 'contains an invalid Region')
  if (endpoint !== undefined) {
    // An origin has no place for a user name, a password or a query, which may be secrets.
    if (/[@?#]/.test(endpoint)) throw secretError(name)
    assertEndpoint(endpoint, `endpoint= in ${name}`)
  }
  if (expectedOwner !== undefined && !/^\d{12}$/.test(expectedOwner))
    throw invalid(name, 'contains an invalid expected_owner', 'expected_owner takes 12 digits')
  return {
    bucket: authority,
    prefix,
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(expectedOwner !== undefined && { expectedOwner }),
  }
}

/** PURE: the URL of a store, in its shortest form. {@link parseS3Url} is the inverse. */
export function formatS3Url({
  bucket,
  prefix,
  region,
  endpoint,
  expectedOwner,
}: S3Address): string {
  const parameters = [
    `region=${region}`,
    ...(endpoint === undefined ? [] : [`endpoint=${endpoint}`]),
    ...(expectedOwner === undefined ? [] : [`expected_owner=${expectedOwner}`]),
  ]
  return `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}?${parameters.join('&')}`
}

type Parameters = Partial<Record<(typeof PARAMETERS)[number], string>>

function parseQuery(query: string, name: string): Parameters {
  const given: Parameters = {}
  for (const [parameter, value] of new URLSearchParams(query)) {
    const known = PARAMETERS.find((each) => each === parameter)
    if (known === undefined) {
      if (SECRET_PARAMETER.test(parameter)) throw secretError(name)
      throw invalid(
        name,
        'contains an unknown parameter',
        `the parameters are ${PARAMETERS.join(', ')}`,
      )
    }
    if (given[known] !== undefined) throw invalid(name, `contains ${known} twice`)
    given[known] = value
  }
  return given
}

function invalid(name: string, problem: string, hint?: string): KeymgmtError {
  return new KeymgmtError('STORE_UNAVAILABLE', `${name} ${problem}`, {
    hints: [hint ?? `the form is ${FORM}`],
  })
}

/** A URL is in the shell's history, in process lists and in logs. */
function secretError(name: string): KeymgmtError {
  return new KeymgmtError(
    'STORE_UNAVAILABLE',
    `${name} contains credentials, which a URL must not`,
    {
      hints: [
        'remove them from the URL, and replace them if others can read it; credentials come from AWS_PROFILE, the AWS_* variables or the role of the machine',
      ],
    },
  )
}
