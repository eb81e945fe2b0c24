import { expect, it } from '@jest/globals'
import { CommanderError, Option } from 'commander'
import { parseData } from '../../../src/cli/input/data.js'
import { parseDuration } from '../../../src/cli/input/duration.js'
import { KeymgmtCommand } from '../../../src/cli/commands/command.js'
import { fromGoFlags } from '../../../src/cli/go-flags.js'
import { toRefusal } from '../../../src/cli/refusals.js'
import {
  loadFormat,
  printWarnings,
  selectField,
  type FormatName,
} from '../../../src/cli/output/index.js'
import { formatGoValue } from '../../../src/cli/output/value.js'
import { humanDuration } from '../../../src/cli/output/table.js'
import { wrapEvenly } from '../../../src/cli/output/warnings.js'
import { wantsColour } from '../../../src/cli/terminal.js'
import { sanitizePath } from '../../../src/cli/input/paths.js'
import { boolean, integer, listOf, pairs, text, type Field } from '../../../src/router/fields.js'
import type { Json } from '../../../src/router/values.js'
import { raw, shown } from '../../unit/router/raw.js'
import { describeVectors, driver, type Driver } from './describe-vectors.js'
import { VECTORS } from './vectors.js'

// The vectors of Vault's command line that are about a single function.

type Data = Readonly<Record<string, Json>>
const REQUEST_ID = 'e8147c9e-a3fd-71b6-075e-8f2d67393127'
const PLAIN = { escapeControls: false }
const response = (data: Data | null) => ({ requestId: () => REQUEST_ID, data, warnings: [] })

const FILES: Readonly<Record<string, Buffer>> = {
  'f.txt': Buffer.from('line1\nline2\n'),
  'o.json': Buffer.from('{"a":1,"b":"x"}'),
  'p.json': Buffer.from('{"a":{"z":1}}'),
  'latin1.bin': Buffer.of(0xff, 0xfe),
}
const FAILURES: Readonly<Record<string, string>> = { dir: 'EISDIR', locked: 'EACCES' }

function readFile(name: string): Uint8Array {
  const content = FILES[name]
  if (content !== undefined) return content
  throw Object.assign(new Error('no'), { code: FAILURES[name] ?? 'ENOENT' })
}

const takesFlags = () =>
  new KeymgmtCommand('keymgmt')
    .addOption(new Option('-f, --force'))
    .addOption(new Option('--field <string>'))
    .argument('[words...]')
    .action(() => undefined)
const NAMES = { access_key: '', secret_key: '', a: '', b: '', c: '', d: '', ' a ': '' }

function secret(format: FormatName) {
  return async (data: Data) => (await loadFormat(format)).secret(response(data), PLAIN)
}

function coerce(field: Field<unknown>) {
  return (json: string) => field.parse(raw(json))
}

/** The functions that compute the outcome of a vector, by its kind. */
const DRIVERS: Readonly<Record<string, Driver>> = {
  data: driver(async ({ args, stdin = '' }: { args: string[]; stdin?: string }) =>
    shown(
      await parseData(args, { readFile, readStdin: () => Promise.resolve(Buffer.from(stdin)) }),
    ),
  ),
  flags: driver(async (args: string[]) => {
    const command = takesFlags()
    const { argv, words } = fromGoFlags(args, command)
    await command.parseAsync(argv, { from: 'user' }).catch((error: unknown) => {
      throw error instanceof CommanderError ? toRefusal(error, command, command) : error
    })
    const given = Object.entries(command.opts()).map(([name, value]) => [name, String(value)])
    return { given: Object.fromEntries(given) as unknown, words }
  }),
  duration: driver((given: string) => parseDuration('timeout', given)),
  path: driver(sanitizePath),
  colour: driver(({ env, terminal }: { env: Record<string, string>; terminal: boolean }) =>
    wantsColour(env, terminal),
  ),
  go_value: driver(formatGoValue),
  human_duration: driver(humanDuration),
  table: driver(secret('table')),
  json: driver(secret('json')),
  yaml: driver(secret('yaml')),
  list: driver(async ({ format, keys }: { format: FormatName; keys: string[] }) =>
    (await loadFormat(format)).list(keys, PLAIN),
  ),
  field: driver(
    ({ field, data }: { field: string; data: Data }) =>
      selectField(response(data), field) ?? 'absent',
  ),
  wrapped: driver((warning: string) => wrapEvenly(warning, 76).join('\n')),
  warnings: driver((warnings: string[]) => {
    let printed = ''
    printWarnings((part) => {
      printed += part
    }, warnings)
    return printed
  }),
  bool: driver(coerce(boolean('x'))),
  int: driver(coerce(integer('x'))),
  string: driver(coerce(text('x'))),
  slice: driver(coerce(listOf('x'))),
  keypair: driver(coerce(pairs(NAMES, 'x'))),
}

describeVectors(DRIVERS)

const all = VECTORS.flatMap(([, kinds]) => Object.values(kinds).flat())
const differing = all.filter(({ vault }) => vault !== undefined).length

it(`matches ${all.length} vectors of Vault's CLI, ${differing} of which differ on purpose`, () => {
  const inputs = VECTORS.flatMap(([, kinds]) =>
    Object.entries(kinds).flatMap(([kind, vectors]) =>
      vectors.map(({ name = '', of }) => JSON.stringify([kind, name, of])),
    ),
  )
  const kinds = new Set(VECTORS.flatMap(([, of]) => Object.keys(of)))
  expect([...kinds].filter((kind) => kind !== 'command' && !(kind in DRIVERS))).toEqual([])
  expect(inputs.filter((input, index) => inputs.indexOf(input) !== index)).toEqual([])
})
