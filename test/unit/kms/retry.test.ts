import { describe, expect, it } from '@jest/globals'
import { KeymgmtError } from '../../../src/errors.js'
import { NotSentError } from '../../../src/aws/failure.js'
import { RESPONSE_TOO_LARGE } from '../../../src/kms/aws/responses.js'
import { retryWithin } from '../../../src/kms/aws/retry.js'
import { createRateLimiter } from '../../../src/kms/aws/rate-limiter.js'
import type { AwsOperation } from '../../../src/kms/aws/operations.js'

const request = (operation: AwsOperation) => ({
  operation,
  region: 'us-west-1',
  input: { KeyId: 'arn:aws:kms:us-west-1:111122223333:key/1', Description: 'a thing' },
})
const aws = (name: string, status = 400, message = name) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status, requestId: 'r' } })
/** The SDK has corrected its clock by the Date header of the reply. */
const skewed = (name: string, status = 400) =>
  Object.assign(new Error(name), {
    name,
    $metadata: { httpStatusCode: status, requestId: 'r', clockSkewCorrected: true },
  })
const socket = (code: string) => Object.assign(new Error(code), { code })

/** Operations that are sent once, that concern a new KMS key, and neither of the two. */
const [ONCE, NEW_KEY, PLAIN] = ['CreateKey', 'ImportKeyMaterial', 'EnableKey'] as const

async function outcome(errors: readonly Error[], operation: AwsOperation = PLAIN) {
  let sent = 0
  const signal = new AbortController().signal
  const retry = retryWithin(createRateLimiter(false), { signal })
  const ended = await retry(request(operation), () => {
    const error = errors[sent++]
    return error ? Promise.reject(error) : Promise.resolve({ done: true })
  }).then(
    () => 'done',
    (error: unknown) => (error as KeymgmtError).code,
  )
  return [ended, sent]
}

describe('a request that creates a KMS key', () => {
  const send = async (operation: AwsOperation, beforeCreating: (ms: number) => Promise<void>) => {
    const { signal } = new AbortController()
    const retry = retryWithin(createRateLimiter(false), { signal, beforeCreating })
    let sent = 0
    await retry(request(operation), () => {
      sent++
      return Promise.resolve({})
    }).catch(() => undefined)
    return sent
  }

  it.each(['CreateKey', 'ReplicateKey', 'EnableKey', 'ListAliases'] as const)(
    'is announced with its timeout: %s',
    async (operation) => {
      const announced: number[] = []
      const announce = (ms: number) => {
        announced.push(ms)
        return Promise.resolve()
      }
      expect(await send(operation, announce)).toBe(1)
      expect(announced).toEqual(/^(Create|Replicate)/.test(operation) ? [40_000] : [])
    },
  )

  it('is not sent if the announcement is refused', async () => {
    expect(await send('CreateKey', () => Promise.reject(new Error('no lock')))).toBe(0)
  })
})

