import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  KMSClient,
  ListKeysCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { runToEnd } from '../support/run-to-end.js'

// A year of an operator who runs two commands a month, with the real binary under
// `keymgmt dev -clock`, and of applications that keep what they encrypted.

const BINARY = resolve('bin/keymgmt.js')
const DAY_MS = 86_400_000
const MONTH = 30
const HOME = 'us-west-1'
const ABROAD = 'eu-west-1'

/** The keys, with the fields of the key and of its distribution. */
const KEYS = {
  moving: { key: 'rotation_period=60d', distribution: 'ttl=70d' },
  steady: {
    key: `rotation_period=90d replica_regions=${ABROAD}`,
    distribution: 'rotation=in_place ttl=80d',
  },
  fixed: { key: '', distribution: 'valid_to=END' },
  plain: { key: 'rotation_period=180d', distribution: '' },
} as const
type Name = keyof typeof KEYS
const NAMES = Object.keys(KEYS) as Name[]

/** The months between two rotations of each key that has a rotation_period. */
const PERIODS = { moving: 2, plain: 6, steady: 3 } as const
const dueIn = (month: number) =>
  Object.entries(PERIODS).flatMap(([name, period]) => (month % period === 0 ? [name] : []))

/** A running `keymgmt dev -clock`. */
let server: ChildProcess
let folder: string
let env: Record<string, string>
let day = 0
const begun = Date.now()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keymgmt-year-'))
  server = spawn(
    process.execPath,
    [BINARY, 'dev', `-clock=${join(folder, 'clock')}`, '-format=json'],
    { env: { PATH: process.env.PATH, HOME: folder }, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const printed = await new Promise<string>((ready) => {
    let text = ''
    server.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.endsWith('}\n')) ready(text)
    })
  })
  env = { PATH: process.env.PATH ?? '', HOME: folder, ...(JSON.parse(printed) as typeof env) }
})
afterAll(async () => {
  server.kill()
  await new Promise((ended) => server.once('close', ended))
  rmSync(folder, { recursive: true, force: true })
})

function moveTo(next: number): void {
  day = next
  writeFileSync(join(folder, 'clock'), `${day}d`)
}

/** The time of the moved clock, `days` from now, as RFC 3339. */
const timeIn = (days: number) => new Date(begun + (day + days) * DAY_MS).toISOString()

const run = (line: string) =>
  runToEnd(process.execPath, [BINARY, ...line.split(' ').filter((word) => word !== '')], { env })

/** Runs a command that ends with this exit status, and returns its output. */
async function ended(status: number, line: string): Promise<string> {
  const ran = await run(line)
  expect({ line, day, ...ran }).toMatchObject({ line, status })
  return ran.output
}

const json = async <T>(status: number, line: string) =>
  (JSON.parse(await ended(status, `${line} -format=json`)) as { data: T }).data

/** The names of the keys that `due` lists. */
const listDue = async (status: number) =>
  (await json<{ keys: { key: string }[] }>(status, 'due')).keys.map(({ key }) => key)

/** The names of the keys that `expiring` lists, once each. */
async function listExpiring(status: number, flags = ''): Promise<string[]> {
  const line = `expiring -within=45d ${flags}`
  const { kms_keys: listed } = await json<{ kms_keys: { key: string }[] }>(status, line)
  return [...new Set(listed.map(({ key }) => key))].sort()
}

const client = (region: string) =>
  new KMSClient({
    region,
    endpoint: env.AWS_ENDPOINT_URL_KMS ?? '',
    credentials: {
      accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
    },
    systemClockOffset: day * DAY_MS,
  })

interface Kept {
  readonly name: Name
  readonly month: number
  readonly blob: Uint8Array | undefined
}
const kept: Kept[] = []
const aliases = new Map<Name, string>()

/** Encrypts by alias, as applications do. */
async function encryptAll(month: number): Promise<void> {
  for (const name of NAMES) {
    const KeyId = aliases.get(name)
    const Plaintext = Buffer.from(`${name} ${month}`)
    const { CiphertextBlob } = await client(HOME).send(new EncryptCommand({ KeyId, Plaintext }))
    kept.push({ name, month, blob: CiphertextBlob })
  }
}

