import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { adopt } from '../../../src/core/operations/adopt.js'
import { distribute, replicate } from '../../../src/core/operations/distribute.js'
import { createEngine, type Engine } from '../../../src/core/engine.js'
import { rotateKey, saveKey } from '../../../src/core/operations/keys.js'
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
import { copyWorld, createWorld } from '../../../src/dev-kms/account.js'
import { awsKms } from '../../../src/kms/aws/index.js'
import { createMemoryStore, createOverlayStore } from '../../../src/store/index.js'
import { createChance, mutate } from '../mutate.js'
import { Failure, judge, type Target } from '../target.js'

const PURPOSE = { purpose: ['encrypt', 'decrypt'], protection: 'hsm' } as const

/** What is asked of a key `app` that is in the KMS `k`, and of a key `new` that is not. */
const COMMANDS: Readonly<Record<string, (engine: Engine, stranger: string) => Promise<unknown>>> = {
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
  adopt: (engine, stranger) => adopt(engine, 'k', 'new', { kmsKeyId: stranger, version: 1 }),
}

/** Answers the requests of one command from a KMS of its own, and spoils one of the answers. */
interface Stage {
  readonly kms: Service
  /** The answer to be spoilt: the first is 0. */
  readonly nth: number
  readonly spoil: (answer: Buffer) => Buffer
  answers: number
}

/** More than any of the commands takes. */
const MOST_REQUESTS = 400

async function answer(
  stage: Stage,
  operation: string,
  region: string,
  body: Buffer,
): Promise<readonly [status: number, answer: Buffer]> {
  if (stage.answers > MOST_REQUESTS) return [400, Buffer.from('{"__type":"AccessDeniedException"}')]
  try {
    const said = Buffer.from(
      JSON.stringify(
        await perform(stage.kms, { operation, region, accessKeyId: 'A', requestId: 'r', body }),
      ),
    )
    return [200, stage.answers++ === stage.nth ? stage.spoil(said) : said]
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    stage.answers++
    return [
      error.status,
      Buffer.from(JSON.stringify({ __type: error.name, message: error.message })),
    ]
  }
}

/**
 * Whole commands, of whose answers from the KMS one is spoilt: a command, which answer, and a seed.
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
          answer(stage, operation, region, Buffer.concat(chunks)).then(
            ([status, said]) => {
              response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(said)
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
  const service = (world = createWorld()): Service => ({
    world,
    quotas: UNLIMITED,
    limits: AWS_LIMITS,
    policies: new Map(),
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
  stages.set('prepare', { kms: prepared.kms, nth: -1, spoil: (said) => said, answers: 0 })
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
    seeds: names.flatMap((name) =>
      Array.from({ length: 8 }, (_, nth) => Buffer.from(`${name} ${nth} a`)),
    ),
    words: [...names, ' ', '0', '1', '2', '9'],
    run: async (input) => {
      const [, name = '', digit = '0'] = /^([a-z]*) ?(\d?)/.exec(input.toString('latin1')) ?? []
      const command =
        COMMANDS[names.includes(name) ? name : (names[input.length % names.length] ?? '')]
      if (!command) throw new Failure(name)
      const chance = createChance(input.toString('latin1'))
      const id = String(count++)
      const stage: Stage = {
        kms: service(copyWorld(prepared.kms.world)),
        nth: Number(digit),
        spoil: (said) => mutate({ seeds: [said], words: SPOILING }, said, chance),
        answers: 0,
      }
      stages.set(id, stage)
      const engine = enginesOf(id, createOverlayStore(prepared.store))
      try {
        const verdict = await judge(() => command(engine, made.KeyMetadata.KeyId))
        if ((await readKey(engine, 'app')) === undefined) throw new Failure('the key is gone')
        return verdict
      } finally {
        stages.delete(id)
        if (stage.answers > MOST_REQUESTS)
          throw new Failure(`${stage.answers} requests for one command`)
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

const SPOILING = [
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
