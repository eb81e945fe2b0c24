import { describe, expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openEngine, saveKey } from '../../src/index.js'

/** Distributes thirteen versions of a key, and verifies them, which sends many requests at once. */
const MANY_REQUESTS = `
import { distribute, openEngine, rotateKey, saveKey, saveProvider, startDevKms, verifyDistribution } from 'keymgmt'
const devKms = await startDevKms()
const { engine } = openEngine({ env: process.env })
await saveKey(engine, 'app', { type: 'aes256-gcm96' })
for (let version = 2; version <= 13; version++) await rotateKey(engine, 'app')
await saveProvider(engine, 'k', {
  provider: 'awskms',
  keyCollection: 'us-west-1',
  credentials: {
    access_key: devKms.credentials.accessKeyId,
    secret_key: devKms.credentials.secretAccessKey,
    endpoint: devKms.endpoint,
  },
})
await distribute(engine, 'k', 'app', { purpose: ['encrypt', 'decrypt'], protection: 'hsm' })
const { differences } = await verifyDistribution(engine, 'k', 'app', false)
console.log(differences.length)
await devKms.close()
`

/** The first JavaScript example of a page. */
const exampleOf = (page: string) =>
  /^```js\n([^]*?)^```$/m.exec(readFileSync(page, 'utf8'))?.[1] ?? ''

/** Runs an example with the published library, without other variables of the test. */
const run = (example: string, env: Readonly<Record<string, string>> = {}) =>
  promisify(execFile)(process.execPath, ['--input-type=module', '--eval', example], {
    env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, ...env },
  })

describe('the example of the library', () => {
  it('in docs/library.md runs', async () => {
    const { stdout, stderr } = await run(exampleOf('docs/library.md'))
    expect(stdout).toMatch(/^app has version 1\nits alias is alias\/hashicorp\/app-\d{10}\n$/)
    expect(stderr).toMatch(/^Created a new store in \S+, sealed with a new keyfile: /)
  })

  it('in docs/dev-kms.md creates a KMS key', async () => {
    const { stdout } = await run(exampleOf('docs/dev-kms.md'), { NODE_NO_WARNINGS: '1' })
    expect(stdout).toBe('PendingImport\n')
  })

  it('in README.md reads a key of the store', async () => {
    const home = mkdtempSync(join(tmpdir(), 'keymgmt-library-'))
    try {
      const { engine } = openEngine({ env: { KEYMGMT_HOME: home } })
      await saveKey(engine, 'app', { type: 'aes256-gcm96' })
      const { stdout } = await run(exampleOf('README.md'), { KEYMGMT_HOME: home })
      expect(stdout).toBe('app is of type aes256-gcm96\n')
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  })
})

it('a program that sends many requests at once gets no warning of Node.js', async () => {
  const home = mkdtempSync(join(tmpdir(), 'keymgmt-library-'))
  try {
    const { stdout, stderr } = await run(MANY_REQUESTS, { KEYMGMT_HOME: home })
    expect(stdout).toBe('0\n')
    expect(stderr).not.toContain('MaxListenersExceededWarning')
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
