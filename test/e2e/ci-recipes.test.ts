import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import {
  ADMINISTRATOR,
  administer,
  emptyMachine,
  installPacked,
  latestVersion,
  recipes,
  runJob,
  runScript,
  setUp,
  writeProgram,
  type Runner,
} from '../support/ci-recipes.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { startS3Server, type S3Server } from '../support/s3-server.js'
import { startStsServer, type StsServer } from '../support/sts-server.js'

// The recipes of docs/ci.md, on empty machines that have nothing but a role. `npm run conformance`
// runs them with the S3 and STS of moto.

const SESSION = {
  accessKeyId: 'ASIAJOB',
  secretAccessKey: 'secret-of-the-job',
  sessionToken: 'session-of-the-job',
}
const STORE = 's3://acme-keys/prod?region=eu-west-1'

let folder: string
let testbed: Testbed
let s3: S3Server
let sts: StsServer
let runner: Runner

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keymgmt-recipes-'))
  testbed = await createTestbed({
    credentials: {
      [SESSION.accessKeyId]: SESSION.secretAccessKey,
      [ADMINISTRATOR.AWS_ACCESS_KEY_ID]: ADMINISTRATOR.AWS_SECRET_ACCESS_KEY,
    },
    sessionTokens: { [SESSION.accessKeyId]: SESSION.sessionToken },
  })
  s3 = await startS3Server()
  sts = await startStsServer(SESSION)
  const machines = join(folder, 'machines')
  mkdirSync(machines)
  runner = {
    folder: machines,
    binary: installPacked(folder),
    endpoints: { kms: testbed.kms.endpoint, s3: s3.endpoint, sts: sts.endpoint },
  }
  await setUp(runner)
}, 120_000)
afterAll(async () => {
  await testbed.close()
  await s3.close()
  await sts.close()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(recipes())('the recipe for $name', ({ text, jobs }) => {
  it('stores no secret, and puts no expression into a script', () => {
    expect(text).not.toMatch(/secrets\.|\$\{\{|passphrase|keyfile|AWS_SECRET/i)
  })

  it('rotates the key, and verifies it', async () => {
    const [job, ...others] = jobs
    expect([job?.name, others]).toEqual(['rotate', []])
    const before = await latestVersion(runner)
    const assumed = sts.assumed.length
    const results = job ? await runJob(job, runner) : []
    expect(results.filter(({ status }) => status !== 0)).toEqual([])
    expect(results.map(({ output }) => output).join('')).toContain('keymgmt/key/app/rotate')
    expect(await latestVersion(runner)).toBe(before + 1)
    const roles = sts.assumed.slice(assumed).map(({ role }) => role)
    expect(new Set(roles)).toEqual(new Set(['arn:aws:iam::111122223333:role/keymgmt']))
  })
})

it('the setup seals the store with a KMS key, and nothing else', async () => {
  const line = `KEYMGMT_STORE='${STORE}' npx keymgmt status -format=json > status.json`
  const cwd = await administer(line, runner)
  const { data } = JSON.parse(readFileSync(join(cwd, 'status.json'), 'utf8')) as { data: object }
  expect(JSON.stringify(data)).toContain('arn:aws:kms:eu-west-1:')
  expect(JSON.stringify(data)).not.toMatch(/passphrase|\.keyfile/)
})

describe('action.yml', () => {
  const action = parse(readFileSync('action.yml', 'utf8')) as {
    readonly inputs: Readonly<Record<string, { readonly default?: string }>>
    readonly runs: {
      readonly using: string
      readonly steps: readonly {
        readonly shell: string
        readonly run: string
        readonly env: Readonly<Record<string, string>>
      }[]
    }
  }
  const [step] = action.runs.steps

  /** Runs the step of the action with inputs, with an npx that records its arguments. */
  const act = async (inputs: Readonly<Record<string, string>>) => {
    const { folder: cwd, variables } = emptyMachine(runner)
    const npx = join(cwd, 'npx')
    writeProgram(
      npx,
      `#!/bin/bash\nprintf '%s\\n' "$@" >> "$HOME/arguments"\nshift 2\nexec "${runner.binary}" "$@"\n`,
    )
    symlinkSync(resolve('package.json'), join(cwd, 'package.json'))
    const env = Object.fromEntries(
      Object.entries(step?.env ?? {}).map(([name, value]) => [
        name,
        value.replace(/^\$\{\{ inputs\.(\w+) \}\}$/, (_, input: string) => inputs[input] ?? ''),
      ]),
    )
    const result = await runScript(step?.run ?? '', cwd, {
      ...variables,
      AWS_ACCESS_KEY_ID: SESSION.accessKeyId,
      AWS_SECRET_ACCESS_KEY: SESSION.secretAccessKey,
      AWS_SESSION_TOKEN: SESSION.sessionToken,
      ...env,
      PATH: `${cwd}:${variables.PATH ?? ''}`,
      GITHUB_ACTION_PATH: cwd,
    })
    return { ...result, cwd, words: readFileSync(join(cwd, 'arguments'), 'utf8').split('\n') }
  }

  it('is one step of bash whose text contains no input', () => {
    expect([action.runs.using, action.runs.steps.length, step?.shell]).toEqual([
      'composite',
      1,
      'bash',
    ])
    expect(step?.run).not.toContain('${{')
    expect(Object.values(step?.env ?? {})).toEqual(
      Object.keys(action.inputs).map((name) => `\${{ inputs.${name} }}`),
    )
  })

  it('runs each line with the release of its own commit', async () => {
    const before = await latestVersion(runner)
    const run = 'write -f keymgmt/key/app/rotate\n\nread keymgmt/kms/prod/key/app/verify\n'
    const { status, words } = await act({ run, store: STORE })
    expect(status).toBe(0)
    const { version } = parse(readFileSync('package.json', 'utf8')) as { readonly version: string }
    expect(words.slice(0, 5)).toEqual([
      '--yes',
      `keymgmt@${version}`,
      'write',
      '-f',
      'keymgmt/key/app/rotate',
    ])
    expect(await latestVersion(runner)).toBe(before + 1)
  })

  it('ends with the exit status of the first command that fails', async () => {
    const run = 'read keymgmt/key/none\nwrite -f keymgmt/key/app/rotate'
    const before = await latestVersion(runner)
    expect((await act({ run, store: STORE })).status).toBe(2)
    expect(await latestVersion(runner)).toBe(before)
  })

  it.each([
    'read keymgmt/key/app; touch injected',
    'read keymgmt/key/$(touch injected)',
    'read keymgmt/key/`touch injected`',
    'read keymgmt/key/app && touch injected',
    'read keymgmt/key/app > injected',
    '"; touch injected; "',
    '* keymgmt/key/app',
  ])('an input never becomes a command: %s', async (run) => {
    const { status, cwd, words } = await act({ run, store: STORE })
    expect(status).not.toBe(0)
    expect(words.slice(2, -1)).toEqual(run.split(' '))
    expect(() => readFileSync(join(cwd, 'injected'))).toThrow('ENOENT')
  })

  it('passes a store as a variable only', async () => {
    const { status, output } = await act({ run: 'status', store: '$(id); touch injected' })
    expect(status).toBe(2)
    expect(output).toContain('KEYMGMT_STORE')
  })
})
