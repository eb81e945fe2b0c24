import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { startDevKms, type DevKms } from '../../src/dev-kms/index.js'
import { PATHS } from '../../src/paths/index.js'
import { findPath } from '../../src/router/router.js'
import { storePolicies, type StorePolicies } from '../../src/store/s3/policies.js'
import { parseS3Url } from '../../src/store/s3/address.js'
import { SEAL_ACTIONS } from '../../src/store/seals/awskms.js'
import { CONFIGURE } from '../support/flows.js'
import { programTable } from '../support/program.js'
import { allows, wantedBy } from '../support/s3-policies.js'
import {
  S3_ENV,
  startS3Server,
  storeUrl,
  type S3Request,
  type S3Server,
} from '../support/s3-server.js'
import { createSession, type Session } from '../support/session.js'

// The requests of every command pass both policies of a store on S3, and need all of the IAM
// policy.

const material = () => `material=${randomBytes(32).toString('hex')}`

/** Every command that uses the store, and every operation of every path. */
const LINES = [
  'operator init',
  'operator check',
  'operator seal-status',
  'operator rekey -add=passphrase',
  'operator rekey -remove=passphrase',
  'operator rotate',
  'status',
  'due',
  'expiring',
  CONFIGURE,
  'list keymgmt/kms',
  'read keymgmt/kms/k',
  'read keymgmt/kms/k/identity',
  'write -f keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1,eu-west-1',
  'list keymgmt/key',
  'read keymgmt/key/app',
  'write keymgmt/kms/k/key/app purpose=encrypt,decrypt',
  'list keymgmt/kms/k/key',
  'list keymgmt/key/app/kms',
  'read keymgmt/kms/k/key/app',
  'write -f keymgmt/key/app/rotate',
  'delete keymgmt/kms/k/key/app/replicate/eu-west-1',
  'write -f keymgmt/kms/k/key/app/replicate',
  'write keymgmt/kms/k/key/app/primary region=us-east-1',
  'write keymgmt/kms/k/key/app/renew ttl=30d',
  'write keymgmt/key/app/trim min_available_version=0',
  'write -f -dry-run keymgmt/key/app/rotate',
  'write -f -output-policy keymgmt/key/app/rotate',
  'policy keymgmt/kms/k',
  'policy store',
  'read keymgmt/kms/k/key/app/verify',
  'read keymgmt/kms/k/verify',
  'write -f keymgmt/kms/k/key/app/revoke',
  'write -f keymgmt/kms/k/key/app/restore',
  'write -f keymgmt/kms/k/key/app/repair',
  'delete keymgmt/kms/k/key/app',
  `write keymgmt/key/own/import type=aes256-gcm96 ${material()}`,
  'write keymgmt/kms/k/key/own purpose=encrypt,decrypt',
  'write keymgmt/kms/k/key/own/forget allow_orphans=true',
  'write keymgmt/kms/k/key/own/adopt key_id=KEY_ID',
  `write keymgmt/key/own/import_version ${material()}`,
  'operator snapshot save FILE',
  'operator snapshot inspect FILE',
  'operator snapshot restore FILE',
  'write -f keymgmt/key/gone type=aes256-gcm96',
  'write keymgmt/key/gone deletion_allowed=true',
  'delete keymgmt/key/gone',
  CONFIGURE.replace('kms/k ', 'kms/gone '),
  'delete keymgmt/kms/gone',
  'operator migrate -to=FOLDER',
]

/** Commands that send no request to the store. */
const ELSEWHERE = ['completion', 'config', 'dev', 'help', 'path-help', 'version']

let server: S3Server
let kms: DevKms
let session: Session
let policies: StorePolicies
const sent: { readonly line: string; readonly request: S3Request }[] = []

const environment = (at: S3Server) => ({
  ...S3_ENV,
  AWS_ENDPOINT_URL_STS: kms.endpoint,
  KEYMGMT_HOME: '',
  KEYMGMT_STORE: storeUrl(at),
})

/** A KMS key with the material of the last version of the key `own`. */
const forgotten = () => {
  const [key] = [...kms.account.region('us-west-1').keys.values()].slice(-1)
  return key?.id ?? ''
}

beforeAll(async () => {
  server = await startS3Server()
  kms = await startDevKms()
  session = createSession(kms.endpoint)
  policies = storePolicies(parseS3Url(storeUrl(server), 'KEYMGMT_STORE'))
  for (const line of LINES) {
    const before = server.requests.length
    const command = line
      .replace('FILE', join(session.home, 'today.snapshot'))
      .replace('KEY_ID', forgotten())
      .replace('FOLDER', join(session.home, 'moved'))
    const passphrase = line.includes('passphrase') && {
      KEYMGMT_PASSPHRASE: 'correct horse battery',
    }
    const env = { ...environment(server), ...passphrase }
    const { status, stderr } = await session.run(command, { env })
    if (status !== 0) throw new Error(`${line} ended with ${status}: ${stderr}`)
    for (const request of server.requests.slice(before)) sent.push({ line, request })
  }
}, 120_000)
afterAll(async () => {
  session.close()
  await kms.close()
  await server.close()
})

