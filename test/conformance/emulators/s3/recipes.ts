import assert from 'node:assert/strict'
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs'
import {
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type RequestListener,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDevKms, type DevKms } from '../../../../src/dev-kms/index.js'
import {
  ADMINISTRATOR,
  installPacked,
  latestVersion,
  recipes,
  runJob,
  setUp,
  type Runner,
} from '../../../support/ci-recipes.js'
import type { CheckGroup } from '../suite.js'
import type { S3Place } from './place.js'

/** The recipes of docs/ci.md, with the S3 and STS of one server, and the embedded KMS. */
export const RECIPES: CheckGroup<S3Place> = {
  name: 'the recipes for CI',
  checks: ({ endpoint }) => [
    {
      name: 'each rotates the key on a machine that has nothing but a role',
      run: () => withRunner(endpoint, runRecipes),
    },
  ],
}

async function runRecipes(runner: Runner): Promise<void> {
  await setUp(runner)
  for (const { name, jobs } of recipes()) {
    const before = await latestVersion(runner)
    for (const job of jobs)
      for (const { status, output } of await runJob(job, runner))
        assert.equal(status, 0, `${name}: ${output}`)
    assert.equal(await latestVersion(runner), before + 1, name)
  }
}

async function withRunner(endpoint: string, use: (runner: Runner) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'keymgmt-recipes-'))
  const account = await startAccount()
  const sts = await listen(relayTo(endpoint, (reply) => account.accept(reply)))
  try {
    const machines = join(folder, 'machines')
    mkdirSync(machines)
    await use({
      folder: machines,
      binary: installPacked(folder),
      endpoints: { kms: account.endpoint, s3: endpoint, sts: sts.endpoint },
    })
  } finally {
    await sts.close()
    await account.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** An account of the embedded KMS whose users are those that STS has named. */
interface LearningAccount {
  readonly endpoint: string
  /** Accepts the credentials in a reply of STS from now on. */
  readonly accept: (reply: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** An embedded KMS knows its users from the start, so each user gets one, on the same account. */
async function startAccount(): Promise<LearningAccount> {
  const { AWS_ACCESS_KEY_ID: administrator, AWS_SECRET_ACCESS_KEY: secret } = ADMINISTRATOR
  const first = await startDevKms({ credentials: { [administrator]: secret } })
  const kmsOf = new Map<string, DevKms>([[administrator, first]])
  const front = await listen((request, response) => {
    const [, id = ''] = /Credential=([^/]+)/.exec(request.headers.authorization ?? '') ?? []
    const { endpoint } = kmsOf.get(id) ?? first
    relayTo(endpoint, () => Promise.resolve())(request, response)
  })
  return {
    endpoint: front.endpoint,
    accept: async (reply) => {
      const [id = '', secretKey = '', token = ''] = [
        'AccessKeyId',
        'SecretAccessKey',
        'SessionToken',
      ].map((name) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(reply)?.[1])
      if (id === '' || kmsOf.has(id)) return
      const users = { credentials: { [id]: secretKey }, sessionTokens: { [id]: token } }
      kmsOf.set(id, await startDevKms({ ...users, account: first.account }))
    },
    close: async () => {
      await front.close()
      await Promise.all([...kmsOf.values()].map((kms) => kms.close()))
    },
  }
}

async function listen(
  listener: RequestListener,
): Promise<{ readonly endpoint: string; readonly close: () => Promise<void> }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

/** Passes each request on unchanged, and its reply back after `onReply` has seen it. */
function relayTo(endpoint: string, onReply: (body: string) => Promise<void>): RequestListener {
  return (incoming, outgoing) => {
    const { method, url = '', headers } = incoming
    const passed = sendRequest(new URL(url, endpoint), { method, headers }, (reply) => {
      void readAll(reply).then(async (body) => {
        await onReply(body.toString())
        outgoing.writeHead(reply.statusCode ?? 502, reply.headers).end(body)
      })
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  }
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
