import { CommanderError, Option } from 'commander'
import { parseData } from '../../../src/cli/input/data.js'
import { parseDuration } from '../../../src/cli/input/duration.js'
import { KeymgmtCommand } from '../../../src/cli/commands/command.js'
import { timeoutOption } from '../../../src/cli/commands/flags.js'
import { fromGoFlags } from '../../../src/cli/go-flags.js'
import { toRefusal } from '../../../src/cli/refusals.js'
import { parseFormat } from '../../../src/cli/output/index.js'
import { decodeJson } from '../../../src/cli/input/json.js'
import { sanitizePath } from '../../../src/cli/input/paths.js'
import { PATHS } from '../../../src/paths/index.js'
import type { Operation } from '../../../src/router/path.js'
import { createRouter } from '../../../src/router/router.js'
import { shown } from '../../unit/router/raw.js'
import { Failure, judge, SECRET, type Target } from '../target.js'

const lines = (...of: string[]) => of.map((line) => Buffer.from(line))

const JSON_SEEDS = lines(
  '{"provider":"awskms","key_collection":"us-west-1","credentials":{"access_key":"A","secret_key":"B"}}',
  '{"a":[1,-2.5e10,true,false,null,"\\u00e9\\n\\"",{"b":{}}],"c":[]}',
  ' { "a" : [ 1 , 2 ] } trailing',
  '"text"',
  '12345678901234567890.10',
  '[[[[[[]]]]]]',
)

/** Returns what JSON.parse reads from the bytes, or undefined if it refuses them. */
function parsed(input: Buffer): { readonly value: unknown } | undefined {
  try {
    return {
      value: JSON.parse(
        new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input),
      ) as unknown,
    }
  } catch {
    return undefined
  }
}

const REFUSALS =
  /^the (JSON (is empty|is not UTF-8|is nested|contains a number)|input is not valid JSON)/

/** JSON on standard input: the decoder reads what JSON.parse reads, or refuses it. */
export const json: Target = {
  name: 'JSON',
  share: 18,
  seeds: JSON_SEEDS,
  words: [
    '{"a":',
    '[1,',
    '"\\u',
    'ud83d',
    '1e',
    '-',
    '0x',
    'tru',
    'nul',
    '{"__proto__":',
    '\\"',
    ']]',
    '}}',
    '['.repeat(10_001),
  ],
  run: (input) => {
    const expected = parsed(input)
    try {
      const value = shown(decodeJson(input))
      if (expected && JSON.stringify(JSON.parse(value)) !== JSON.stringify(expected.value))
        throw new Failure(
          `JSON.parse returns ${JSON.stringify(expected.value)}, and decodeJson ${value}`,
        )
      return Promise.resolve('accepted')
    } catch (error) {
      const { message } = error as Error
      const accepts = expected !== undefined && !/nested|a number/.test(message)
      if (error instanceof Failure || accepts) throw error
      if (REFUSALS.test(message)) return Promise.resolve('refused')
      throw error
    }
  },
}

/** Arguments are separated by U+001F; standard input follows U+001E. */
export function partsOf(input: Buffer): { args: string[]; stdin: Buffer } {
  const end = input.indexOf(0x1e)
  const text = input.subarray(0, end < 0 ? input.length : end).toString()
  const stdin = end < 0 ? '' : input.subarray(end + 1).toString('latin1')
  const args = text.split('\u001f').map((arg) => (SECRETS.test(arg) ? arg : withoutSecret(arg)))
  const isKept =
    args.every((arg) => !arg.endsWith('=-') || SECRETS.test(arg)) && isSecretKept(stdin)
  return { args, stdin: Buffer.from(isKept ? stdin : withoutSecret(stdin), 'latin1') }
}

/** Fields that may hold a secret. Text elsewhere may be printed, so it must not contain one. */
const SECRETS = /^(credentials|material|passphrase)=/

function withoutSecret(text: string): string {
  return text.replaceAll(SECRET, 'x').replace(/@s$/, '@f')
}

function isSecretKept(stdin: string): boolean {
  try {
    const entries = Object.entries(JSON.parse(stdin) as object)
    return !JSON.stringify(entries.filter(([name]) => !SECRETS.test(`${name}=`))).includes(SECRET)
  } catch {
    // Input that is not JSON is never printed.
    return true
  }
}

const OPERATIONS: readonly string[] = ['read', 'write', 'list', 'delete'] satisfies Operation[]
const FILES: Readonly<Record<string, Buffer>> = {
  f: Buffer.from('line\n'),
  'o.json': Buffer.from('{"type":"rsa-2048"}'),
  s: Buffer.from(SECRET),
}

function readFile(name: string): Uint8Array {
  const content = FILES[name]
  if (content && Object.hasOwn(FILES, name)) return content
  throw Object.assign(new Error(`no ${name}`), { code: 'ENOENT' })
}

