import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { startDevKms } from '../src/dev-kms/index.js'

// Shows the life of one key, with the real command, against the embedded KMS. It stops at the first
// result that is not the expected one.

const BINARY = fileURLToPath(new URL('../../bin/keymgmt.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'keymgmt-demo-'))

/** Every line of the demo fits in a terminal of this width. */
const COLUMNS = 80

/** Prints a claim, or stops the demo if it is not true. */
function check(condition: boolean, claim: string): void {
  if (!condition) throw new Error(`not true: ${claim}`)
  console.log(`  ✓ ${claim}\n`)
}

let chapters = 0
function heading(title: string): void {
  const text = `${++chapters}. ${title}`
  console.log(`\n${text}\n${'='.repeat(text.length)}\n`)
}

/** Breaks a line between words. `end` marks each line that continues. */
function fold(line: string, indent: string, end = ''): string {
  const lines: string[] = []
  let rest = line
  while (rest.length > COLUMNS) {
    const at = rest.lastIndexOf(' ', COLUMNS - end.length)
    if (at <= indent.length) break
    lines.push(rest.slice(0, at) + end)
    rest = indent + rest.slice(at + 1)
  }
  return [...lines, rest].join('\n')
}

/** Narrows the gaps of a wide table, and breaks lines that are still too long. */
function fit(output: string): string {
  const lines = output.split('\n')
  const isWide = lines.some((line) => line.length > COLUMNS)
  const narrowed = isWide
    ? lines.map((line) => line.replace(/ {4,}/g, (gap) => gap.slice(2)))
    : lines
  return narrowed.map((line) => fold(line, '    ')).join('\n')
}

/**
 * The variables of the commands: a setting or variable of the user, such as VAULT_FORMAT, would
 * change what they print or use.
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

/** Runs a command line, and shows it with its output. Returns what it wrote to stdout. */
function keymgmt(endpoint: string, line: string, expectedStatus = 0): string {
  console.log(fold(`$ keymgmt ${line}`, '    ', ' \\'))
  const { stdout, stderr, status } = spawnSync(process.execPath, [BINARY, ...line.split(' ')], {
    encoding: 'utf8',
    env: environment(endpoint),
  })
  const output = `${stdout}${stderr}`.trimEnd()
  console.log(`${fit(output)}\n`)
  if (status !== expectedStatus)
    throw new Error(`exit status ${String(status)}; ${expectedStatus} was expected`)
  return stdout.trimEnd()
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

/** Returns the name of AWS's error. */
async function refusal(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'success',
    (error: unknown) => (error as Error).name,
  )
}

async function demo(endpoint: string): Promise<void> {
  const run = (line: string, status?: number) => keymgmt(endpoint, line, status)

  heading('Create a key, and distribute it to AWS KMS')
  run(
    `write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1 credentials=access_key=${PAIR.accessKeyId} credentials=secret_key=${PAIR.secretAccessKey}`,
  )
  run('write -f keymgmt/key/app type=aes256-gcm96 replica_regions=us-east-1,eu-west-1')
  run('write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt protection=hsm')
  run('read -field=arn keymgmt/kms/example-kms/key/app')
  const alias = run('read -field=alias keymgmt/kms/example-kms/key/app')
  const first = await encrypt(endpoint, 'us-west-1', alias, 'attack at dawn')
  check(
    (await decrypt(endpoint, 'us-west-1', first)) === 'attack at dawn',
    `AWS encrypts and decrypts under ${alias}`,
  )

  heading('Rotate it')
  run('write -f keymgmt/key/app/rotate')
  run('read keymgmt/key/app')
  check(
    (await decrypt(endpoint, 'us-west-1', first)) === 'attack at dawn',
    'AWS still decrypts the old ciphertext',
  )
  const second = await encrypt(endpoint, 'us-west-1', alias, 'attack at noon')
  check(
    !Buffer.from(first).subarray(0, 43).equals(Buffer.from(second).subarray(0, 43)),
    'under the same alias, AWS now encrypts with the new version',
  )

  heading('Disable the old version, and enable it again')
  run('write keymgmt/key/app min_enabled_version=2')
  check(
    (await refusal(decrypt(endpoint, 'us-west-1', first))) === 'DisabledException',
    'AWS refuses to decrypt the old ciphertext',
  )
  run('write keymgmt/key/app min_enabled_version=1')
  check((await decrypt(endpoint, 'us-west-1', first)) === 'attack at dawn', 'AWS decrypts it again')

  heading('Replicate it to two more Regions')
  run('write -f keymgmt/kms/example-kms/key/app/replicate')
  for (const region of ['us-east-1', 'eu-west-1']) {
    const there = await encrypt(endpoint, region, alias, 'attack at dusk')
    check(
      (await decrypt(endpoint, region, second)) === 'attack at noon' &&
        (await decrypt(endpoint, 'us-west-1', there)) === 'attack at dusk',
      `us-west-1 and ${region} decrypt each other's ciphertexts`,
    )
  }

  heading('Remove it from AWS, and take the removal back')
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
    'the same KMS keys decrypt again',
  )
  run('read keymgmt/kms/example-kms/key/app/verify challenge=true')

  heading('Remove it for good')
  run('delete keymgmt/kms/example-kms/key/app deletion_window=7')
  run('delete keymgmt/key/app', 2)
  run('write keymgmt/key/app deletion_allowed=true')
  // Until AWS has deleted the KMS keys, a restore needs the key.
  run('delete keymgmt/key/app', 2)
  run('read -field=deletion_date keymgmt/kms/example-kms/key/app')

  heading('Try next')
  console.log(NEXT)
}

const NEXT = `Every step succeeded. To continue on your own:

  npm link                      put the command keymgmt on your PATH
  keymgmt dev -- bash           open a shell with an embedded AWS KMS and a
                                throw-away store, and repeat the steps above
  keymgmt path-help keymgmt     list all paths and their fields

README.md shows how to start with your own AWS account.`

// spawnSync blocks this thread while a command runs, so the KMS runs in another one.
async function main(): Promise<void> {
  // Warnings of the SDK would interrupt the demo.
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

/** Runs the KMS in its own thread. */
async function serve(): Promise<void> {
  rmSync(home, { recursive: true, force: true })
  const { endpoint } = await startDevKms()
  parentPort?.postMessage(endpoint)
}

void (isMainThread ? main() : serve())
