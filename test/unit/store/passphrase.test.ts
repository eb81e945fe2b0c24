import { afterEach, describe, expect, it } from '@jest/globals'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { PLAIN, type Terminal } from '../../../src/cli/terminal.js'
import { passphraseFrom } from '../../../src/cli/input/passphrase.js'
import { openSealedLocalStore } from '../../../src/store/index.js'

const base = mkdtempSync(join(tmpdir(), 'keymgmt-passphrase-'))
const storeDir = join(base, 'data')
afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

/** A user at a terminal, who types one of `lines` at each prompt, or all of them at once. */
function person(
  lines: readonly string[],
  {
    env = {},
    atOnce = false,
    file = '',
  }: { env?: Record<string, string>; atOnce?: boolean; file?: string } = {},
) {
  const terminal = new PassThrough()
  const typed = [...lines]
  let said = ''
  const io: Terminal = {
    env,
    platform: 'linux',
    stdinIsTty: true,
    stdoutIsTty: true,
    columns: () => undefined,
    stderrIsTty: true,
    out: () => undefined,
    progress: () => undefined,
    err: (text) => {
      said += text
      if (text.endsWith(': '))
        terminal.write(atOnce ? typed.splice(0).join('') : (typed.shift() ?? ''))
    },
    readFile: () => Buffer.from(file),
    readStdin: () => Promise.resolve(Buffer.alloc(0)),
    style: PLAIN,
  }
  const interrupt = new AbortController()
  const ask = (to: 'open' | 'create') =>
    passphraseFrom(io, { to, signal: interrupt.signal, terminal })
  return { ask, interrupt, io, said: () => said }
}
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString()

describe('a passphrase prompt', () => {
  it('appears once to open a store, and does not echo', async () => {
    const { ask, said } = person(['correct horse\r'])
    expect(text(await ask('open'))).toBe('correct horse')
    expect(said()).toBe('Passphrase of the store: \n')
  })

  it.each([false, true])(
    'appears twice to create a store, and accepts a paste: %s',
    async (atOnce) => {
      const { ask, said } = person(['correct horse\n', 'correct horse\n'], { atOnce })
      expect(text(await ask('create'))).toBe('correct horse')
      expect(said()).toMatch(/^New passphrase[^\n]*: \nRepeat it: \n$/)
    },
  )

  it.each([
    ['they differ', ['one\n', 'two\n'], 'differ'],
    ['it is empty', ['\n', '\n'], 'empty'],
    ['the second is empty', ['one\n', '\n'], 'differ'],
  ])('creates no store if %s', async (_what, lines, says) => {
    await expect(person(lines).ask('create')).rejects.toMatchObject({
      code: 'STORE_SEALED',
      message: expect.stringContaining(says) as unknown,
    })
  })

  it.each([
    ['Ctrl-C', ['half\u0003'], 'open'],
    ['Ctrl-C', ['\u0003'], 'create'],
    ['Ctrl-C at the second question', ['one\n', 'o\u0003'], 'create'],
  ] as const)('ends on %s with 130 (to %s)', async (_what, lines, to) => {
    await expect(person(lines).ask(to)).rejects.toMatchObject({
      code: 'INTERRUPTED',
      exitStatus: 130,
    })
  })

  it('ends if the process is interrupted', async () => {
    const { ask, interrupt } = person([])
    const asked = ask('open')
    setTimeout(() => {
      interrupt.abort()
    }, 20)
    await expect(asked).rejects.toMatchObject({ code: 'INTERRUPTED' })
    await expect(ask('open')).rejects.toMatchObject({ code: 'INTERRUPTED' })
  })

  it('ends at the end of the input without a passphrase', async () => {
    expect(await person(['\u0004']).ask('open')).toBeUndefined()
    expect(await person(['one\n', '\u0004']).ask('create')).toBeUndefined()
  })

  it('creates no store without a passphrase', async () => {
    for (const [lines, code] of [
      [['one\n', 'two\n'], 'STORE_SEALED'],
      [['\u0003'], 'INTERRUPTED'],
      [['\n'], 'STORE_SEALED'],
    ] as const) {
      const { ask } = person(lines)
      const { store } = openSealedLocalStore({
        storeDir,
        keyfile: join(base, 'keyfile'),
        createSeals: [{ kind: 'passphrase' }],
        passphrase: ask,
      })
      await expect(store.put('key/app', Buffer.from('x'), undefined)).rejects.toMatchObject({
        code,
      })
      expect(existsSync(storeDir)).toBe(false)
    }
  })

  it('seals the new store', async () => {
    const { ask } = person(['one\n', 'one\n'])
    await openSealedLocalStore({
      storeDir,
      keyfile: join(base, 'keyfile'),
      createSeals: [{ kind: 'passphrase' }],
      passphrase: ask,
    }).store.put('key/app', Buffer.from('x'), undefined)
    const again = openSealedLocalStore({
      storeDir,
      keyfile: join(base, 'keyfile'),
      passphrase: person(['one\n']).ask,
    })
    expect(text((await again.store.get('key/app'))?.value)).toBe('x')
    expect(readdirSync(base)).toEqual(['data'])
  })
})

describe('a passphrase from elsewhere', () => {
  it.each(['open', 'create'] as const)('needs no prompt, to %s', async (to) => {
    const variable = person([], { env: { KEYMGMT_PASSPHRASE: 'from the environment' } })
    expect(text(await variable.ask(to))).toBe('from the environment')
    mkdirSync(base, { recursive: true })
    writeFileSync(join(base, 'passphrase'), 'from a file\r\n', { mode: 0o600 })
    const file = person([], { env: { KEYMGMT_PASSPHRASE_FILE: join(base, 'passphrase') } })
    expect(text(await file.ask(to))).toBe('from a file')
    const descriptor = person([], {
      env: { KEYMGMT_PASSPHRASE_FILE: '/dev/fd/3' },
      file: 'from a pipe',
    })
    expect(text(await descriptor.ask(to))).toBe('from a pipe')
    const nobody = person([])
    expect(
      await passphraseFrom(
        { ...nobody.io, stdinIsTty: false },
        { to, signal: nobody.interrupt.signal },
      ),
    ).toBeUndefined()
    expect([variable, file, nobody].map(({ said }) => said())).toEqual(['', '', ''])
  })
})
