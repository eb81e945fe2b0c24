import { HttpResponse, type HttpRequest } from '@smithy/core/protocols'
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { copyAccount, createAccount, type Account } from '../../src/dev-kms/account.js'
import { AwsError } from '../../src/dev-kms/errors.js'
import { AWS_LIMITS, UNLIMITED } from '../../src/dev-kms/quotas.js'
import { perform, type Service } from '../../src/dev-kms/service.js'
import { callerIdentity, STS_CONTENT_TYPE } from '../../src/dev-kms/sts.js'
import { authenticate, type Credential } from '../../src/dev-kms/sigv4.js'
import { strikes, type Fault, type RequestPoint } from './faults.js'
import type { Machine } from './machine.js'
import { bytesOf, networkError, RESPONSE_TIMEOUT_MS, type Faults, type Send } from './network.js'
import { never, type Process } from './process.js'

/** The two accounts, by the access key id that belongs to each. */
export const ACCOUNTS = {
  AKIAEXAMPLE000000001: '111122223333',
  AKIAEXAMPLE000000002: '444455556666',
} as const
export type AccessKeyId = keyof typeof ACCOUNTS

/** The secret of both. */
export const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'

/** One request of a command. */
export interface Sent {
  readonly operation: string
  readonly region: string
  readonly account: Account
  readonly input: Readonly<Record<string, unknown>>
  readonly process: Process
}

/** The reply of AWS KMS, as bytes. */
interface Reply {
  readonly status: number
  readonly body: string
  readonly type?: string
}

/** AWS KMS, in this process: two accounts, reached without a network. */
export class Aws {
  readonly #machine: Machine
  readonly #services = new Map<string, Service>()
  /** Is called before AWS carries out a request of a command. */
  onRequest: (request: Sent) => void = () => undefined

  constructor(machine: Machine) {
    this.#machine = machine
  }

  /** Copies of the accounts, to begin from them again. */
  save(): readonly Account[] {
    return this.accounts.map((account) => copyAccount(account))
  }

  /** Continues with copies of the accounts. Returns a function that throws the copies away. */
  fork(): () => void {
    const originals = [...this.#services]
    this.reset(this.save())
    return () => {
      for (const [id, service] of originals) this.#services.set(id, service)
    }
  }

  /** Begins from accounts that were saved, or from accounts without KMS keys. */
  reset(saved: readonly Account[] = []): void {
    const now = () => new Date(this.#machine.nowMs)
    for (const [index, [id, number]] of Object.entries(ACCOUNTS).entries())
      this.#services.set(id, {
        account: saved[index] ? copyAccount(saved[index]) : createAccount(now, number),
        quotas: UNLIMITED,
        limits: AWS_LIMITS,
        policies: new Map(),
        transitionMs: 60,
        faultOf: () => undefined,
      })
  }

  /** The account with this number. */
  account(id: string): Account {
    const found = this.accounts.find((account) => account.id === id)
    if (!found) throw new Error(`there is no account ${id}`)
    return found
  }

