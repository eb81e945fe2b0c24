import { describe, expect, it } from '@jest/globals'
import { createHash, generateKeyPairSync } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { consoleCommands } from '../../demo/session/readme.js'
import { fromGoFlags } from '../../src/cli/go-flags.js'
import { TOPICS } from '../../src/cli/help/topics.js'
import { PATHS } from '../../src/paths/index.js'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { programTable } from '../support/program.js'
import { runToEnd, type Ended } from '../support/run-to-end.js'
import { startS3Server, type S3Server } from '../support/s3-server.js'

// Runs every command that a reader may copy: in bash, with the real binary, against the embedded
// KMS. Each page starts with an empty home folder. A comment `<!-- not run: why -->` before a block
// excludes it.

const program = await programTable()
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'RELEASING.md',
  'SECURITY.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]

interface Block {
  readonly language: string
  readonly text: string
  /** The reason why it is not run. */
  readonly exempt: string | undefined
}

function blocksOf(page: string): readonly Block[] {
  return [
    ...readFileSync(page, 'utf8').matchAll(
      /(?:^ *<!-- not run: ([^>]*) -->\n)?^( *)```(\w*)\n([^]*?)^\2```$/gm,
    ),
  ].map(([, exempt, indent = '', language = '', text = '']) => ({
    language,
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    exempt,
  }))
}

interface Step {
  readonly run?: string
  readonly env?: Readonly<Record<string, string>>
}

/** The scripts that call keymgmt, in a workflow of GitHub or a pipeline of GitLab. */
function scriptsOf(yaml: string): readonly string[] {
  const pipeline = parse(yaml) as Readonly<Record<string, unknown>>
  const jobs = Object.values(
    (pipeline.jobs ?? pipeline) as Readonly<
      Record<string, { readonly steps?: readonly Step[]; readonly script?: readonly string[] }>
    >,
  )
  const scripts = jobs.flatMap(({ steps = [], script = [] }) => [
    ...steps.flatMap(({ run }) => run ?? []),
    script.join('\n'),
  ])
  return scripts.filter((script) => script.includes('keymgmt'))
}

/** The commands of a page that are run, in order. */
function commandsOf(page: string): readonly string[] {
  return blocksOf(page)
    .filter(({ exempt }) => exempt === undefined)
    .flatMap(({ language, text }) => {
      if (language === 'yaml') return scriptsOf(text)
      if (language === 'console') return consoleCommands(`\`\`\`console\n${text}\`\`\`\n`)
      return language === '' || language === 'sh' ? [text] : []
    })
}

interface Shell {
  readonly s3: S3Server
  readonly testbed: Testbed
  readonly bash: (script: string) => Promise<Ended>
}

/** Prepares the files, programs and variables that the text of the pages names. */
async function openShell(): Promise<Shell> {
  const testbed = await createTestbed()
  const s3 = await startS3Server()
  const work = join(testbed.home, 'work')
  const bin = join(testbed.home, 'bin')
  for (const folder of [work, bin]) mkdirSync(folder)
  symlinkSync(resolve('bin/keymgmt.js'), join(bin, 'keymgmt'))
  const program = (name: string, text: string) => {
    writeFileSync(join(bin, name), text)
    chmodSync(join(bin, name), 0o755)
  }
  program(
    'npx',
    '#!/bin/sh\nwhile [ "${1#keymgmt}" = "$1" ]; do shift; done\nshift\nexec keymgmt "$@"\n',
  )
  const aws = resolve('dist/test/support/aws-cli.js')
  program('aws', `#!/bin/sh\nexec "${process.execPath}" --no-warnings "${aws}" "$@"\n`)
  writeFileSync(
    join(work, 'provider.json'),
    JSON.stringify({
      provider: 'awskms',
      key_collection: 'us-west-1',
      credentials: {
        access_key: 'ASIADJO3WTX6WPLJM42V',
        secret_key: 'bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w',
      },
    }),
  )
  const { accessKeyId, secretAccessKey } = testbed.kms.credentials
  writeFileSync(
    join(work, 'credentials.txt'),
    `access_key=${accessKeyId}\nsecret_key=${secretAccessKey}\n`,
  )
  writeFileSync(join(work, 'secret.txt'), `${secretAccessKey}\n`)
  writeFileSync(
    join(work, 'operator.json'),
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }],
    }),
  )
  for (const script of ['rehearsal.sh', 'rotate-all.sh']) {
    writeFileSync(join(work, script), '#!/bin/sh\nkeymgmt version\n')
    chmodSync(join(work, script), 0o755)
  }
  for (const name of ['key.bin', 'next.bin'])
    writeFileSync(join(work, name), createHash('sha256').update(name).digest())
  const pem = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const
  writeFileSync(join(work, 'key.pem'), generateKeyPairSync('ed25519').privateKey.export(pem))
  writeFileSync(join(work, 'pass.txt'), 'x')
  writeFileSync(join(work, 'passphrase'), 'correct horse battery staple\n', { mode: 0o600 })
  const env = {
    PATH: `${bin}:${process.env.PATH ?? ''}`,
    HOME: testbed.home,
    KEYMGMT_HOME: join(testbed.home, 'keymgmt'),
    RUNNER_TEMP: work,
    CI_PROJECT_DIR: work,
    GITHUB_REF_NAME: '',
    STORE_PASSPHRASE: 'correct horse battery staple',
    STORE_PASSPHRASE_FILE: join(work, 'passphrase'),
    AWS_TOKEN: 'token',
    AWS_ENDPOINT_URL_KMS: testbed.kms.endpoint,
    AWS_ENDPOINT_URL_STS: testbed.kms.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ACCESS_KEY_ID: testbed.kms.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: testbed.kms.credentials.secretAccessKey,
  }
  return {
    testbed,
    s3,
    bash: (script) => runToEnd('bash', ['-euo', 'pipefail', '-c', script], { env, cwd: work }),
  }
}

