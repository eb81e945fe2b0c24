import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyAccount, type Account } from '../../src/dev-kms/index.js'
import { parseS3Url } from '../../src/store/s3/address.js'
import { openBucket, type Bucket } from '../../src/store/s3/bucket.js'
import { openSealedS3Store } from '../../src/store/sealed-s3.js'
import { CONFIGURE } from './flows.js'
import { copyFolder, createTestbed, type Testbed } from './keymgmt.js'
import { findProblems } from './problems.js'
import { startProxy, type ProxyFault } from './proxy.js'
import { S3_ENV } from './s3-server.js'
import { createSession } from './session.js'

// The real binary is killed at a request to its store on S3. Then the same command runs again: it
// must succeed, without leftovers, missing parts or changes.

const KEY = 'write -f keymgmt/key/app type=aes256-gcm96'
const DISTRIBUTE = 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt'
const ROTATE = 'write -f keymgmt/key/app/rotate'

/** A command that is killed. */
export interface KilledCommand {
  readonly prepare: readonly string[]
  readonly line: string
  /** Commands that run after it was repeated. */
  readonly after?: readonly string[]
}

/** The commands that create, distribute, rotate and delete. */
export const KILLED = {
  create: { prepare: [], line: KEY, after: [DISTRIBUTE] },
  distribute: { prepare: [KEY], line: DISTRIBUTE },
  rotate: { prepare: [KEY, DISTRIBUTE], line: ROTATE },
  delete: { prepare: [KEY, DISTRIBUTE], line: 'delete keymgmt/kms/k/key/app deletion_window=7' },
} as const satisfies Readonly<Record<string, KilledCommand>>

/** A server of the S3 protocol, with a bucket. */
export interface KillSite {
  readonly endpoint: string
  /** Returns the URL of a store at an endpoint of the server. */
  readonly urlAt: (endpoint: string, prefix: string) => string
}

/** The state before the command: it is copied for each kill. */
interface Prepared extends KilledCommand {
  readonly site: KillSite
  readonly home: string
  readonly account: Account
  readonly objects: ReadonlyMap<string, Uint8Array>
}

/** A kill at a request: before or after the server carries it out. */
type Point = Pick<ProxyFault, 'when'> & { readonly at: number }

/** Kills the command at each request, and returns the problems and the number of kills. */
export async function killEverywhere(
  site: KillSite,
  command: KilledCommand,
): Promise<{ readonly kills: number; readonly problems: readonly string[] }> {
  const prepared = await prepare(site, command)
  const methods = await requestsOf(prepared)
  const points = methods.flatMap((method, index): Point[] => {
    const at = index + 1
    // A kill after a read is one before the next request.
    const isRead = method === 'GET'
    return [{ at, when: 'before' }, ...(isRead ? [] : [{ at, when: 'after' } as const])]
  })
  const problems: string[] = []
  for (const point of points)
    for (const problem of await killAt(prepared, point))
      problems.push(`kill ${point.when} request ${point.at}: ${problem}`)
  return { kills: points.length, problems }
}

const PREFIX = 'prepared'

async function prepare(site: KillSite, command: KilledCommand): Promise<Prepared> {
  const testbed = await createTestbed()
  try {
    const env = environment(testbed.home, site.urlAt(site.endpoint, PREFIX))
    for (const line of ['operator init', CONFIGURE, ...command.prepare])
      await testbed.ok(line, { env })
    const objects = new Map<string, Uint8Array>()
    const bucket = bucketOf(site)
    for (const name of await bucket.listAll(PREFIX)) {
      const { body, etag } = (await bucket.get(`${PREFIX}/${name}`)) ?? {}
      if (body) objects.set(name, body)
      if (etag !== undefined) await bucket.delete(`${PREFIX}/${name}`, etag)
    }
    return { ...command, site, home: testbed.home, account: testbed.kms.account, objects }
  } finally {
    await testbed.kms.close()
  }
}

