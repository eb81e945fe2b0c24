import { DescribeKeyCommand } from '@aws-sdk/client-kms'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openSealedLocalStore, type Store } from '../../../src/index.js'
import { clientAt, credentialsOf, type Site } from './site.js'

const BINARY = resolve('bin/keymgmt.js')

/** The output of one command, and its exit status. */
export interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly status: number | null
}

/** A user of the real binary, with a separate store and the provider `k` at the site. */
export interface Operator {
  /**
   * The key that `app` stands for in its commands. An alias contains the key's name and a second,
   * and the aliases of a run must differ.
   */
  readonly key: string
  readonly store: Store
  run(line: string): Promise<Ran>
  /** Runs a command that must succeed, and returns its stdout. */
  ok(line: string): Promise<string>
  json<T>(line: string): Promise<T>
  /** The id of the KMS key of each version of `app` in the provider `k`. */
  versions(): Promise<Readonly<Record<string, string>>>
}

/** Returns AWS's state of a version's KMS key in a Region. */
export async function stateOf(
  site: Site,
  region: string,
  KeyId: string,
): Promise<string | undefined> {
  return (await clientAt(site, region).send(new DescribeKeyCommand({ KeyId }))).KeyMetadata
    ?.KeyState
}

/** Returns an operator whose store contains only the provider `k`. */
export async function hire(site: Site): Promise<Operator> {
  const home = mkdtempSync(join(site.folder, 'operator-'))
  const operator = operatorOf(site, home, `app-${site.operators.length + 1}`)
  site.operators.push(operator)
  const credentials = Object.entries(credentialsOf(site))
    .map(([name, value]) => ` credentials=${name}=${value}`)
    .join('')
  await operator.ok(`write keymgmt/kms/k provider=awskms key_collection=${site.home}${credentials}`)
  return operator
}

function operatorOf(site: Site, home: string, key: string): Operator {
  const env = environmentOf(site, home)
  const run = (line: string) =>
    runBinary(line.replaceAll(/(?<=\/)app\b/g, key).split(' '), env, site.signal)
  const ok = async (line: string) => {
    const ran = await run(line)
    if (ran.status !== 0)
      throw new Error(
        `${line.replace(/ credentials=.*/, '')} ended with ${String(ran.status)}: ${ran.stderr}${ran.stdout}`,
      )
    return ran.stdout
  }
  const json = async <T>(line: string) =>
    (JSON.parse(await ok(`${line} -format=json`)) as { data: T }).data
  return {
    key,
    run,
    ok,
    json,
    store: openSealedLocalStore({ storeDir: home, keyfile: join(home, 'keyfile') }).store,
    versions: async () =>
      (await json<{ versions: Record<string, string> }>('read keymgmt/kms/k/key/app')).versions,
  }
}

/** If the site has no pair, the binary finds credentials as it does for this user. */
function environmentOf({ pair }: Site, home: string): NodeJS.ProcessEnv {
  const found = pair
    ? { PATH: process.env.PATH, HOME: home, AWS_EC2_METADATA_DISABLED: 'true' }
    : process.env
  return {
    ...Object.fromEntries(Object.entries(found).filter(([name]) => !name.startsWith('KEYMGMT_'))),
    KEYMGMT_HOME: home,
  }
}

function runBinary(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Ran> {
  return new Promise((resolveRun, reject) => {
    const child = spawn(process.execPath, [BINARY, ...args], {
      env,
      signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    child.on('error', reject)
    child.on('close', (status) => {
      resolveRun({ stdout, stderr, status })
    })
  })
}

/** Checks that a command is refused with exit status 2, and that its error contains `says`. */
export async function refused(operator: Operator, line: string, says: string): Promise<void> {
  const ran = await operator.run(line)
  assert.equal(ran.status, 2, `${line} ended with ${String(ran.status)}`)
  assert.ok(ran.stderr.replace(/\s+/g, ' ').includes(says), ran.stderr)
}
