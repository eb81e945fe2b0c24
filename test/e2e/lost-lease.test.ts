import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { CONFIGURE } from '../support/flows.js'
import { createTestbed, type Ran, type Testbed } from '../support/keymgmt.js'
import { startProxy } from '../support/proxy.js'
import { startS3Server, storeUrl, type S3Request, type S3Server } from '../support/s3-server.js'

// A process that rotates a key is stopped (SIGSTOP) after it has recorded that it creates a KMS
// key. Its lease runs out, and another process does its work. Then the first one gets SIGCONT. The
// test deletes the lease instead of waiting for a minute: the first process sees no difference.

const KEY = 'write -f keymgmt/key/app type=aes256-gcm96'
const DISTRIBUTE = 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt'
const ROTATE = 'write -f keymgmt/key/app/rotate'

let testbed: Testbed
let server: S3Server
let env: Record<string, string>
/** Send signals to the processes that were stopped. */
const signals: Stopped['signal'][] = []
/** Runs at each request that the server receives. */
let onRequest: (request: S3Request) => void

beforeEach(async () => {
  onRequest = () => undefined
  testbed = await createTestbed()
  server = await startS3Server({
    fault: (request) => {
      onRequest(request)
      return undefined
    },
  })
  env = { KEYMGMT_HOME: '', KEYMGMT_STORE: storeUrl(server) }
  for (const line of ['operator init', CONFIGURE, KEY, DISTRIBUTE]) await ok(line)
})
afterEach(async () => {
  for (const signal of signals.splice(0)) signal('SIGKILL')
  await testbed.close()
  await server.close()
})

const ok = (line: string) => testbed.ok(line, { env })
const run = (line: string) => testbed.run(line, { env })

interface Stopped {
  readonly ended: Promise<Ran>
  readonly signal: (name: NodeJS.Signals) => void
}

/** Starts a rotation, and stops its process at its first change of the distribution. */
async function startAndStop(more: Record<string, string> = {}): Promise<Stopped> {
  let signal: Stopped['signal'] = () => undefined
  let ended: Promise<Ran> | undefined
  await new Promise<void>((resolve) => {
    onRequest = ({ method, key }) => {
      if (method !== 'PUT' || !key.endsWith('records/distribution/k/app')) return
      onRequest = () => undefined
      signal('SIGSTOP')
      resolve()
    }
    ended = testbed.run(ROTATE, {
      env: { ...env, ...more },
      onSpawn: (kill) => {
        signal = kill
        signals.push(kill)
      },
    })
  })
  if (!ended) throw new Error('not started')
  return { ended, signal }
}

/** The KMS keys, and those that are not scheduled for deletion. */
function kmsKeys() {
  const keys = [...testbed.kms.account.region('us-west-1').keys.values()]
  return { all: keys, kept: keys.filter(({ deletion }) => !deletion) }
}

async function expectConsistent(versions: number): Promise<void> {
  const { data } = JSON.parse(await ok('read -format=json keymgmt/kms/k/key/app')) as {
    data: { versions: Record<string, string> }
  }
  expect(Object.keys(data.versions)).toHaveLength(versions)
  expect(
    kmsKeys()
      .kept.map(({ id }) => id)
      .sort(),
  ).toEqual(Object.values(data.versions).sort())
  await ok('read keymgmt/kms/k/key/app/verify')
}

describe('a process that continues after its lease ran out', () => {
  it('schedules the KMS key for deletion that it could not record, and says so', async () => {
    const { ended, signal } = await startAndStop()
    server.remove('prod/leases/')
    await ok(ROTATE)
    signal('SIGCONT')
    const { status, stdout, stderr } = await ended
    const surplus = kmsKeys().all.find(({ deletion }) => deletion)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr.replace(/\s+/g, ' ')).toContain(
      `this command lost its lock, and another one has changed distribution/k/app; KMS key ${surplus?.arn ?? ''}, which this one created and which has no material, is scheduled for deletion`,
    )
    expect(kmsKeys().all).toHaveLength(3)
    await expectConsistent(2)
    expect((await run(ROTATE)).stderr).not.toContain('Scheduled KMS key')
    await expectConsistent(3)
  })

  it('leaves a surplus KMS key if it is killed then, which the next command finds', async () => {
    let signal: Stopped['signal'] = () => undefined
    const proxy = await startProxy(
      testbed.kms.endpoint,
      (_number, operation) =>
        operation === 'CreateKey' ? { when: 'after', kind: 'cut' } : undefined,
      () => {
        signal('SIGKILL')
      },
    )
    const stopped = await startAndStop({ AWS_ENDPOINT_URL_KMS: proxy.endpoint })
    signal = stopped.signal
    server.remove('prod/leases/')
    await ok(ROTATE)
    signal('SIGCONT')
    expect((await stopped.ended).status).toBeNull()
    await proxy.close()
    expect(kmsKeys().kept).toHaveLength(3)

    const next = await run(ROTATE)
    const surplus = kmsKeys().all.find(({ deletion }) => deletion)
    expect(next.status).toBe(0)
    expect(next.stderr.replace(/\s+/g, ' ')).toContain(
      `Scheduled KMS key ${surplus?.arn ?? ''} for deletion: a command that had lost its lock created it for version 2 of app, which has another KMS key`,
    )
    await expectConsistent(3)
  })

  it('creates nothing if the lease can no longer be renewed', async () => {
    const { ended, signal } = await startAndStop()
    server.remove('prod/leases/')
    // Longer than the lease may be old before a KMS key is created.
    await new Promise((resolve) => setTimeout(resolve, 21_000))
    await ok(ROTATE)
    signal('SIGCONT')
    const { status, stderr } = await ended
    expect(status).toBe(2)
    expect(stderr.replace(/\s+/g, ' ')).toContain('its lock key/app has run out')
    expect(kmsKeys().all).toHaveLength(2)
    await expectConsistent(2)
  })
})

it('a command that waits names the holder, and gives up at -timeout', async () => {
  const { ended, signal } = await startAndStop()
  const late = await run(`${ROTATE} -timeout=2s`)
  expect([late.status, late.stdout]).toEqual([2, ''])
  const holder =
    /waiting for \S+ on \S+ \(process \d+, keymgmt write keymgmt\/key\/app\/rotate\): rotate keymgmt\/key\/app/g
  // Once while it waits, and once in the error.
  expect(late.stderr.replace(/\s+/g, ' ').match(holder)).toHaveLength(2)
  signal('SIGCONT')
  expect((await ended).status).toBe(0)
})
