import { randomBytes } from 'node:crypto'
import { AwsError } from '../../../src/dev-kms/errors.js'
import { OPERATIONS } from '../../../src/dev-kms/model/operations.js'
import { AWS_LIMITS, UNLIMITED } from '../../../src/dev-kms/quotas.js'
import { perform, type Service } from '../../../src/dev-kms/service.js'
import { authenticate } from '../../../src/dev-kms/sigv4.js'
import { createAccount } from '../../../src/dev-kms/account.js'
import { Failure, type Target, type Verdict } from '../target.js'

function service(): Service {
  return {
    account: createAccount(),
    quotas: UNLIMITED,
    limits: AWS_LIMITS,
    policies: new Map(),
    transitionMs: 60,
    faultOf: () => undefined,
  }
}

/** Returns 'refused' for an error that AWS defines. @throws any other error. */
async function judgeReply(attempt: () => unknown): Promise<Verdict> {
  try {
    await attempt()
    return 'accepted'
  } catch (error) {
    if (error instanceof AwsError && error.status >= 400 && error.status < 500) return 'refused'
    throw error
  }
}

const ID = '00000000-0000-4000-8000-000000000000'
const BODIES: readonly string[] = [
  'CreateKey {"Origin":"EXTERNAL","KeySpec":"SYMMETRIC_DEFAULT","Description":"d","MultiRegion":true,"Tags":[{"TagKey":"a","TagValue":"b"}]}',
  'CreateKey {"Origin":"EXTERNAL","KeySpec":"HMAC_256","KeyUsage":"GENERATE_VERIFY_MAC"}',
  'CreateKey {}',
  'DescribeKey {"KeyId":"ID"}',
  'GetParametersForImport {"KeyId":"ID","WrappingAlgorithm":"RSAES_OAEP_SHA_256","WrappingKeySpec":"RSA_4096"}',
  'ImportKeyMaterial {"KeyId":"ID","ImportToken":"AAAA","EncryptedKeyMaterial":"AAAA","ExpirationModel":"KEY_MATERIAL_DOES_NOT_EXPIRE"}',
  'CreateAlias {"AliasName":"alias/x","TargetKeyId":"ID"}',
  'ListAliases {"Limit":100,"Marker":"AAAA"}',
  'ListKeys {"Limit":1}',
  'ScheduleKeyDeletion {"KeyId":"ID","PendingWindowInDays":7}',
  'Encrypt {"KeyId":"ID","Plaintext":"AAAA","EncryptionContext":{"a":"b"}}',
  'Decrypt {"CiphertextBlob":"AAAA"}',
  'Sign {"KeyId":"ID","Message":"AAAA","SigningAlgorithm":"ECDSA_SHA_256"}',
  'PutKeyPolicy {"KeyId":"ID","Policy":"{\\"Version\\":\\"2012-10-17\\",\\"Statement\\":[{\\"Effect\\":\\"Allow\\",\\"Principal\\":\\"*\\",\\"Action\\":\\"kms:*\\",\\"Resource\\":\\"*\\"}]}"}',
  'ReplicateKey {"KeyId":"ID","ReplicaRegion":"eu-west-1"}',
  'TagResource {"KeyId":"ID","Tags":[]}',
  'CreateGrant {"KeyId":"ID","GranteePrincipal":"arn:aws:iam::111122223333:root","Operations":["Encrypt"]}',
  'GenerateMac {"KeyId":"ID","Message":"AAAA","MacAlgorithm":"HMAC_SHA_256"}',
]

/** Authenticated requests to the embedded KMS. An input is an operation, a space and a body. */
export function embeddedKms(): Target {
  let known: { kms: Service; id: string; uses: number } | undefined
  const current = async () => {
    // Inputs create keys: start again with one key before there are too many.
    if (!known || known.uses++ > 500) {
      const kms = service()
      const made = (await perform(
        kms,
        call('CreateKey', Buffer.from('{"Origin":"EXTERNAL"}')),
      )) as { KeyMetadata: { KeyId: string } }
      known = { kms, id: made.KeyMetadata.KeyId, uses: 0 }
    }
    return known
  }
  const call = (operation: string, body: Buffer) => ({
    operation,
    region: 'us-west-1',
    accessKeyId: 'A',
    requestId: 'r',
    body,
  })
  return {
    name: 'embedded KMS',
    share: 12,
    seeds: BODIES.map((body) => Buffer.from(body)),
    words: [
      'ID',
      ID,
      ...Object.keys(OPERATIONS),
      '"KeyId":',
      '"Marker":"',
      '"Policy":"',
      'alias/',
      'AAAA',
      'arn:aws:kms:us-west-1:111122223333:key/',
      '"Statement":',
      '"Principal":',
      'mrk-',
    ],
    run: (input) =>
      judgeReply(async () => {
        const { kms, id } = await current()
        const space = input.indexOf(0x20)
        const body = input
          .subarray(space + 1)
          .toString('latin1')
          .replaceAll('"ID"', `"${id}"`)
        const reply = await perform(
          kms,
          call(input.subarray(0, Math.max(0, space)).toString(), Buffer.from(body, 'latin1')),
        )
        if (reply === 'dropped' || JSON.stringify(reply).length === 0) throw new Failure('no reply')
      }),
  }
}

const SIGNED = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-west-1/kms/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=${randomBytes(32).toString('hex')}`

/** Signatures of requests. An input has a line each for the header, the date and the path. */
export const signature: Target = {
  name: 'signatures',
  share: 6,
  seeds: [
    `${SIGNED}\n20260101T000000Z\n/`,
    `${SIGNED}\n20260101T000000Z\n/?X-Amz-Expires=9&b=%20`,
  ].map((text) => Buffer.from(text)),
  words: [
    'AWS4-HMAC-SHA256 ',
    'Credential=',
    'SignedHeaders=',
    'Signature=',
    ', ',
    ';',
    '/',
    '20260101',
    'T',
    'Z',
    '%',
    '%zz',
    '?',
    '&',
    '=',
    'aws4_request',
    'host',
    '\n',
  ],
  run: (input) =>
    judgeReply(() => {
      const [authorization = '', date = '', url = '/'] = input.toString('latin1').split('\n')
      const headers = {
        authorization,
        'x-amz-date': date,
        host: 'localhost',
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'TrentService.ListKeys',
      }
      authenticate(
        { service: 'kms', method: 'POST', url, headers, body: Buffer.from('{}') },
        new Map([['AKIDEXAMPLE', { secret: 'x', sessionToken: undefined, expiresAt: undefined }]]),
        new Date('2026-01-01T00:00:00Z'),
      )
    }),
}