/** The ciphertexts that no longer decrypt to their plaintext. */
async function unreadable(): Promise<string[]> {
  const problems: string[] = []
  for (const { name, month, blob } of kept)
    for (const region of name === 'steady' ? [HOME, ABROAD] : [HOME]) {
      const decrypted = client(region).send(new DecryptCommand({ CiphertextBlob: blob }))
      const text = await decrypted.then(
        ({ Plaintext }) => Buffer.from(Plaintext ?? []).toString(),
        (error: unknown) => (error as Error).message,
      )
      if (text !== `${name} ${month}`)
        problems.push(`${name} of month ${month} in ${region}: ${text}`)
    }
  return problems
}

/** The KMS keys of both Regions that can't be used, or whose material expires within a month. */
async function endangered(): Promise<string[]> {
  const nextMonth = Date.parse(timeIn(MONTH))
  const problems: string[] = []
  for (const region of [HOME, ABROAD]) {
    const kms = client(region)
    const { Keys = [] } = await kms.send(new ListKeysCommand({}))
    for (const { KeyId } of Keys) {
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }))
      const { KeyState, ValidTo } = KeyMetadata ?? {}
      if (KeyState !== 'Enabled' || (ValidTo && ValidTo.getTime() < nextMonth))
        problems.push(`${String(KeyId)} in ${region}: ${String(KeyState)}, ${String(ValidTo)}`)
    }
  }
  return problems
}

const path = (name: Name) => `keymgmt/kms/aws/key/${name}`

it('a year of monthly rotations and renewals loses nothing', async () => {
  await ended(0, `write keymgmt/kms/aws provider=awskms key_collection=${HOME}`)
  for (const name of NAMES) {
    const { key, distribution } = KEYS[name]
    await ended(0, `write -f keymgmt/key/${name} type=aes256-gcm96 ${key}`)
    const fields = distribution.replace('END', timeIn(200))
    await ended(0, `write ${path(name)} purpose=encrypt,decrypt ${fields}`)
    const read = await json<{ name: string }>(0, `read ${path(name)}`)
    aliases.set(name, `alias/hashicorp/${read.name}`)
  }
  await ended(0, `write -f ${path('steady')}/replicate`)
  await encryptAll(0)

  for (let month = 1; month <= 12; month++) {
    moveTo(month * MONTH)
    const due = dueIn(month)
    expect([month, await listDue(due.length > 0 ? 3 : 0)]).toEqual([month, due])
    await ended(0, 'due -rotate')
    expect(await listDue(0)).toEqual([])
    // Only a person moves a fixed end: after 200 days, and again after 200 more.
    const isFixedEnding = month % 6 === 0
    const left = isFixedEnding ? ['fixed'] : []
    expect([month, await listExpiring(isFixedEnding ? 3 : 0, '-renew')]).toEqual([month, left])
    if (isFixedEnding) await ended(0, `write ${path('fixed')}/renew valid_to=${timeIn(200)}`)
    expect([month, await endangered()]).toEqual([month, []])
    await encryptAll(month)
    expect([month, await unreadable()]).toEqual([month, []])
    await ended(0, 'read keymgmt/kms/aws/verify')
  }

  const versions = await Promise.all(
    NAMES.map((name) => ended(0, `read -field=latest_version keymgmt/key/${name}`)),
  )
  expect(versions.map(Number)).toEqual([7, 5, 1, 3])
}, 900_000)

it('material that nobody renewed for three months is listed as expired, and works again after a renewal', async () => {
  moveTo(15 * MONTH)
  await expect(encryptAll(15)).rejects.toThrow('is pending import')
  expect(await listExpiring(3)).toEqual(['moving', 'steady'])
  await ended(3, 'read keymgmt/kms/aws/verify')
  expect(await listExpiring(0, '-renew')).toEqual([])
  expect(await unreadable()).toEqual([])
  await ended(0, 'read keymgmt/kms/aws/verify')
}, 300_000)
