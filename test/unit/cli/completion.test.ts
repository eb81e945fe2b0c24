import { describe, expect, it } from '@jest/globals'
import { complete } from '../../../src/cli/completion/complete.js'
import { PATHS } from '../../../src/paths/index.js'
import { programTable } from '../../support/program.js'

const LISTS: Readonly<Record<string, readonly string[]>> = {
  'keymgmt/key': ['app', 'web'],
  'keymgmt/kms': ['k'],
  'keymgmt/kms/k/key': ['app'],
}
const program = await programTable()
const choices = {
  program,
  paths: PATHS,
  list: (path: string) => Promise.resolve(LISTS[path] ?? []),
}
const COMMAND_NAMES = program.commands.map((command) => `${command.name()} `)

/** A line, and the candidates for its last word. */
const CASES: readonly (readonly [line: string, candidates: readonly string[]])[] = [
  ['keymgmt ', COMMAND_NAMES],
  ['keymgmt re', ['read ']],
  ['keymgmt  re', ['read ']],
  ['keymgmt nope ', []],
  ['keymgmt -a', ['-autocomplete-install ', '-autocomplete-uninstall ']],
  ['keymgmt -format=json re', ['read ']],
  ['keymgmt read ', ['keymgmt/key/', 'keymgmt/kms/']],
  ['keymgmt read key', ['keymgmt/key/', 'keymgmt/kms/']],
  ['keymgmt read keymgmt/key/', ['keymgmt/key/app ', 'keymgmt/key/web ']],
  ['keymgmt read keymgmt/key/a', ['keymgmt/key/app ']],
  ['keymgmt write keymgmt/key/a', ['keymgmt/key/app ', 'keymgmt/key/app/']],
  [
    'keymgmt write keymgmt/key/app/',
    [
      'keymgmt/key/app/import ',
      'keymgmt/key/app/import_version ',
      'keymgmt/key/app/rotate ',
      'keymgmt/key/app/trim ',
    ],
  ],
  [
    'keymgmt write keymgmt/kms/k/key/',
    [
      'keymgmt/kms/k/key/app ',
      'keymgmt/kms/k/key/app/',
      'keymgmt/kms/k/key/web ',
      'keymgmt/kms/k/key/web/',
    ],
  ],
  ['keymgmt delete keymgmt/kms/k/', ['keymgmt/kms/k/key/app ', 'keymgmt/kms/k/key/app/']],
  ['keymgmt read keymgmt/kms/k/key/app/', ['keymgmt/kms/k/key/app/verify ']],
  ['keymgmt list keymgmt/', ['keymgmt/key ', 'keymgmt/key/', 'keymgmt/kms ', 'keymgmt/kms/']],
  ['keymgmt list keymgmt/kms/', ['keymgmt/kms/k/key ']],
  ['keymgmt read keymgmt/nope/', []],
  ['keymgmt read keymgmt/key/app ', []],
  [
    'keymgmt write -',
    ['-dry-run ', '-field=', '-force ', '-format=', '-no-create ', '-output-policy ', '-timeout='],
  ],
  ['keymgmt write --for', ['--force ', '--format=']],
  ['keymgmt read -format=', ['table ', 'json ', 'yaml ']],
  ['keymgmt read -format=j', ['json ']],
  ['keymgmt read -format j', ['json ']],
  ['keymgmt read --format=y', ['yaml ']],
  ['keymgmt read -field ', []],
  ['keymgmt read -format json keymgmt/key/w', ['keymgmt/key/web ']],
  [
    'keymgmt write -f keymgmt/key/new ',
    [
      'type=',
      'replica_regions=',
      'allow_unknown_region=',
      'deletion_allowed=',
      'min_enabled_version=',
      'rotation_period=',
    ],
  ],
  ['keymgmt write keymgmt/key/new type=ed25519 r', ['replica_regions=', 'rotation_period=']],
  ['keymgmt write keymgmt/key/new type=ed25519 t', []],
  ['keymgmt write keymgmt/key/new type=ed', ['ed25519 ']],
  ['keymgmt write keymgmt/key/new deletion_allowed=', ['true ', 'false ']],
  ['keymgmt write keymgmt/key/new nope=', []],
  ['keymgmt write keymgmt/kms/k provider=', ['awskms ']],
  ['keymgmt write keymgmt/kms/k credentials=se', ['secret_key=', 'session_token=']],
  ['keymgmt write keymgmt/kms/k credentials=access_key=x c', ['credentials=']],
  [
    'keymgmt write keymgmt/kms/k/key/app purpose=encrypt,d',
    ['encrypt,decrypt ', 'encrypt,derive '],
  ],
  ['keymgmt write keymgmt/kms/k/key/app purpose=encrypt,e', []],
  [
    'keymgmt operator ',
    ['init ', 'check ', 'seal-status ', 'rekey ', 'migrate ', 'rotate ', 'snapshot '],
  ],
  ['keymgmt operator snapshot ', ['save ', 'inspect ', 'restore ']],
  ['keymgmt operator snapshot restore -', ['-check ', '-force ', '-format=']],
  ['keymgmt help sec', ['security ']],
  ['keymgmt help security ', []],
  ['keymgmt completion ', ['bash ', 'zsh ', 'fish ']],
  ['keymgmt completion bash ', []],
  ['keymgmt path-help keymgmt/key/app ', []],
  ['keymgmt dev -quotas=', ['aws ', 'none ']],
  ['keymgmt dev -- re', []],
  ['keymgmt version ', []],
  ['keymgmt policy ', ['keymgmt/kms/k ', 'store ']],
  ['keymgmt policy s', ['store ']],
  ['keymgmt policy store -', ['-bucket-key=', '-field=', '-format=', '-seal-key=']],
  ['keymgmt policy keymgmt/kms/k ', []],
  ['key', []],
  ['', []],
]

describe('completion', () => {
  it.each(CASES)('%j', async (line, candidates) => {
    expect(await complete(line, choices)).toEqual(candidates)
  })

  it('a candidate begins with the word, or with the part after its last "="', async () => {
    for (const [line] of CASES) {
      const word = (/[^\s]*$/.exec(line)?.[0] ?? '').replace(/^.*=/, '')
      for (const candidate of await complete(line, choices))
        expect(candidate.startsWith(word)).toBe(true)
    }
  })
})
