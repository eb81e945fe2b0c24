import { afterAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PATHS } from '../../src/paths/index.js'
import { createSession, type Surroundings } from '../support/session.js'

// A secret in the wrong place must not come back in an error.

const session = createSession('http://127.0.0.1:9')
const folder = mkdtempSync(join(tmpdir(), 'keymgmt-messages-'))

afterAll(() => {
  session.close()
  rmSync(folder, { recursive: true })
})

const BASE64 = /^[A-Za-z0-9]{6}[A-Za-z0-9+/]{40}=$/
const long = fc.oneof(
  fc.stringMatching(BASE64),
  fc.stringMatching(/^[a-z0-9]{3}[A-Za-z0-9+/]{20}\/[A-Za-z0-9]{8}\/[A-Za-z0-9]{18}$/),
  fc.stringMatching(/^-----BEGIN EC PRIVATE KEY-----\n[A-Za-z0-9+/]{64}\n[A-Za-z0-9+/]{40}$/),
  fc.stringMatching(/^[a-z0-9]{8} [A-Za-z0-9]{8}! [a-z0-9]{8}$/),
)
/** Includes plain text: its source alone is a reason not to repeat it. */
const any = fc.oneof(
  long,
  fc.stringMatching(/^zq[a-z0-9]{10}$/),
  fc.stringMatching(/^-?[1-9]\d{11}$/),
)

const requests = PATHS.flatMap(({ pattern, operations }) =>
  Object.entries(operations).map(([operation, { fields }]) => ({
    operation,
    path: pattern.replaceAll(/:\w+/g, 'app'),
    names: Object.keys(fields),
  })),
)
const field = fc.constantFrom(
  ...requests.flatMap(({ operation, path, names }) =>
    names.map((name) => ({ operation, path, name })),
  ),
)

/** The parts of a secret that nothing may print. */
function partsOf(secret: string): readonly string[] {
  return secret.split(/\s|-----|BEGIN|PRIVATE|KEY|\bEC\b|!/).filter((part) => part.length >= 8)
}

async function expectNoEcho(
  secret: string,
  args: readonly string[],
  surroundings: Surroundings = {},
): Promise<void> {
  for (const format of ['table', 'json']) {
    const env = { ...surroundings.env, KEYMGMT_FORMAT: format }
    const { stdout, stderr } = await session.run(args, { ...surroundings, env })
    for (const part of partsOf(secret))
      for (const text of [stdout, stderr]) expect(text).not.toContain(part)
  }
}

test('no error repeats a value that came from a file, standard input or JSON', async () => {
  const file = join(folder, 'value')
  await fc.assert(
    fc.asyncProperty(field, any, async ({ operation, path, name }, secret) => {
      const shapes = [secret, [secret], { [secret]: secret }, { inner: [secret] }, [[secret]]]
      await expectNoEcho(secret, [operation, path, `${name}=-`], { stdin: secret })
      writeFileSync(file, secret)
      await expectNoEcho(secret, [operation, path, `${name}=@${file}`])
      await expectNoEcho(secret, [operation, path, `@${file}`])
      await expectNoEcho(secret, [operation, path, '-'], { stdin: secret })
      for (const shape of shapes) {
        const stdin = JSON.stringify({ [name]: shape })
        await expectNoEcho(secret, [operation, path, '-'], { stdin })
        await expectNoEcho(secret, [operation, path, `${name}=a`, '-'], { stdin })
      }
      await expectNoEcho(secret, [operation, path, '-'], {
        stdin: JSON.stringify({ [secret]: 'x' }),
      })
    }),
    { numRuns: 60 },
  )
})

test('no error repeats a secret in an argument', async () => {
  await fc.assert(
    fc.asyncProperty(field, long, async ({ operation, path, name }, secret) => {
      const positions = [
        [operation, path, `${name}=${secret}`],
        [operation, path, `${name}=@${secret}`],
        [operation, path, `${secret}=x`],
        [operation, path, secret],
        [operation, path, `@${secret}`],
        [operation, path, `-${secret}`],
        [operation, path, `--${secret}=x`],
        [operation, path, `-timeout=${secret}`],
        [operation, path, `-format=${secret}`],
        [operation, path, '-force', `-output-policy=${secret}`],
        [operation, secret],
        [operation, `keymgmt/${secret}`],
        [operation, `keymgmt/key/x/${secret}`],
        [operation, `keymgmt/kms/x/key/${secret}/verify`],
        ['path-help', secret],
        ['help', secret],
        ['config', secret],
        ['config', `${secret}=x`],
        ['config', `store=${secret}`],
        ['config', `format=${secret}`],
        ['completion', secret],
        ['status', secret],
        ['policy', secret],
        [secret],
        [secret, operation],
      ]
      for (const args of positions) await expectNoEcho(secret, args)
    }),
    { numRuns: 40 },
  )
})

test('reading a field never prints a secret', async () => {
  await fc.assert(
    fc.asyncProperty(long, async (secret) => {
      await session.run('write -f keymgmt/key/app type=aes256-gcm96')
      await expectNoEcho(secret, ['read', `-field=${secret}`, 'keymgmt/key/app'])
    }),
    { numRuns: 5 },
  )
})
