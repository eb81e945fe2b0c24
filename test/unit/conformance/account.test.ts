import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { CreateAliasCommand, CreateKeyCommand } from '@aws-sdk/client-kms'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startDevKms, type DevKms } from '../../../src/index.js'
import { runInAccount } from '../../conformance/emulators/account.js'
import { hire } from '../../conformance/emulators/operator.js'
import { clientAt, RUN_TAG, type Site } from '../../conformance/emulators/site.js'
import type { Group } from '../../conformance/emulators/suite.js'

let kms: DevKms
let site: Site
let stop: AbortController
let printed: string[]

beforeEach(async () => {
  kms = await startDevKms()
  stop = new AbortController()
  printed = []
  jest.spyOn(console, 'log').mockImplementation((line: string) => {
    printed.push(line)
  })
  const { accessKeyId: id, secretAccessKey: secret } = kms.credentials
  site = {
    name: 'account',
    endpoint: kms.endpoint,
    pair: { id, secret },
    home: 'us-west-1',
    replicas: ['us-east-1', 'eu-west-1'],
    runId: 'this-run',
    folder: mkdtempSync(join(tmpdir(), 'keymgmt-account-')),
    signal: stop.signal,
    checkMs: 60_000,
    operators: [],
  }
})

afterEach(async () => {
  jest.restoreAllMocks()
  rmSync(site.folder, { recursive: true })
  await kms.close()
})

async function makeKey(run: string): Promise<string> {
  const client = clientAt(site, site.home)
  const { KeyMetadata: { KeyId = '' } = {} } = await client.send(
    new CreateKeyCommand({ Tags: [{ TagKey: RUN_TAG, TagValue: run }] }),
  )
  await client.send(
    new CreateAliasCommand({ AliasName: `alias/${run}-${KeyId}`, TargetKeyId: KeyId }),
  )
  return KeyId
}

function stateOf(id: string): unknown {
  return kms.account.region(site.home).keys.get(id)?.deletion
}

async function runOne(run: () => Promise<void>, kmsKeys = 1) {
  const group: Group = { name: 'g', kmsKeys, checks: () => [{ name: 'c', run }] }
  return (await runInAccount([group], site))
    .filter(({ kind }) => kind === 'failed')
    .map(({ check }) => check)
}

it('schedules only the KMS keys of a failed check for deletion, and reports them', async () => {
  const before = await makeKey('this-run')
  let [ours, theirs] = ['', '']
  const failed = await runOne(async () => {
    ;[ours, theirs] = [await makeKey('this-run'), await makeKey('another-run')]
    throw new Error('as it happens')
  })
  expect(failed).toEqual(['g: c'])
  expect([before, ours, theirs].map((id) => stateOf(id) !== undefined)).toEqual([
    false,
    true,
    false,
  ])
  expect(
    [...kms.account.region(site.home).aliases.keys()].some((name) => name.includes(ours)),
  ).toBe(false)
  expect(printed[0]).toContain('up to 1 KMS keys, in us-west-1, us-east-1 and eu-west-1')
  expect(printed.at(-1)).toMatch(
    new RegExp(
      `1 KMS keys were made\\n.*${ours}, SYMMETRIC_DEFAULT, PendingDeletion, .*, AWS request id [0-9a-f-]{36}`,
    ),
  )
})

it('removes the KMS keys of the binary after an interruption', async () => {
  const failed = await runOne(async () => {
    const operator = await hire(site)
    await operator.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await operator.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
    stop.abort(new Error('interrupted'))
    await new Promise(() => undefined)
  })
  expect(failed).toEqual(['g: c'])
  expect(
    [...kms.account.region(site.home).keys.keys()].map((id) => stateOf(id) !== undefined),
  ).toEqual([true])
})

it('fails if it creates more than it announced', async () => {
  expect(
    await runOne(async () => {
      await makeKey('this-run')
    }, 0),
  ).toEqual(['the budget'])
})

it('accepts any URL in place of aws, and fails if nothing replies there', () => {
  const chosen = {
    AWS_REGION: 'us-west-1',
    KEYMGMT_CONFORMANCE_ENDPOINT: 'http://127.0.0.1:9',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  }
  const { stdout, status } = spawnSync(
    process.execPath,
    [resolve('dist/test/conformance/emulators/run.js')],
    { env: chosen, encoding: 'utf8' },
  )
  expect(stdout).toContain(
    'failed: http://127.0.0.1:9: the whole suite: connect ECONNREFUSED 127.0.0.1:9\n',
  )
  expect(status).toBe(1)
})