/** Runs the scripts in order. Returns an empty text, or the output if one fails. */
async function failureOf(scripts: readonly string[]): Promise<string> {
  const { testbed, s3, bash } = await openShell()
  try {
    // One shell for all blocks: what one exports applies to the next.
    const { status, output } = await bash(
      scripts.map((script) => `echo '+++ next'\n${script}`).join('\n'),
    )
    return status === 0
      ? ''
      : `exit status ${String(status)} in the last of these:\n${output
          .split('+++ next')
          .map((part, index) => `${scripts[index - 1] ?? ''}${part}`)
          .join('')}`
  } finally {
    await testbed.close()
    await s3.close()
  }
}

const PROVIDER = 'keymgmt write keymgmt/kms/example-kms provider=awskms key_collection=us-west-1'
const KEY = 'keymgmt write keymgmt/key/app type=aes256-gcm96 replica_regions=eu-west-1'
const DISTRIBUTED = [
  PROVIDER,
  KEY,
  'keymgmt write keymgmt/kms/example-kms/key/app purpose=encrypt,decrypt',
]

/** Commands to run before those of a page. */
const BEFORE_PAGE: Readonly<Record<string, readonly string[]>> = {
  'docs/permissions.md': [PROVIDER, KEY],
  'docs/reference.md': [KEY, 'keymgmt write -f keymgmt/key/app/rotate'],
  'docs/uninstall.md': DISTRIBUTED,
}

