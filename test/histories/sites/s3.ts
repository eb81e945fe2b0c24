import { HttpResponse, type HttpRequest } from '@smithy/core/protocols'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { parseS3Url } from '../../../src/store/s3/address.js'
import { openSealedS3Store } from '../../../src/store/sealed-s3.js'
import {
  BUCKET,
  createS3Bucket,
  S3_ENV,
  storeUrl,
  type Reply,
  type Versions,
} from '../../support/s3-server.js'
import { strikes, type Fault, type RequestPoint } from '../faults.js'
import type { Machine } from '../machine.js'
import { bytesOf, networkError, RESPONSE_TIMEOUT_MS, type Faults } from '../network.js'
import { never, type Process } from '../process.js'
import type { Site, StoreName } from './site.js'

/** Nothing listens there: requests to it are carried out in this process. */
const PORT = 9
const ENDPOINT = `http://127.0.0.1:${PORT}`

/** The Region of `storeUrl`, where no KMS key is. */
const REGION = 'eu-west-1'

/** Stores below prefixes of one bucket. */
export function createS3Site(machine: Machine): Site {
  let bucket = createS3Bucket()
  const reset = (saved?: unknown) => {
    bucket = createS3Bucket(saved as Versions | undefined)
    bucket = createS3Bucket(bucket.copy())
  }
  const keyfile = join(machine.disk.root, 'keyfile')
  const urlOf = (store: StoreName) => storeUrl({ endpoint: ENDPOINT, bucket: BUCKET }, store)
  return {
    create: ['operator init'],
    env: (store) => ({ KEYMGMT_STORE: urlOf(store), KEYMGMT_KEYFILE: keyfile }),
    open: (store) =>
      openSealedS3Store({
        address: parseS3Url(urlOf(store), 'the test'),
        env: S3_ENV,
        signal: new AbortController().signal,
        version: '0.0.0',
        keyfileOf: () => keyfile,
      }).store,
    names: (store) =>
      bucket
        .keys()
        .filter((key) => key.startsWith(`${store}/`))
        .map((key) => key.slice(store.length)),
    copyOne: (name) => {
      bucket.copyObject(`main${name}`, `copy${name}`)
    },
    state: {
      save: () => bucket.copy(),
      reset,
      fork() {
        const original = bucket
        bucket = createS3Bucket(original.copy())
        return () => {
          bucket = original
        }
      },
    },
    handlerOf(request, faults) {
      if (request.port !== PORT) return undefined
      return async () => {
        const answer = () => bucket.answer(incomingOf(request), bytesOf(request.body))
        const process = machine.current
        const reply = process ? await travel(machine, process, request, faults, answer) : answer()
        return responseOf(reply, machine)
      }
    },
  }
}

/** Carries out a request of a command, with the faults that it meets. */
async function travel(
  machine: Machine,
  process: Process,
  request: HttpRequest,
  { faultOf, onMet }: Faults,
  answer: () => Reply,
): Promise<Reply> {
  if (process.isDead) return never()
  process.operations.push(operationOf(request))
  const fault = faultOf(process)
  const met = fault && strikes(fault, process.operations, REGION) ? fault : undefined
  if (met) onMet(process)
  const at = met && 'at' in met ? (met.at as RequestPoint) : undefined
  await machine.sleep(2 + machine.random() * 10)
  if (met && at?.when !== 'after') return fail(machine, process, met, undefined)
  const tell = (when: 'before' | 'after') => {
    if (request.method !== 'PUT' && request.method !== 'DELETE') return
    if (when === 'before') process.fileOperations++
    process.onFileOperation(when)
  }
  tell('before')
  if (isDead(process)) return never()
  const reply = machine.outside(answer)
  tell('after')
  if (isDead(process)) return never()
  if (met) return fail(machine, process, met, reply)
  await machine.sleep(2 + machine.random() * 10)
  return reply
}

/** Read anew: a hook can have killed the process. */
function isDead(process: Process): boolean {
  return process.isDead
}

/** Fails as the fault says. `original` is absent before S3 has carried out the request. */
async function fail(
  machine: Machine,
  process: Process,
  fault: Fault,
  original: Reply | undefined,
): Promise<Reply> {
  if ('kill' in fault) {
    if (fault.kill === 'power') machine.powerFailure()
    process.kill()
    return never()
  }
  if ('deny' in fault) return refusal(403, 'AccessDenied')
  const reply = 'reply' in fault ? fault.reply : 'cut'
  switch (reply) {
    case 'denied':
      return original ?? refusal(403, 'AccessDenied')
    case 'throttle':
      return original ?? refusal(503, 'SlowDown')
    case '500':
      return refusal(500, 'InternalError')
    case 'late':
      await machine.sleep(RESPONSE_TIMEOUT_MS)
      throw Object.assign(new Error('timed out'), { name: 'TimeoutError' })
    default:
      throw networkError('ECONNRESET')
  }
}

function operationOf({ method, query }: HttpRequest): string {
  if (method === 'PUT') return 'PutObject'
  if (method === 'DELETE') return 'DeleteObject'
  if ('versioning' in query) return 'GetBucketVersioning'
  return 'list-type' in query ? 'ListObjectsV2' : 'GetObject'
}

function incomingOf({ method, path, query, headers }: HttpRequest) {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) parameters.set(name, String(value ?? ''))
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return {
    method,
    url: `${path}?${parameters.toString()}`,
    headers: Object.fromEntries(lower) as Record<string, string>,
  }
}

function refusal(status: number, code: string): Reply {
  return { status, body: `<Error><Code>${code}</Code><Message>${code}</Message></Error>` }
}

function responseOf({ status, headers = {}, body = '' }: Reply, { nowMs }: Machine) {
  const common = { 'x-amz-request-id': 'example', date: new Date(nowMs).toUTCString() }
  const stream = Readable.from([Buffer.from(body)])
  return {
    response: new HttpResponse({
      statusCode: status,
      headers: { ...common, ...headers },
      body: stream,
    }),
  }
}