function environment(home: string, url: string): Record<string, string> {
  const KEYMGMT_KEYFILE = join(home, 'keyfile')
  return { ...S3_ENV, KEYMGMT_HOME: '', KEYMGMT_KEYFILE, KEYMGMT_STORE: url }
}

/** The whole bucket, without a prefix. */
function bucketOf({ endpoint, urlAt }: KillSite): Bucket {
  const address = { ...parseS3Url(urlAt(endpoint, PREFIX), 'KEYMGMT_STORE'), prefix: '' }
  return openBucket(address, { env: S3_ENV, signal: new AbortController().signal })
}

/** A copy of what was prepared, with a proxy to its store. */
interface Copy {
  readonly testbed: Testbed
  readonly prefix: string
  readonly bucket: Bucket
}

let copies = 0

async function copyOf({ site, home, account, objects }: Prepared): Promise<Copy> {
  const folder = mkdtempSync(join(tmpdir(), 'keymgmt-test-'))
  copyFolder(home, folder)
  const testbed = await createTestbed({ account: copyAccount(account, () => new Date()) }, folder)
  const [bucket, prefix] = [bucketOf(site), `copy-${++copies}`]
  for (const [name, body] of objects) await bucket.put(`${prefix}/${name}`, body, undefined)
  return { testbed, prefix, bucket }
}

/** Returns the methods of the requests of the command, in order. */
async function requestsOf(prepared: Prepared): Promise<string[]> {
  const { site, line } = prepared
  const { testbed, prefix } = await copyOf(prepared)
  const methods: string[] = []
  const proxy = await startProxy(site.endpoint, (_number, _operation, method) => {
    methods.push(method)
    return undefined
  })
  try {
    const env = environment(testbed.home, site.urlAt(proxy.endpoint, prefix))
    await testbed.ok(line, { env })
    return methods
  } finally {
    await proxy.close()
    await testbed.close()
  }
}

async function killAt(prepared: Prepared, { at, when }: Point): Promise<string[]> {
  const { site, line } = prepared
  const copy = await copyOf(prepared)
  const { testbed, prefix } = copy
  let kill: () => void = () => undefined
  const proxy = await startProxy(
    site.endpoint,
    (number) => (number === at ? { when, kind: 'cut' } : undefined),
    () => {
      kill()
    },
  )
  try {
    const ended = await testbed.run(line, {
      env: environment(testbed.home, site.urlAt(proxy.endpoint, prefix)),
      onSpawn: (killer) => {
        kill = killer
      },
    })
    await proxy.close()
    if (ended.status !== null) return [`it was not killed: ${ended.stderr}`]
    return await finish(prepared, copy)
  } finally {
    await proxy.close()
    await testbed.close()
  }
}

/** Runs the command again, after the lease of the killed process has run out. */
async function finish(
  { site, line, after = [] }: Prepared,
  { testbed: { home, kms }, prefix, bucket }: Copy,
): Promise<string[]> {
  // That takes a minute. Deleting it is the same to the next command.
  const leases = `${prefix}/leases`
  for (const name of await bucket.listAll(leases)) {
    const lease = await bucket.get(`${leases}/${name}`)
    if (lease) await bucket.delete(`${leases}/${name}`, lease.etag)
  }
  const url = site.urlAt(site.endpoint, prefix)
  const env = environment(home, url)
  const session = createSession(kms.endpoint, home)
  for (const again of [line, ...after]) {
    const { status, stderr } = await session.run(again, { env })
    if (status !== 0) return [`"${again}" ended with ${status}: ${stderr}`]
  }
  const { store } = openSealedS3Store({
    address: parseS3Url(url, 'KEYMGMT_STORE'),
    env: S3_ENV,
    signal: new AbortController().signal,
    keyfileOf: () => join(home, 'keyfile'),
  })
  const left = await bucket.listAll(leases)
  return [
    ...(await findProblems(home, kms, store)),
    ...left.map((name) => `a lease is left: ${name}`),
  ]
}
