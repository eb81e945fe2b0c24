import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KEY_TYPES, type KeyTypeName } from '../../../src/crypto/key-types.js'
import { wrappingPair } from '../../../src/dev-kms/wrapping.js'
import { awsKms } from '../../../src/kms/aws/index.js'
import { OPERATION_TAG } from '../../../src/kms/kms-key.js'
import type { KmsProvider } from '../../../src/kms/provider.js'
import { Failure, judge, type Target } from '../target.js'

const ID = '00000000-0000-4000-8000-000000000001'
const ARN = `arn:aws:kms:us-west-1:111122223333:key/${ID}`
const KEY = { id: ID, arn: ARN }
const OPERATION = '00000000-0000-4000-8000-00000000000a'
const ALIAS = 'alias/hashicorp/app-1'
const METADATA = `{"KeyId":"${ID}","Arn":"${ARN}","KeyState":"Enabled","Origin":"EXTERNAL","KeySpec":"SYMMETRIC_DEFAULT","KeyUsage":"ENCRYPT_DECRYPT","CreationDate":1767225600,"DeletionDate":1767225600,"ValidTo":1767225600,"ExpirationModel":"KEY_MATERIAL_EXPIRES","CurrentKeyMaterialId":"m","MultiRegion":true,"MultiRegionConfiguration":{"MultiRegionKeyType":"PRIMARY","PrimaryKey":{"Arn":"${ARN}","Region":"us-west-1"},"ReplicaKeys":[{"Arn":"${ARN}","Region":"eu-west-1"}]}}`

/** A call of the provider, with a valid reply to each of its requests. */
interface Exchange {
  readonly replies: Readonly<Record<string, string>>
  readonly call: (provider: KmsProvider) => Promise<unknown>
}

const materialOf = async (type: KeyTypeName) => [type, await KEY_TYPES[type].generate()] as const