describe('the commands of the pages', () => {
  const pages = PAGES.filter((page) => commandsOf(page).length > 0)

  it.each(pages)(
    '%s',
    async (page) => {
      expect(await failureOf([...(BEFORE_PAGE[page] ?? []), ...commandsOf(page)])).toBe('')
    },
    120_000,
  )

  it('a comment that excludes a block gives a reason', () => {
    const marks = PAGES.flatMap(
      (page) => readFileSync(page, 'utf8').match(/<!-- not run:/g) ?? [],
    ).length
    const exempt = PAGES.flatMap((page) =>
      blocksOf(page).filter((block) => block.exempt !== undefined),
    )
    expect(exempt).toHaveLength(marks)
    for (const block of exempt) expect(block.exempt?.length).toBeGreaterThan(10)
  })

  it('a command within a sentence exists, with its flags', () => {
    const inline = PAGES.flatMap((page) =>
      [
        ...readFileSync(page, 'utf8')
          .replace(/^( *)```[^]*?^\1```$/gm, '')
          .matchAll(/`(?:npx )?keymgmt ([a-z][^`]*)`/g),
      ].map(([, line = '']) => line.replace(/ -h$/, '')),
    )
    expect(inline.length).toBeGreaterThan(15)
    for (const line of inline) {
      const words = (line.split(' -- ')[0] ?? '').split(' ')
      const { command, argv } = fromGoFlags(words, program)
      expect([line, words.filter((word) => !word.startsWith('-')).join(' ')]).toEqual([
        line,
        expect.stringMatching(new RegExp(`^${command.nameBelow(program)}( |$)`)),
      ])
      expect([line, command.parseOptions([...argv]).unknown]).toEqual([line, []])
    }
  })
})

/** Makes keymgmt forget the distribution, and gives its KMS key the id in the example. */
const FORGOTTEN = [
  'id=$(keymgmt read -format=json keymgmt/kms/example-kms/key/other | grep -oE "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}" | tail -n 1)',
  'rm -r "$KEYMGMT_HOME/store/distribution"',
  'keymgmt() { command keymgmt "${@/1234abcd-12ab-34cd-56ef-1234567890ab/$id}"; }',
]

/** Commands to run before the examples of a path. */
const BEFORE_PATH: Readonly<Record<string, readonly string[]>> = {
  'keymgmt/key': [KEY],
  'keymgmt/key/:name': [
    'keymgmt write -f keymgmt/key/app type=aes256-gcm96',
    'keymgmt write -f keymgmt/key/app/rotate',
  ],
  'keymgmt/key/:name/trim': [
    'keymgmt write -f keymgmt/key/app type=aes256-gcm96',
    'keymgmt write -f keymgmt/key/app/rotate',
    'keymgmt write -f keymgmt/key/app/rotate',
  ],
  'keymgmt/key/:name/import': [
    'keymgmt() { command keymgmt "${@/key\\/app\\/import/key/app-$RANDOM/import}"; }',
  ],
  'keymgmt/key/:name/import_version': [
    'keymgmt write keymgmt/key/app/import type=aes256-gcm96 material=@key.bin',
  ],
  'keymgmt/kms': [PROVIDER],
  'keymgmt/kms/:name/identity': [PROVIDER],
  'keymgmt/kms/:name/verify': DISTRIBUTED,
  // A KMS key of the same material that keymgmt does not know.
  'keymgmt/kms/:name/key/:key/adopt': [
    PROVIDER,
    'keymgmt write keymgmt/key/other/import type=aes256-gcm96 material=@key.bin',
    'keymgmt write keymgmt/kms/example-kms/key/other purpose=encrypt,decrypt',
    ...FORGOTTEN,
  ],
  'keymgmt/kms/:name/key/:key/primary': [
    ...DISTRIBUTED,
    'keymgmt write -f keymgmt/kms/example-kms/key/app/replicate',
  ],
  'keymgmt/kms/:name/key/:key': [PROVIDER, KEY],
}

describe('the examples of the help', () => {
  it.each(
    PATHS.map(
      ({ pattern, description }) =>
        [
          pattern,
          [...description.matchAll(/^ {4}(\S.*)$/gm)].map(([, line = '']) => line),
        ] as const,
    ),
  )('path-help %s', async (pattern, lines) => {
    expect(lines.length).toBeGreaterThan(0)
    const isDistributed =
      pattern.startsWith('keymgmt/kms/:name/key') ||
      ['keymgmt/key/:name/kms', 'keymgmt/key/:name/rotate'].includes(pattern)
    expect(
      await failureOf([...(BEFORE_PATH[pattern] ?? (isDistributed ? DISTRIBUTED : [])), ...lines]),
    ).toBe('')
  })

  it.each(
    [
      ...program.commands
        .flatMap(({ all }) => all)
        .map((command) => [command.nameBelow(program), command.examples] as const),
      ...TOPICS.map(({ name, examples }) => [name, examples] as const),
    ].map(([name, examples]) => [name, examples.map(({ line }) => line)] as const),
  )('help %s', async (name, lines) => {
    const shells = [
      'mkdir -p ~/.config/fish/completions',
      'fpath=(/usr/share "$PWD")',
      'KEYMGMT_HOME=$PWD/store keymgmt write -f keymgmt/key/app type=aes256-gcm96',
      'umask 077',
      'echo correct horse battery staple > passphrase',
    ]
    const backup = name.startsWith('operator')
      ? ['keymgmt operator snapshot save backup.snapshot']
      : []
    const before = name === 'write' ? [] : DISTRIBUTED
    // Only one variable may name the store.
    if (lines.some((line) => line.includes('KEYMGMT_STORE='))) backup.push('unset KEYMGMT_HOME')
    expect(await failureOf([...shells, ...before, ...backup, ...lines])).toBe('')
  })
})
