import { SignCommand, type SigningAlgorithmSpec } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { OPERATIONS, type Operation } from '../../../src/dev-kms/model/operations.js'
import type { Member, Members, Shape } from '../../../src/dev-kms/model/shapes.js'
import { createLab, refusalOf, type Lab } from './lab.js'

// Every request gets one of AWS's replies: 200, or 400 with one of AWS's errors. Never 500 or no
// reply.

let lab: Lab
const known = { symmetric: '', signing: '' }
beforeAll(async () => {
  lab = await createLab()
  known.symmetric = await lab.create()
  await lab.put(known.symmetric, randomBytes(32))
  known.signing = await lab.create({
    Origin: 'AWS_KMS',
    KeySpec: 'ECC_NIST_P256',
    KeyUsage: 'SIGN_VERIFY',
  })
})
afterAll(() => lab.close())

/** The errors that AWS's model declares for any operation, and those that all services have. */
const MODELLED = [
  'AlreadyExistsException',
  'ConflictException',
  'CustomKeyStoreNotFoundException',
  'DisabledException',
  'DryRunOperationException',
  'ExpiredImportTokenException',
  'IncorrectKeyException',
  'IncorrectKeyMaterialException',
  'InvalidAliasNameException',
  'InvalidCiphertextException',
  'InvalidGrantIdException',
  'InvalidGrantTokenException',
  'InvalidImportTokenException',
  'InvalidKeyUsageException',
  'InvalidMarkerException',
  'KMSInvalidMacException',
  'KMSInvalidSignatureException',
  'KMSInvalidStateException',
  'LimitExceededException',
  'MalformedPolicyDocumentException',
  'NotFoundException',
  'TagException',
  'UnsupportedOperationException',
  'AccessDeniedException',
  'NotAuthorizedException',
  'SerializationException',
  'ValidationException',
]

const mac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest()

/** Signs requests itself, because the SDK would refuse most of them. */
async function post(
  operation: string,
  body: string,
): Promise<{ status: number; error: string | undefined }> {
  const time = lab.kms.account
    .now()
    .toISOString()
    .replace(/[-:]|\.\d+/g, '')
  const headers = {
    'content-type': 'application/x-amz-json-1.1',
    host: new URL(lab.kms.endpoint).host,
    'x-amz-date': time,
    'x-amz-target': `TrentService.${operation}`,
  }
  const names = Object.keys(headers).join(';')
  const sha = (text: string) => createHash('sha256').update(text).digest('hex')
  const canonical = [
    'POST',
    '/',
    '',
    ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
    '',
    names,
    sha(body),
  ].join('\n')
  const parts = [time.slice(0, 8), 'us-east-1', 'kms', 'aws4_request']
  const key = parts.reduce<Buffer | string>(
    (made, part) => mac(made, part),
    `AWS4${lab.kms.credentials.secretAccessKey}`,
  )
  const signature = mac(
    key,
    ['AWS4-HMAC-SHA256', time, parts.join('/'), sha(canonical)].join('\n'),
  ).toString('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=${lab.kms.credentials.accessKeyId}/${parts.join('/')}, SignedHeaders=${names}, Signature=${signature}`
  const response = await fetch(lab.kms.endpoint, {
    method: 'POST',
    headers: { ...headers, authorization },
    body,
  })
  const { __type, message } = (await response.json()) as { __type?: string; message?: string }
  if (__type !== undefined) expect(typeof message).toBe('string')
  return { status: response.status, error: __type }
}

async function assertAnswered(operation: string, body: string): Promise<void> {
  const { status, error } = await post(operation, body)
  if (status === 200) expect(error).toBeUndefined()
  else
    expect([operation, status, MODELLED.includes(error ?? '') ? 'modelled' : error]).toEqual([
      operation,
      400,
      'modelled',
    ])
}

/** Values that are valid in the model, and often name something that exists. */
function fitting(shape: Shape, name: string): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case 'word':
      return fc.constantFrom(...shape.words)
    case 'flag':
      return fc.boolean()
    case 'number':
      return fc.integer({ min: shape.least, max: shape.most })
    case 'time':
      return fc.double({ min: 0, max: 4e9, noNaN: true })
    case 'map':
      return fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 })
    case 'list':
      return fc.array(fitting(shape.of, name), { minLength: shape.least, maxLength: 3 })
    case 'structure':
      return record(shape.members)
    case 'blob':
      return fc
        .uint8Array({ minLength: 1, maxLength: 80 })
        .map((bytes) => Buffer.from(bytes).toString('base64'))
    case 'text':
      return text(shape, name)
  }
}