async function exchanges(): Promise<Readonly<Record<string, Exchange>>> {
  const { publicKey } = await wrappingPair('RSA_4096')
  const der = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  const [[aes, bytes], [ec, pkcs8], [hmac, secret]] = await Promise.all([
    materialOf('aes256-gcm96'),
    materialOf('ecdsa-p256'),
    materialOf('hmac-sha256'),
  ])
  const request = {
    type: aes,
    purpose: ['encrypt', 'decrypt'] as const,
    multiRegion: false,
    description: 'd',
    tags: { a: 'b' },
  }
  const about = `{"KeyMetadata":${METADATA}}`
  const parameters = `{"KeyId":"${ARN}","ImportToken":"AAAA","PublicKey":"${der}","ParametersValidTo":1767225600}`
  return {
    CreateKey: { replies: { CreateKey: about }, call: (provider) => provider.create(request) },
    DescribeKey: {
      replies: { DescribeKey: about },
      call: (provider) => provider.inspect('us-west-1', KEY),
    },
    GetParametersForImport: {
      replies: { GetParametersForImport: parameters, ImportKeyMaterial: '{"KeyMaterialId":"m"}' },
      call: (provider) => provider.importMaterial('us-west-1', KEY, aes, bytes),
    },
    ImportKeyMaterial: {
      replies: {
        ImportKeyMaterial: `{"KeyId":"${ARN}","KeyMaterialId":"m"}`,
        GetParametersForImport: parameters,
      },
      call: (provider) => provider.accepts('us-west-1', KEY, ec, pkcs8),
    },
    GetPublicKey: {
      replies: {
        GetPublicKey: `{"KeyId":"${ARN}","PublicKey":"${der}","KeySpec":"ECC_NIST_P256"}`,
      },
      call: (provider) => provider.holds('us-west-1', KEY, ec, pkcs8),
    },
    GenerateMac: {
      replies: { GenerateMac: `{"KeyId":"${ARN}","Mac":"AAAA","MacAlgorithm":"HMAC_SHA_256"}` },
      call: (provider) => provider.holds('us-west-1', KEY, hmac, secret),
    },
    ListKeys: {
      replies: {
        ListKeys: `{"Keys":[{"KeyId":"${ID}","KeyArn":"${ARN}"}],"Truncated":true,"NextMarker":"AAAA"}`,
        ListResourceTags: `{"Tags":[]}`,
      },
      call: (provider) => provider.findByOperation(new Set([OPERATION]), new Date(0)),
    },
    ListResourceTags: {
      replies: {
        ListResourceTags: `{"Tags":[{"TagKey":"${OPERATION_TAG}","TagValue":"${OPERATION}"}],"Truncated":true,"NextMarker":"AAAA"}`,
      },
      call: (provider) => provider.tagsOf('us-west-1', KEY),
    },
    ListAliases: {
      replies: {
        ListAliases: `{"Aliases":[{"AliasName":"alias/x","AliasArn":"${ARN}","TargetKeyId":"${ID}"}],"Truncated":true,"NextMarker":"AAAA"}`,
      },
      call: (provider) => provider.aliasTargets('us-west-1', new Set([ALIAS])),
    },
    CreateAlias: {
      replies: { CreateAlias: '', ListAliases: '{"Aliases":[]}' },
      call: (provider) =>
        provider.pointAlias('us-west-1', ALIAS, KEY, { keys: new Set(), exists: false }),
    },
    ScheduleKeyDeletion: {
      replies: {
        ScheduleKeyDeletion: `{"KeyId":"${ARN}","DeletionDate":1767225600.5,"KeyState":"PendingDeletion","PendingWindowInDays":7}`,
      },
      call: (provider) => provider.scheduleDeletion('us-west-1', KEY, 7),
    },
    CancelKeyDeletion: {
      replies: { CancelKeyDeletion: `{"KeyId":"${ARN}"}` },
      call: (provider) => provider.cancelDeletion('us-west-1', KEY),
    },
    ReplicateKey: {
      replies: {
        ReplicateKey: `{"ReplicaKeyMetadata":${METADATA.replaceAll('kms:us-west-1', 'kms:eu-west-1')}}`,
      },
      call: (provider) => provider.replicate(KEY, 'eu-west-1', request),
    },
    ListKeyRotations: {
      replies: {
        ListKeyRotations: `{"Rotations":[{"KeyId":"${ID}","KeyMaterialId":"m","KeyMaterialState":"CURRENT","KeyMaterialDescription":"d","ImportState":"IMPORTED","ExpirationModel":"KEY_MATERIAL_EXPIRES","ValidTo":1767225600,"RotationDate":1767225600,"RotationType":"ON_DEMAND"}],"Truncated":true,"NextMarker":"AAAA"}`,
      },
      call: (provider) => provider.materials('us-west-1', KEY),
    },
    DeleteImportedKeyMaterial: {
      replies: { DeleteImportedKeyMaterial: '{}' },
      call: (provider) => provider.deleteMaterial('us-west-1', KEY),
    },
  }
}

const REFUSALS = [
  '400 {"__type":"NotFoundException","message":"m"}',
  '400 {"__type":"com.amazonaws.kms#KMSInvalidStateException","message":"x is pending deletion."}',
  '400 {"__type":"AlreadyExistsException","message":"m"}',
  '403 {"__type":"AccessDeniedException","message":"no resource-based policy"}',
  '500 {"__type":"KMSInternalException"}',
  '429 {}',
  '400 {"__type":"IncorrectKeyMaterialException"}',
  '301 ',
  '200 <html>',
  '200 null',
  '200 []',
  '503 ',
]

/** The reply to one operation, and the number of requests so far. */
interface Scene {
  readonly exchange: Exchange
  readonly operation: string
  readonly status: number
  readonly body: Buffer
  requests: number
}

/** Replaces HUGE in an input: far longer than any reply of AWS. */
const HUGE = 'x'.repeat(2_000_000)

/** More requests than reading a list that points back to itself may take. */
const MOST_REQUESTS = 200