const both = () => ({ bucket: policies.bucket_policy, iam: policies.iam_policy })
const failing = (isWrong: (request: S3Request) => boolean) =>
  sent.filter(({ request }) => isWrong(request)).map(({ line, request }) => [line, request.key])

describe('the requests of every command', () => {
  it('include those of every path and operation', () => {
    const used = LINES.flatMap((line) => {
      const path = line.split(' ').find((word) => word.startsWith('keymgmt/'))
      return path === undefined
        ? []
        : [`${line.split(' ')[0] ?? ''} ${findPath(PATHS, path).path.pattern}`]
    })
    const all = PATHS.flatMap(({ pattern, operations }) =>
      Object.keys(operations).map((operation) => `${operation} ${pattern}`),
    )
    expect(all.filter((each) => !used.includes(each))).toEqual([])
  })

  it('include those of every other command', async () => {
    const program = await programTable()
    const names = program.runnable.map((command) => command.nameBelow(program))
    const isUsed = (name: string) =>
      LINES.some((line) => line === name || line.startsWith(`${name} `))
    const isElsewhere = (name: string) => ELSEWHERE.some((each) => name.startsWith(each))
    expect(names.filter((name) => !isUsed(name) && !isElsewhere(name))).toEqual([])
  })

  it('pass the bucket policy and the IAM policy', () => {
    expect(sent.length).toBeGreaterThan(500)
    expect(failing((request) => !allows(both(), wantedBy(request)))).toEqual([])
  })

  it('are all refused without the IAM policy', () => {
    expect(failing((request) => allows({ bucket: both().bucket }, wantedBy(request)))).toEqual([])
  })

  it('are all refused without TLS', () => {
    expect(failing((request) => allows(both(), wantedBy(request, false)))).toEqual([])
  })

  it('are refused by the bucket policy if they change something without a condition', () => {
    const unconditional = (request: S3Request) => wantedBy({ ...request, headers: {} })
    const changes = sent.filter(({ request }) => ['PUT', 'DELETE'].includes(request.method))
    expect(changes.length).toBeGreaterThan(100)
    for (const { request } of changes) {
      expect(allows({ iam: both().iam }, unconditional(request))).toBe(true)
      expect(allows(both(), unconditional(request))).toBe(false)
    }
  })

  it('delete no object version, which the bucket policy denies even to an administrator', () => {
    const deletion = sent.find(({ request }) => request.method === 'DELETE')?.request
    const query = new URLSearchParams({ versionId: '1' })
    const administrator = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
    }
    const wanted = deletion ? wantedBy({ ...deletion, query }) : []
    expect(wanted[0]?.action).toBe('s3:DeleteObjectVersion')
    expect(allows({ iam: administrator }, wanted)).toBe(true)
    expect(allows({ bucket: both().bucket, iam: administrator }, wanted)).toBe(false)
  })

  it('are refused in another folder of the bucket, and in another bucket', () => {
    const elsewhere = (request: S3Request): S3Request => ({
      ...request,
      key: request.key.replace(/^prod/, 'production'),
      query: new URLSearchParams(String(request.query).replaceAll('=prod', '=production')),
    })
    const placed = (request: S3Request) => request.key !== '' || request.query.has('prefix')
    expect(
      failing((request) => placed(request) && allows(both(), wantedBy(elsewhere(request)))),
    ).toEqual([])
    expect(
      failing((request) => allows(both(), wantedBy({ ...request, bucket: 'acme-keys-2' }))),
    ).toEqual([])
  })
})

describe('keymgmt policy store', () => {
  const printed = (flags: string, env = environment(server)) =>
    session.run(`policy store ${flags}`, { env })

  it('prints both policies, and says that a deletion does not erase', async () => {
    const { status, stdout, stderr } = await printed('')
    expect([status, JSON.parse(stdout)]).toEqual([0, policies])
    expect(stderr).toContain('deleting is not erasing')
    expect((await printed('-format=yaml')).stdout).toMatch(/^bucket_policy:\n {2}Statement:\n/)
  })

  it('prints one of them, and sends nothing', async () => {
    const before = server.requests.length
    for (const [field, policy] of Object.entries(policies))
      expect(JSON.parse((await printed(`-field=${field}`)).stdout)).toEqual(policy)
    expect(server.requests.length).toBe(before)
  })

  it('lets S3 use the KMS key of the bucket', async () => {
    const arn = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
    const { stdout } = await printed(`-field=iam_policy -bucket-key=${arn}`)
    expect((JSON.parse(stdout) as StorePolicies['iam_policy']).Statement.at(-1)).toMatchObject({
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Resource: [arn],
    })
  })

  it('lets the user open the seals', async () => {
    const arns = ['1', '2'].map((id) => `arn:aws:kms:eu-west-1:111122223333:key/${id}`)
    const { stdout } = await printed(`-field=iam_policy -seal-key=${arns.join(',')}`)
    expect((JSON.parse(stdout) as StorePolicies['iam_policy']).Statement.at(-1)).toEqual({
      Effect: 'Allow',
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey'],
      Resource: arns,
    })
  })

  it.each([
    ['-field=bucket', 'Field "bucket" not present in the policies', 1],
    ['-bucket-key=alias/app', 'it takes the ARN of a KMS key', 1],
    ['keymgmt/kms/k', 'Too many arguments', 1],
  ])('refuses %s', async (flags, problem, status) => {
    const ran = await printed(flags)
    expect([ran.status, ran.stdout]).toEqual([status, ''])
    expect(ran.stderr).toContain(problem)
  })

  it('has no policies for a local store', async () => {
    const env = { KEYMGMT_HOME: join(session.home, 'local') }
    const ran = await session.run('policy store', { env })
    expect([ran.status, ran.stdout]).toEqual([2, ''])
    expect(ran.stderr).toContain('is a folder on this machine: it needs no policies')
  })
})