  get accounts(): readonly Account[] {
    return [...this.#services.values()].map(({ account }) => account)
  }

  /** Carries out an operation for somebody else than keymgmt. @throws AwsError */
  async call(
    account: string,
    region: string,
    operation: string,
    input: object,
  ): Promise<Record<string, unknown>> {
    const service = [...this.#services.values()].find((each) => each.account.id === account)
    if (!service) throw new Error(`there is no account ${account}`)
    const body = Buffer.from(JSON.stringify(input))
    const call = { operation, region, accessKeyId: '', requestId: '', body }
    return (await perform(service, call)) as Record<string, unknown>
  }

  /** Returns what carries out the requests of the SDK's clients. */
  handler({ faultOf, onMet }: Faults): Send {
    return async (request) => {
      const process = this.#machine.current
      if (!process) throw new Error('a request outside of every process')
      if (process.isDead) return never()
      const operation = (request.headers['x-amz-target'] ?? '').replace('TrentService.', '')
      const region = regionOf(request)
      process.operations.push(operation)
      const fault = faultOf(process)
      const met = fault && strikes(fault, process.operations, region)
      if (met) onMet(process)
      return this.#travel(request, operation, region, process, met ? fault : undefined)
    }
  }

  async #travel(
    request: HttpRequest,
    operation: string,
    region: string,
    process: Process,
    fault: Fault | undefined,
  ): Promise<{ response: HttpResponse }> {
    const { random } = this.#machine
    const at = fault && 'at' in fault ? (fault.at as RequestPoint) : undefined
    if (fault && 'unreachable' in fault) throw networkError('ECONNREFUSED')
    if (fault && 'deny' in fault) return this.#responseOf(denial(operation))
    if (fault && 'kill' in fault && at?.when === 'before') return this.#kill(process, fault)
    if (fault && 'reply' in fault && at?.when === 'before' && fault.reply !== 'late')
      return this.#distort(fault.reply, undefined, operation)
    const answer = this.#machine.outside(async () => {
      await this.#machine.sleep(5 + random() * 40)
      if (fault && 'reply' in fault && fault.reply === 'late')
        await this.#machine.sleep(at?.when === 'before' ? RESPONSE_TIMEOUT_MS + 10_000 : 1_000)
      return this.#answer(request, operation, region, process)
    })
    if (fault && 'reply' in fault && fault.reply === 'late') {
      await this.#machine.sleep(RESPONSE_TIMEOUT_MS)
      throw Object.assign(new Error('timed out'), { name: 'TimeoutError' })
    }
    const reply = await answer
    if (fault && 'kill' in fault) return this.#kill(process, fault)
    if (fault && 'reply' in fault) return this.#distort(fault.reply, reply, operation)
    await this.#machine.sleep(5 + random() * 40)
    return this.#responseOf(reply)
  }

  #kill(process: Process, fault: Fault): Promise<never> {
    if ('kill' in fault && fault.kill === 'power') this.#machine.powerFailure()
    process.kill()
    return never()
  }

  async #answer(
    request: HttpRequest,
    operation: string,
    region: string,
    process: Process,
  ): Promise<Reply> {
    try {
      const isSts = request.headers['content-type']?.startsWith(STS_CONTENT_TYPE) === true
      const body = bytesOf(request.body)
      const { accessKeyId } = authenticate(
        {
          service: isSts ? 'sts' : 'kms',
          method: request.method,
          url: request.path,
          headers: request.headers,
          body,
        },
        CREDENTIALS,
        new Date(this.#machine.nowMs),
      )
      const service = this.#services.get(accessKeyId)
      if (!service) throw new Error('no such account')
      if (isSts) return identityReply(body, service.account, region)
      const input = JSON.parse(body.toString() || '{}') as Record<string, unknown>
      this.onRequest({ operation, region, account: service.account, input, process })
      const call = { operation, region, accessKeyId, requestId: randomUUID(), body }
      return { status: 200, body: JSON.stringify(await perform(service, call)) }
    } catch (error) {
      if (!(error instanceof AwsError)) throw error
      return errorReply(error.status, error.name, error.message)
    }
  }

  async #distort(
    reply: Extract<Fault, { reply: string }>['reply'],
    original: Reply | undefined,
    operation: string,
  ): Promise<{ response: HttpResponse }> {
    await this.#machine.sleep(20)
    const body = original?.body ?? '{"KeyMetadata":{}}'
    switch (reply) {
      case 'cut':
      case 'late':
        throw networkError('ECONNRESET')
      case 'denied':
        return this.#responseOf(original ?? denial(operation))
      case 'throttle':
        return this.#responseOf(original ?? errorReply(400, 'ThrottlingException', 'Rate exceeded'))
      case '500':
        return this.#responseOf(errorReply(500, 'KMSInternalException', 'It can be retried.'))
      case 'html':
        return this.#responseOf(
          { status: 200, body: '<html>Sign in</html>', type: 'text/html' },
          false,
        )
      case 'forbidden-html':
        return this.#responseOf(
          { status: 403, body: '<html>Forbidden</html>', type: 'text/html' },
          false,
        )
      case 'empty':
        return this.#responseOf({ status: 200, body: '' }, false)
      case 'object':
        return this.#responseOf({ status: 200, body: '{}' }, false)
      case 'truncated':
        return this.#responseOf({ status: 200, body: body.slice(0, body.length / 2) })
      case 'oversized':
        return this.#responseOf({ status: 200, body: `{"x":"${'x'.repeat(1_100_000)}"}` })
    }
  }

  /** A reply of AWS has its request id; one of a proxy has none. */
  #responseOf({ status, body, type = 'application/x-amz-json-1.1' }: Reply, isAws = true) {
    const headers = {
      'content-type': type,
      ...(isAws && { 'x-amzn-requestid': 'example' }),
      date: new Date(this.#machine.nowMs).toUTCString(),
    }
    const stream = Readable.from([Buffer.from(body)])
    return { response: new HttpResponse({ statusCode: status, headers, body: stream }) }
  }
}

const CREDENTIALS: ReadonlyMap<string, Credential> = new Map(
  Object.keys(ACCOUNTS).map((id) => [id, { secret: SECRET }]),
)

function regionOf({ headers }: HttpRequest): string {
  return (headers.authorization ?? '').split('/')[2] ?? ''
}

function identityReply(body: Buffer, { id }: Account, region: string): Reply {
  const text = callerIdentity(body, { account: id, name: region }, 'example')
  return { status: 200, body: text, type: 'text/xml' }
}

function errorReply(status: number, name: string, message: string): Reply {
  return { status, body: JSON.stringify({ __type: name, message }) }
}

function denial(operation: string): Reply {
  return errorReply(
    400,
    'AccessDeniedException',
    `User: arn:aws:iam::111122223333:user/ops is not authorized to perform: kms:${operation} because no identity-based policy allows the kms:${operation} action`,
  )
}