function play(scene: Scene, request: IncomingMessage, response: ServerResponse): void {
  const operation = String(request.headers['x-amz-target'] ?? '').replace('TrentService.', '')
  const isIt = operation === scene.operation
  scene.requests++
  // Retries end here, because they take longer than a test may. Reading pages must end by itself.
  const isOver = scene.requests > 1 && (scene.status !== 200 || !operation.startsWith('List'))
  if (isIt && scene.status < 100) {
    response.writeHead(200, {
      'content-length': scene.body.length + 1,
      'x-amzn-requestid': 'r',
    })
    response.write(scene.body, () => {
      request.socket.destroy()
    })
    return
  }
  const [status, body] = !isIt
    ? [200, scene.exchange.replies[operation] ?? '{}']
    : isOver || scene.requests > MOST_REQUESTS
      ? [400, '{"__type":"AccessDeniedException","message":"enough"}']
      : [scene.status, scene.body]
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': 'r',
  })
  response.end(body)
}

function assertSound(value: unknown): void {
  if (value instanceof Date && Number.isNaN(value.getTime())) throw new Failure('an invalid date')
  if (typeof value !== 'object' || value === null) return
  for (const [name, text] of Object.entries(value))
    if (['state', 'id', 'arn'].includes(name) && typeof text !== 'string')
      throw new Failure(`${name} is not a string`)
  Object.values(value).forEach(assertSound)
}

/** Replies of a KMS, or of another server. An input is an operation, a status and a body. */
export async function replies(): Promise<Target> {
  const known = await exchanges()
  const names = Object.keys(known)
  const scenes = new Map<string, Scene>()
  const server = createServer((request, response) => {
    request.resume()
    const scene = scenes.get((request.url ?? '').split('/')[1] ?? '')
    if (scene) play(scene, request, response)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    name: 'KMS replies',
    share: 8,
    parallel: 48,
    seeds: [
      ...Object.entries(known).map(([operation, { replies: given }]) =>
        Buffer.from(`${operation} 200 ${given[operation] ?? ''}`),
      ),
      ...names.flatMap((operation) =>
        REFUSALS.map((refusal) => Buffer.from(`${operation} ${refusal}`)),
      ),
      ...names.map((operation) => Buffer.from(`${operation} 0 {"KeyMetadata":`)),
    ],
    words: [
      ...names,
      '"HUGE"',
      '"KeyMetadata":',
      '"KeyState":"Creating"',
      '"Truncated":true',
      '"NextMarker":"AAAA"',
      '"__type":"',
      '"message":',
      '"DeletionDate":',
      'NaN',
      '"PublicKey":"AAAA"',
      '"Tags":[null]',
      '1e300',
      '"Keys":[null]',
      '"Aliases":[null]',
    ],
    run: async (input) => {
      const [, operation = '', status = '', body = ''] =
        /^(\w*) ?(\d{0,3}) ?(.*)$/s.exec(input.toString('latin1')) ?? []
      const name = names.includes(operation)
        ? operation
        : (names[input.length % names.length] ?? '')
      const exchange = known[name]
      if (!exchange) throw new Failure(name)
      const code = Number(status || '200')
      const scene: Scene = {
        exchange,
        operation: name,
        status: code >= 100 && (code < 200 || code > 599) ? 200 : code,
        body: Buffer.from(body.replaceAll('HUGE', HUGE), 'latin1'),
        requests: 0,
      }
      const id = randomUUID()
      scenes.set(id, scene)
      const kind = awsKms({ env: {}, signal: AbortSignal.timeout(8_000) })
      const credentials = {
        endpoint: `http://127.0.0.1:${port}/${id}`,
        access_key: 'A',
        secret_key: 'B',
      }
      try {
        return await judge(async () => {
          assertSound(await exchange.call(await kind.open({ region: 'us-west-1', credentials })))
        })
      } finally {
        scenes.delete(id)
        if (scene.requests > MOST_REQUESTS)
          throw new Failure(`${scene.requests} requests for one call`)
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