describe('a request', () => {
  it.each<[string, Error, AwsOperation, string, number]>([
    ['waits out throttling', aws('ThrottlingException'), PLAIN, 'done', 2],
    [
      'waits out throttling even if it may be sent only once',
      aws('ThrottlingException'),
      ONCE,
      'done',
      2,
    ],
    ['is repeated after a failure inside AWS', aws('KMSInternalException', 500), PLAIN, 'done', 2],
    [
      'is not repeated after one if it may be sent only once',
      aws('KMSInternalException', 500),
      ONCE,
      'KMS_AMBIGUOUS',
      1,
    ],
    ['is not repeated after a lost reply either', socket('ECONNRESET'), ONCE, 'KMS_AMBIGUOUS', 1],
    ['is repeated after a lost reply otherwise', socket('ECONNRESET'), PLAIN, 'done', 2],
    ['is repeated if there was no connection', socket('ECONNREFUSED'), ONCE, 'done', 2],
    ['is not proven to be refused by an unknown error', aws('Odd', 403), ONCE, 'KMS_AMBIGUOUS', 1],
    [
      'is not proven to be refused without a request id',
      Object.assign(aws('AccessDeniedException'), { $metadata: { httpStatusCode: 400 } }),
      ONCE,
      'KMS_AMBIGUOUS',
      1,
    ],
    [
      'fails at once if keymgmt failed before it was sent',
      new NotSentError(aws('AccessDenied', 403)),
      ONCE,
      'KMS_FAILED',
      1,
    ],
    [
      'is repeated with the corrected clock if AWS refused the old one',
      skewed('InvalidSignatureException', 403),
      ONCE,
      'done',
      2,
    ],
    [
      'is not repeated because the clock was corrected if AWS may have carried it out',
      skewed('KMSInternalException', 500),
      ONCE,
      'KMS_AMBIGUOUS',
      1,
    ],
    ['waits for a new KMS key', aws('NotFoundException'), NEW_KEY, 'done', 2],
    ['does not wait for an old KMS key', aws('NotFoundException'), PLAIN, 'KMS_KEY_NOT_FOUND', 1],
    ...(['GetPublicKey', 'GenerateMac'] as const).map(
      (operation): [string, Error, AwsOperation, string, number] => [
        `waits for material that was just imported: ${operation}`,
        aws('KMSInvalidStateException', 400, 'arn is pending import.'),
        operation,
        'done',
        2,
      ],
    ),
    [
      'waits for a replica that is being created',
      aws('KMSInvalidStateException', 400, 'arn is creating.'),
      PLAIN,
      'done',
      2,
    ],
    [
      'does not wait for another state',
      aws('KMSInvalidStateException', 400, 'arn is pending import.'),
      PLAIN,
      'KMS_FAILED',
      1,
    ],
    ['is not repeated at a limit', aws('LimitExceededException'), PLAIN, 'KMS_LIMIT', 1],
    ['is not repeated when denied', aws('AccessDeniedException'), PLAIN, 'KMS_ACCESS_DENIED', 1],
    [
      'is not repeated with wrong credentials',
      aws('UnrecognizedClientException', 403),
      ONCE,
      'KMS_CREDENTIALS',
      1,
    ],
    [
      'is not repeated after a response that is too large',
      Object.assign(new Error('large'), { name: RESPONSE_TOO_LARGE }),
      PLAIN,
      'KMS_FAILED',
      1,
    ],
    [
      'may have been carried out if the response is too large',
      Object.assign(new Error('large'), { name: RESPONSE_TOO_LARGE }),
      ONCE,
      'KMS_AMBIGUOUS',
      1,
    ],
    [
      'that keymgmt itself refused was not sent',
      new KeymgmtError('KMS_ENDPOINT_REFUSED', 'not https'),
      ONCE,
      'KMS_ENDPOINT_REFUSED',
      1,
    ],
  ])('%s', async (_title, error, operation, ended, sent) => {
    expect(await outcome([error], operation)).toEqual([ended, sent])
  })

  it('is given up after some attempts', async () => {
    expect(
      await outcome(Array.from({ length: 9 }, () => aws('KMSInternalException', 500))),
    ).toEqual(['KMS_FAILED', 5])
    expect(await outcome(Array.from({ length: 9 }, () => socket('ECONNREFUSED')))).toEqual([
      'KMS_UNREACHABLE',
      3,
    ])
  })

  it('ends with the signal and its reason', async () => {
    const stop = new AbortController()
    const retry = retryWithin(createRateLimiter(false), { signal: stop.signal })
    const ended = retry(request(PLAIN), () => Promise.reject(aws('ThrottlingException')))
    setTimeout(() => {
      stop.abort(new KeymgmtError('KMS_TIMEOUT', 'the 1s are over'))
    }, 20)
    await expect(ended).rejects.toMatchObject({
      code: 'KMS_TIMEOUT',
      message: 'the 1s are over, at EnableKey in us-west-1',
    })
  })

  it('that was under way at the signal may have been carried out', async () => {
    const stop = new AbortController()
    const retry = retryWithin(createRateLimiter(false), { signal: stop.signal })
    const ended = retry(request(ONCE), () => {
      stop.abort()
      return Promise.reject(socket('ECONNRESET'))
    })
    await expect(ended).rejects.toMatchObject({ code: 'KMS_AMBIGUOUS' })
  })

  it("fails with one error, with AWS's error name and the request id", async () => {
    const signal = new AbortController().signal
    const failed = retryWithin(createRateLimiter(false), { signal })(request(PLAIN), () =>
      Promise.reject(aws('AccessDeniedException', 400, 'no')),
    )
    await expect(failed).rejects.toMatchObject({
      code: 'KMS_ACCESS_DENIED',
      message: 'EnableKey in us-west-1 for KMS key 1: AccessDeniedException: no',
      awsError: 'AccessDeniedException',
      requestId: 'r',
    })
  })
})

describe('the rate limiter', () => {
  it("keeps within AWS's quota from the first request on", () => {
    const limiter = createRateLimiter(true, () => 0)
    expect(Array.from({ length: 4 }, () => limiter.acquire('GetParametersForImport'))).toEqual([
      0, 1020, 2040, 3060,
    ])
    expect(Array.from({ length: 3 }, () => limiter.acquire('CreateKey'))).toEqual([0, 204, 408])
  })
  it('starts elsewhere with the first throttling, and slows down with further ones', () => {
    let now = 0
    const limiter = createRateLimiter(false, () => now)
    expect([limiter.acquire('CreateKey'), limiter.acquire('CreateKey')]).toEqual([0, 0])
    for (now = 0; now < 10; now++) limiter.throttled('CreateKey')
    expect([limiter.acquire('CreateKey'), limiter.acquire('CreateKey')]).toEqual([194, 398])
    now = 1_000
    limiter.throttled('CreateKey')
    expect(limiter.acquire('CreateKey')).toBe(255)
    for (let sent = 0; sent < 5; sent++) limiter.accepted('CreateKey')
    now = 9_000
    expect([limiter.acquire('CreateKey'), limiter.acquire('CreateKey')]).toEqual([0, 204])
  })
})