export const REQUESTS = [
  'write keymgmt/key/app type=aes256-gcm96',
  'write keymgmt/key/app deletion_allowed=true min_enabled_version=0x1 replica_regions=us-east-1,eu-west-1',
  'write -f keymgmt/key/app/rotate',
  'write keymgmt/key/app constructor=x',
  'write keymgmt/kms/k provider=awskms key_collection=us-west-1 credentials=access_key=ASIADJO3WTX6WPLJM42V credentials=secret_key=SECRET',
  'write keymgmt/kms/k credentials=SECRET',
  'write keymgmt/key/own/import material=SECRET passphrase=SECRET format=pem',
  'write keymgmt/key/own/import material=@s',
  'write keymgmt/kms/k/key/app purpose=encrypt,decrypt protection=hsm',
  'write keymgmt/key/app @o.json',
  'list keymgmt/key/app/kms',
  'read keymgmt/kms/k/key/app/verify',
  'delete keymgmt/key/none',
  'read keymgmt/key/app',
  'delete keymgmt/kms/k/key/none deletion_window=7',
  'read -format=json keymgmt/key/app',
  'read -field=name keymgmt/key/app',
  'path-help keymgmt/key/app',
  'version',
  'status',
  'due -rotate',
  'expiring -within=7d -renew',
  'write keymgmt/key/app/trim min_available_version=1',
  'write keymgmt/key/app rotation_period=90d',
  'write -timeout=1h30m keymgmt/key/app deletion_allowed=false',
  'write keymgmt/kms/k/key/app/adopt key_id=x',
].map((line) => line.replaceAll('SECRET', SECRET).replaceAll(' ', '\u001f'))

export const REQUEST_SEEDS: readonly Buffer[] = [
  ...REQUESTS.map((line) => Buffer.from(line)),
  ...JSON_SEEDS.map((body) =>
    Buffer.concat([Buffer.from('write\u001fkeymgmt/kms/k\u001f-\u001e'), body]),
  ),
  Buffer.from(
    `write\u001fkeymgmt/kms/k\u001f-\u001e{"credentials":{"access_key":"A","secret_key":"${SECRET}"}}`,
  ),
  Buffer.from('write\u001fkeymgmt/key/app\u001ftype=-\u001eaes256-gcm96'),
]

export const REQUEST_WORDS = [
  '\u001f',
  '\u001e',
  '=',
  '@',
  '-',
  '--',
  '-f',
  '-format=',
  '-field',
  '-timeout=',
  '-dry-run',
  '-output-policy',
  '-h',
  'write',
  'read',
  'list',
  'delete',
  'keymgmt/',
  'key/',
  'kms/',
  '/rotate',
  '..',
  'type=',
  'purpose=',
  'credentials=',
  'secret_key=',
  'min_enabled_version=',
  'name=',
  'true',
  '{"a":1}',
  '90s',
  '1d',
  '[',
  'null',
]

/** Arguments and path up to the router, which opens nothing. */
export const request: Target = {
  name: 'request',
  share: 24,
  seeds: REQUEST_SEEDS,
  words: REQUEST_WORDS,
  run: (input) =>
    judge(async () => {
      const {
        args: [verb = '', given = '', ...rest],
        stdin,
      } = partsOf(input)
      // The command refuses a path that contains a value before it calls the router.
      const path = withoutSecret(given)
      const data = await parseData(rest, { readFile, readStdin: () => Promise.resolve(stdin) })
      const { params, fields } = createRouter(PATHS).resolve(
        (OPERATIONS.includes(verb) ? verb : 'write') as Operation,
        sanitizePath(path),
        data,
      )
      for (const name of Object.values(params))
        if (!/^\w(|[\w.-]*\w)$/.test(name))
          throw new Failure(`the router accepts ${name} as a name`)
      for (const field of data?.keys() ?? [])
        if (!Object.hasOwn({ ...params, ...fields }, field))
          throw new Failure(`the router accepts ${field} as a field`)
    }),
}

function readFlags(args: readonly string[]): unknown {
  const command = new KeymgmtCommand('keymgmt')
    .addOption(new Option('-f, --force'))
    .addOption(new Option('--field <string>'))
    .addOption(timeoutOption())
    .argument('[words...]')
    .action(() => undefined)
  try {
    return command.parse(fromGoFlags(args, command).argv, { from: 'user' })
  } catch (error) {
    throw error instanceof CommanderError ? toRefusal(error, command, command) : error
  }
}

/** Flags, durations and formats. */
export const flags: Target = {
  name: 'flags',
  share: 14,
  seeds: lines(
    '-f\u001fp',
    '-field=x\u001fp\u001fa=b',
    '--force=false',
    '-timeout\u001f1h30m',
    '90s',
    '1.5h',
    '30d',
    'json',
    '--\u001f-x',
    'µs',
  ),
  words: REQUEST_WORDS,
  run: async (input) => {
    const { args } = partsOf(input)
    const text = args.join(' ')
    const verdicts = await Promise.all(
      [
        () => {
          assertLength(parseDuration('timeout', text))
        },
        () => parseFormat(text),
        () => readFlags(args),
      ].map(judge),
    )
    return verdicts.includes('accepted') ? 'accepted' : 'refused'
  },
}

function assertLength(milliseconds: number): void {
  if (!(milliseconds >= 0)) throw new Failure(`a duration of ${milliseconds} ms`)
}