function text(shape: Extract<Shape, { kind: 'text' }>, name: string): fc.Arbitrary<unknown> {
  const some = shape.pattern
    ? fc.stringMatching(new RegExp(`^(?:${shape.pattern.source})$`))
    : fc.string({ minLength: shape.least, maxLength: 40 })
  if (name.endsWith('KeyId'))
    return fc.oneof(fc.constant('SYMMETRIC'), fc.constant('SIGNING'), fc.constant('alias/x'), some)
  return name === 'AliasName' ? fc.oneof(fc.constant('alias/x'), some) : some
}

const record = (members: Members): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(
    Object.fromEntries(
      Object.entries(members).map(([name, { shape }]: [string, Member]) => [
        name,
        fitting(shape, name),
      ]),
    ),
    {
      requiredKeys: Object.entries(members)
        .filter(([, { required }]) => required)
        .map(([name]) => name),
    },
  )

const junk = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    null,
    -1,
    1e308,
    0.5,
    '',
    'a'.repeat(9_000),
    '\u0000',
    [],
    {},
    [[]],
    [null],
    { a: null },
  ),
)
const names = Object.keys(OPERATIONS) as Operation[]
const withIds = (body: unknown) =>
  JSON.stringify(body)
    .replaceAll('"SYMMETRIC"', `"${known.symmetric}"`)
    .replaceAll('"SIGNING"', `"${known.signing}"`)
const RUNS = { numRuns: 12 }

describe.each(names)('%s', (name) => {
  const members: Members = OPERATIONS[name]
  it('replies to requests that fit the model', async () => {
    await fc.assert(
      fc.asyncProperty(record(members), (body) => assertAnswered(name, withIds(body))),
      RUNS,
    )
  })
  it('refuses each member of another type', async () => {
    const one = fc.tuple(record(members), fc.constantFrom(...Object.keys(members)), junk)
    await fc.assert(
      fc.asyncProperty(one, ([body, member, value]) =>
        assertAnswered(name, withIds({ ...body, [member]: value })),
      ),
      RUNS,
    )
  })
  it('refuses unknown members', async () => {
    expect(await post(name, JSON.stringify({ Fantasy: 1 }))).toEqual({
      status: 400,
      error: 'SerializationException',
    })
    expect(await post(name, '{"__proto__":{"KeyId":"x"}}')).toEqual({
      status: 400,
      error: 'SerializationException',
    })
  })
})

it.each([
  '',
  '{',
  '[]',
  'null',
  '1',
  '"x"',
  '\u0000',
  '['.repeat(100_000),
  '{"KeyId":"\\ud800"}',
  '{"constructor":1}',
])('a body of %j', async (body) => {
  await assertAnswered('DescribeKey', body)
  await assertAnswered('ListKeys', body)
})

it("reports every violated limit in AWS's words, and never repeats bytes", async () => {
  const { message } = await refusalOf(
    lab.client().send(
      new SignCommand({
        KeyId: '',
        Message: Buffer.alloc(5_000, 'secret'),
        SigningAlgorithm: 'ROT13' as SigningAlgorithmSpec,
      }),
    ),
  )
  expect(message).toMatch(/^3 validation errors detected: /)
  expect(message).toContain(
    "Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1",
  )
  expect(message).toContain(
    "Value 'java.nio.HeapByteBuffer[pos=0 lim=5000 cap=5000]' at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096",
  )
  expect(message).toContain(
    "Value 'ROT13' at 'signingAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [RSASSA_PSS_SHA_256, ",
  )
  expect(message).not.toContain('secret')
})
