import fc from 'fast-check'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { createEngine, type Engine } from '../../../src/core/engine.js'
import { saveKey } from '../../../src/core/operations/keys.js'
import { rotateKey } from '../../../src/core/operations/rotate.js'
import { readKey } from '../../../src/core/records/repository.js'
import { saveProvider } from '../../../src/core/operations/providers.js'
import {
  removeDistribution,
  restoreDistribution,
  revokeDistribution,
} from '../../../src/core/operations/remove.js'
import { repairDistribution } from '../../../src/core/operations/repair.js'
import { verifyDistribution } from '../../../src/core/operations/verify.js'
import { AwsError } from '../../../src/dev-kms/errors.js'
import { AWS_LIMITS, UNLIMITED } from '../../../src/dev-kms/quotas.js'
import { perform, type Service } from '../../../src/dev-kms/service.js'
import { copyAccount, createAccount } from '../../../src/dev-kms/account.js'
import { awsKms } from '../../../src/kms/aws/index.js'
import { createMemoryStore, createOverlayStore } from '../../../src/store/index.js'
import { applyEdits, editsOf, type Edit } from '../inputs.js'
import { Failure, judge, type Target } from '../target.js'

const PURPOSE = { purpose: ['encrypt', 'decrypt'], protection: 'hsm' } as const

/** Commands on the key `app`, which is in the KMS `k`, and on the key `new`, which is not. */
const COMMANDS: Readonly<Record<string, (engine: Engine, foreign: string) => Promise<unknown>>> = {
  distribute: (engine) => distribute(engine, 'k', 'new', PURPOSE),
  rotate: (engine) => rotateKey(engine, 'app'),
  disable: (engine) => saveKey(engine, 'app', { minEnabledVersion: 2 }),
  verify: (engine) => verifyDistribution(engine, 'k', 'app', true),
  repair: (engine) => repairDistribution(engine, 'k', 'app'),
  replicate: (engine) => replicate(engine, 'k', 'app'),
  remove: (engine) => removeDistribution(engine, 'k', 'app'),
  revoke: (engine) => revokeDistribution(engine, 'k', 'app'),
  restore: async (engine) => {
    await revokeDistribution(engine, 'k', 'app')
    await restoreDistribution(engine, 'k', 'app')
  },
  adopt: (engine, foreign) => adopt(engine, 'k', 'new', { kmsKeyId: foreign, version: 1 }),
}

/** A KMS for one command, which damages one of its replies. */
interface Stage {
  readonly kms: Service
  /** The index of the reply that is damaged. */
  readonly nth: number
  readonly damage: (reply: Buffer) => Buffer
  replies: number
}

/** More requests than any of the commands makes. */
const MOST_REQUESTS = 400

async function respond(
  stage: Stage,
  operation: string,
  region: string,
  body: Buffer,
): Promise<readonly [status: number, reply: Buffer]> {
  if (stage.replies > MOST_REQUESTS) return [400, Buffer.from('{"__type":"AccessDeniedException"}')]
  try {
    const reply = Buffer.from(
      JSON.stringify(
        await perform(stage.kms, { operation, region, accessKeyId: 'A', requestId: 'r', body }),
      ),
    )
    return [200, stage.replies++ === stage.nth ? stage.damage(reply) : reply]
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    stage.replies++
    return [
      error.status,
      Buffer.from(JSON.stringify({ __type: error.name, message: error.message })),
    ]
  }
}

/**
 * Whole commands, with one damaged reply from the KMS. An input is a command, the index of the
 * reply and the edits of it.
 */
export async function commands(): Promise<Target> {
  const stages = new Map<string, Stage>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const stage = stages.get((request.url ?? '').split('/')[1] ?? '')
        const operation = String(request.headers['x-amz-target'] ?? '').replace('TrentService.', '')
        const region = String(request.headers.authorization).split('/')[2] ?? ''
        if (stage)
          respond(stage, operation, region, Buffer.concat(chunks)).then(
            ([status, reply]) => {
              response
                .writeHead(status, {
                  'content-type': 'application/x-amz-json-1.1',
                  'x-amzn-requestid': 'r',
                })
                .end(reply)
            },
            () => response.destroy(),
          )
        else response.writeHead(404).end()
      })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const service = (account = createAccount()): Service => ({
    account,
    quotas: UNLIMITED,
    limits: AWS_LIMITS,
    policies: new Map(),
    transitionMs: 60,
    faultOf: () => undefined,
  })
  const enginesOf = (id: string, store: Engine['store']) => {
    const kind = awsKms({ env: {}, signal: AbortSignal.timeout(10_000) })
    const credentials = {
      endpoint: `http://127.0.0.1:${port}/${id}`,
      access_key: 'A',
      secret_key: 'B',
    }
    return createEngine({
      store,
      kinds: { awskms: { ...kind, open: ({ region }) => kind.open({ region, credentials }) } },
    })
  }
  const prepared = { kms: service(), store: createMemoryStore() }
  stages.set('prepare', { kms: prepared.kms, nth: -1, damage: (reply) => reply, replies: 0 })
  const first = enginesOf('prepare', prepared.store)
  await saveProvider(first, 'k', { provider: 'awskms', keyCollection: 'us-west-1' })
  await saveKey(first, 'app', { type: 'aes256-gcm96', replicaRegions: ['eu-west-1'] })
  await saveKey(first, 'new', { type: 'aes256-gcm96' })
  await distribute(first, 'k', 'app', PURPOSE)
  await rotateKey(first, 'app')
  const made = (await perform(prepared.kms, {
    operation: 'CreateKey',
    region: 'us-west-1',
    accessKeyId: 'A',
    requestId: 'r',
    body: Buffer.from('{"Origin":"EXTERNAL"}'),
  })) as { KeyMetadata: { KeyId: string } }
  let count = 0
  const names = Object.keys(COMMANDS)
  return {
    name: 'commands',
    share: 3,
    parallel: 16,
    inputs: fc
      .tuple(
        fc.constantFrom(...names),
        fc.nat(9),
        editsOf({ seeds: [Buffer.from('{}')], words: DAMAGING }),
      )
      .map(([name, nth, edits]) => Buffer.from(`${name} ${nth} ${JSON.stringify(edits)}`)),
    run: async (input) => {
      const [, name = '', nth = '', edits = ''] = /^(\w+) (\d) (.*)$/s.exec(input.toString()) ?? []
      const command = COMMANDS[name]
      if (!command) throw new Failure(`no command ${name}`)
      const id = String(count++)
      const stage: Stage = {
        kms: service(copyAccount(prepared.kms.account)),
        nth: Number(nth),
        damage: (reply) => applyEdits(reply, JSON.parse(edits) as Edit[]),
        replies: 0,
      }
      stages.set(id, stage)
      const engine = enginesOf(id, createOverlayStore(prepared.store))
      try {
        const verdict = await judge(() => command(engine, made.KeyMetadata.KeyId))
        if ((await readKey(engine, 'app')) === undefined) throw new Failure('the key is gone')
        return verdict
      } finally {
        stages.delete(id)
        if (stage.replies > MOST_REQUESTS)
          throw new Failure(`${stage.replies} requests for one command`)
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

const DAMAGING = [
  '"KeyState":"PendingImport",',
  '"KeyState":"PendingDeletion",',
  '"KeyState":"Creating",',
  '"DeletionDate":1e300,',
  '"Origin":"AWS_KMS",',
  '"KeyId":"x",',
  '"ExpirationModel":"KEY_MATERIAL_EXPIRES","ValidTo":-1e300,',
  'null',
  '[null]',
]
