import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { startDevKms } from '../src/dev-kms/index.js'

// The life of one key, through the real command, against the embedded KMS. Whatever is not as it
// should be ends it.

const BINARY = fileURLToPath(new URL('../../bin/keymgmt.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'keymgmt-demo-'))

/** Ends the demo unless `condition` holds. */
function check(condition: boolean, claim: string): void {
  if (!condition) throw new Error(`this should be so, and is not: ${claim}`)
  console.log(`  ✓ ${claim}\n`)
}

/**
 * Only what the demo needs: a setting or variable of the user, such as VAULT_FORMAT, would change
 * what the commands print or use.
 */
function environment(endpoint: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS|KEYMGMT|VAULT)_/i.test(name))
  return {
    ...Object.fromEntries(kept),
    KEYMGMT_HOME: join(home, 'store'),
    KEYMGMT_SETTINGS: join(home, 'settings.json'),
    AWS_KMS_ENDPOINT: endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
  }
}

/** Runs the command as a person would and shows both; answers its output. */
function keymgmt(endpoint: string, line: string, expectedStatus = 0): string {
  console.log(`$ keymgmt ${line}`)
  const { stdout, stderr, status } = spawnSync(process.execPath, [BINARY, ...line.split(' ')], {
    encoding: 'utf8',
    env: environment(endpoint),
  })
  console.log(`${stdout}${stderr}`)
  if (status !== expectedStatus)
    throw new Error(`it ended with ${String(status)} and not ${expectedStatus}`)
  return stdout
}

const PAIR = {
  accessKeyId: 'ASIADJO3WTX6WPLJM42V',
  secretAccessKey: 'bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w',
}
const client = (endpoint: string, region: string) =>
  new KMSClient({ endpoint, region, credentials: PAIR })

async function encrypt(
  endpoint: string,
  region: string,
  alias: string,
  text: string,
): Promise<Uint8Array> {
  const reply = await client(endpoint, region).send(
    new EncryptCommand({ KeyId: alias, Plaintext: Buffer.from(text) }),
  )
  return reply.CiphertextBlob ?? new Uint8Array()
}

async function decrypt(endpoint: string, region: string, blob: Uint8Array): Promise<string> {
  const reply = await client(endpoint, region).send(new DecryptCommand({ CiphertextBlob: blob }))
  return Buffer.from(reply.Plaintext ?? []).toString()
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'it went through',
    (error: unknown) => (error as Error).name,
  )
}

async function demo(endpoint: string): Promise<void> {
  const run = (line: string, status?: number) => keymgmt(endpoint, line, status)
  run(
    `write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1 credentials=access_key=${PAIR.accessKeyId} credentials=secret_key=${PAIR.secretAccessKey}`,
  )
  run('write -f keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1,eu-west-1')
  run('write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt protection=hsm')
  run('read keymgmt/kms/example-kms/key/app')
  const alias = `alias/hashicorp/${run('read -field=name keymgmt/kms/example-kms/key/app')}`

  const first = await encrypt(endpoint, 'us-west-1', alias, 'attack at dawn')
  check(
    (await decrypt(endpoint, 'us-west-1', first)) === 'attack at dawn',
    `AWS encrypts and decrypts under ${alias}`,
  )

  run('write -f keymgmt/key/app/rotate')
  run('read keymgmt/key/app')
  check(
    (await decrypt(endpoint, 'us-west-1', first)) === 'attack at dawn',
    'the old ciphertext still decrypts',
  )
  const second = await encrypt(endpoint, 'us-west-1', alias, 'attack at noon')
  check(
    !Buffer.from(first).subarray(0, 43).equals(Buffer.from(second).subarray(0, 43)),
    'the alias now encrypts under the new version',
  )

  run('write keymgmt/key/app min_enabled_version=2')
  check(
    (await refusal(decrypt(endpoint, 'us-west-1', first))) === 'DisabledException',
    'the old version is disabled: its ciphertext is refused',
  )
  run('write keymgmt/key/app min_enabled_version=1')
  check(
    (await decrypt(endpoint, 'us-west-1', first)) === 'attack at dawn',
    'enabled again, it decrypts',
  )

  run('write -f keymgmt/kms/example-kms/key/app/replicate')
  for (const region of ['us-east-1', 'eu-west-1']) {
    check(
      (await decrypt(endpoint, region, second)) === 'attack at noon',
      `what was encrypted in us-west-1 decrypts in ${region}`,
    )
    const there = await encrypt(endpoint, region, alias, 'attack at dusk')
    check(
      (await decrypt(endpoint, 'us-west-1', there)) === 'attack at dusk',
      `and the other way round, under the same alias in ${region}`,
    )
  }

  run('delete keymgmt/kms/example-kms/key/app')
  check(
    (await refusal(decrypt(endpoint, 'us-west-1', second))) === 'KMSInvalidStateException',
    'the KMS keys are pending deletion',
  )
  check(
    (await refusal(encrypt(endpoint, 'us-west-1', alias, 'too late'))) === 'NotFoundException',
    'the alias is gone',
  )
  run('write -f keymgmt/kms/example-kms/key/app/restore')
  check(
    (await decrypt(endpoint, 'us-west-1', second)) === 'attack at noon',
    'the removal is taken back: the same KMS keys',
  )
  run('read keymgmt/kms/example-kms/key/app/verify')
  run('delete keymgmt/kms/example-kms/key/app deletion_window=7')
  run('delete keymgmt/key/app', 2)
  run('write keymgmt/key/app deletion_allowed=true')
  // Until AWS has deleted the KMS keys, a restore needs the key.
  run('delete keymgmt/key/app', 2)
  run('read keymgmt/kms/example-kms/key/app')
  console.log('The whole life of a key, as it should be.')
}

// The commands are waited for synchronously, so the KMS that they talk to runs in a thread of its
// own.
async function main(): Promise<void> {
  // The SDK's own warnings are not what is to be seen here.
  process.removeAllListeners('warning')
  const server = new Worker(new URL(import.meta.url))
  const endpoint = await new Promise<string>((resolve) => {
    server.once('message', resolve)
  })
  try {
    await demo(endpoint)
  } finally {
    rmSync(home, { recursive: true, force: true })
    await server.terminate()
  }
}

async function serve(): Promise<void> {
  rmSync(home, { recursive: true, force: true })
  const { endpoint } = await startDevKms()
  parentPort?.postMessage(endpoint)
}

void (isMainThread ? main() : serve())