describe('the KMS key of a seal', () => {
  const policyOf = (arn: string) =>
    storePolicies(parseS3Url(storeUrl(server), 'KEYMGMT_STORE'), { sealKeys: [arn] }).iam_policy

  /** Creates a store with the seal, and opens it, under a policy. Returns the exit statuses. */
  const statusesUnder = async (change = (policy: object) => policy) => {
    const { endpoint, credentials } = kms
    const client = new KMSClient({ region: 'eu-west-1', endpoint, credentials })
    const { KeyMetadata } = await client.send(new CreateKeyCommand({}))
    const arn = KeyMetadata?.Arn ?? ''
    const bucket = await startS3Server()
    const { AWS_ACCESS_KEY_ID: user = '', AWS_SECRET_ACCESS_KEY: secret = '' } = S3_ENV
    const restricted = await startDevKms({
      account: kms.account,
      credentials: { [user]: secret },
      policies: { [user]: change(policyOf(arn)) },
    })
    const own = createSession(restricted.endpoint)
    const env = { ...environment(bucket), KEYMGMT_SEAL: `awskms:${arn}` }
    const statuses: number[] = []
    for (const line of ['operator init', 'write -f keymgmt/key/app'])
      statuses.push((await own.run(line, { env })).status)
    own.close()
    await restricted.close()
    await bucket.close()
    return statuses
  }

  it('is used with exactly the permissions of the policy', async () => {
    expect(await statusesUnder()).toEqual([0, 0])
    for (const action of SEAL_ACTIONS) {
      const without = (policy: object) =>
        JSON.parse(JSON.stringify(policy).replace(`"${action}"`, '"kms:ListKeys"')) as object
      expect([action, await statusesUnder(without)]).toEqual([action, [2, 2]])
    }
  })
})

/** Every action of the IAM policy, and the policy without it. */
const withoutEach = ({ iam_policy: { Version, Statement } }: StorePolicies) =>
  Statement.flatMap((statement, index) =>
    [statement.Action].flat().map((action): [string, object] => [
      action,
      {
        Version,
        Statement: [
          ...Statement.filter((_, other) => other !== index),
          { ...statement, Action: [statement.Action].flat().filter((each) => each !== action) },
        ],
      },
    ]),
  )

describe('a server that enforces the policies', () => {
  const USE = [
    'operator init',
    'status',
    'write -f keymgmt/key/app type=aes256-gcm96',
    'write -f keymgmt/key/app/rotate',
    'list keymgmt/key',
    'write keymgmt/key/app deletion_allowed=true',
    'delete keymgmt/key/app',
  ]
  /** Runs the commands. Returns the exit statuses and stderr. */
  const use = async (iam: object) => {
    const enforcing = await startS3Server({ policies: { ...both(), iam } })
    const user = createSession(kms.endpoint)
    const ran: { readonly status: number; readonly stderr: string }[] = []
    for (const line of USE) ran.push(await user.run(line, { env: environment(enforcing) }))
    user.close()
    await enforcing.close()
    return {
      statuses: ran.map(({ status }) => status),
      stderr: ran.map((each) => each.stderr).join('\n'),
    }
  }

  it('serves the user with both', async () => {
    expect((await use(policies.iam_policy)).statuses).toEqual(USE.map(() => 0))
  })

  it('refuses without any action, and the error names it and the bucket', async () => {
    for (const [action, iam] of withoutEach(policies)) {
      const { statuses, stderr } = await use(iam)
      expect(stderr).toMatch(new RegExp(`[aA]llow [^\\n]*${action}`))
      if (action === 's3:GetBucketVersioning') expect(statuses).toEqual(USE.map(() => 0))
      else {
        expect(statuses).toContain(2)
        expect(stderr).toContain(`the store ${storeUrl(server).split('?')[0] ?? ''}`)
      }
    }
  })
})
