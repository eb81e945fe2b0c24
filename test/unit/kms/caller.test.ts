import { describe, expect, it } from '@jest/globals'
import { KeymgmtError } from '../../../src/errors.js'
import { createCaller } from '../../../src/kms/aws/retry.js'
import { createPacer } from '../../../src/kms/aws/rate-limiter.js'

const context = { operation: 'CreateKey', region: 'us-west-1', subject: 'a thing' }
const aws = (name: string, status = 400, message = name) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status, requestId: 'r' } })
const socket = (code: string) => Object.assign(new Error(code), { code })

async function outcome(errors: readonly Error[], policy = {}) {
  let sent = 0
  const call = createCaller(createPacer(false), { signal: new AbortController().signal })
  const ended = await call(
    context,
    () => {
      const error = errors[sent++]
      return error ? Promise.reject(error) : Promise.resolve('done')
    },
    policy,
  ).catch((error: unknown) => (error as KeymgmtError).code)
  return [ended, sent]
}

describe('a call', () => {
  it.each<[string, Error, object, string, number]>([
    ['throttling is waited out', aws('ThrottlingException'), {}, 'done', 2],
    [
      'also of what is sent once: it was not carried out',
      aws('ThrottlingException'),
      { once: true },
      'done',
      2,
    ],
    ['a failure inside AWS is repeated', aws('KMSInternalException', 500), {}, 'done', 2],
    [
      'but not of what is sent once',
      aws('KMSInternalException', 500),
      { once: true },
      'KMS_AMBIGUOUS',
      1,
    ],
    ['nor a lost answer', socket('ECONNRESET'), { once: true }, 'KMS_AMBIGUOUS', 1],
    ['a lost answer is repeated', socket('ECONNRESET'), {}, 'done', 2],
    ['what was never connected is repeated', socket('ECONNREFUSED'), { once: true }, 'done', 2],
    [
      'a new KMS key that is not seen yet is waited for',
      aws('NotFoundException'),
      { fresh: true },
      'done',
      2,
    ],
    ['an old one is not', aws('NotFoundException'), {}, 'KMS_KEY_NOT_FOUND', 1],
    [
      'a replica that is being made is waited for',
      aws('KMSInvalidStateException', 400, 'arn is creating.'),
      {},
      'done',
      2,
    ],
    [
      'another state is not',
      aws('KMSInvalidStateException', 400, 'arn is pending import.'),
      {},
      'KMS_FAILED',
      1,
    ],
    ['a hard limit is not repeated', aws('LimitExceededException'), {}, 'KMS_LIMIT', 1],
    ['a denial neither', aws('AccessDeniedException'), {}, 'KMS_ACCESS_DENIED', 1],
    [
      'wrong credentials neither',
      aws('UnrecognizedClientException', 403),
      { once: true },
      'KMS_CREDENTIALS',
      1,
    ],
  ])('%s', async (_what, error, policy, ended, sent) => {
    expect(await outcome([error], policy)).toEqual([ended, sent])
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

  it('ends when it is told to, and says why', async () => {
    const stop = new AbortController()
    const call = createCaller(createPacer(false), { signal: stop.signal })
    const ended = call(context, () => Promise.reject(aws('ThrottlingException')))
    setTimeout(() => {
      stop.abort(new KeymgmtError('KMS_TIMEOUT', 'the 1s are over'))
    }, 20)
    await expect(ended).rejects.toMatchObject({
      code: 'KMS_TIMEOUT',
      message: 'the 1s are over, at CreateKey in us-west-1',
    })
  })

  it('that was under way when it was told to end may have been carried out', async () => {
    const stop = new AbortController()
    const call = createCaller(createPacer(false), { signal: stop.signal })
    const ended = call(
      context,
      () => {
        stop.abort()
        return Promise.reject(socket('ECONNRESET'))
      },
      { once: true },
    )
    await expect(ended).rejects.toMatchObject({ code: 'KMS_AMBIGUOUS' })
  })
})

describe('pacing', () => {
  it("holds AWS's quota from the first request on", () => {
    const pacer = createPacer(true, () => 0)
    expect(Array.from({ length: 4 }, () => pacer.reserve('GetParametersForImport'))).toEqual([
      0, 1020, 2040, 3060,
    ])
    expect(Array.from({ length: 3 }, () => pacer.reserve('CreateKey'))).toEqual([0, 204, 408])
  })
  it('elsewhere begins with the first throttling, and gets slower with further ones', () => {
    let now = 0
    const pacer = createPacer(false, () => now)
    expect([pacer.reserve('CreateKey'), pacer.reserve('CreateKey')]).toEqual([0, 0])
    for (now = 0; now < 10; now++) pacer.throttled('CreateKey')
    expect([pacer.reserve('CreateKey'), pacer.reserve('CreateKey')]).toEqual([194, 398])
    now = 1_000
    pacer.throttled('CreateKey')
    expect(pacer.reserve('CreateKey')).toBe(255)
    for (let request = 0; request < 5; request++) pacer.accepted('CreateKey')
    now = 9_000
    expect([pacer.reserve('CreateKey'), pacer.reserve('CreateKey')]).toEqual([0, 204])
  })
})
