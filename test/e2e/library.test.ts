import { expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'

const EXAMPLE = /^```js\n([^]*?)^```$/m.exec(readFileSync('docs/library.md', 'utf8'))?.[1] ?? ''

it('the example in docs/library.md runs with the published library', async () => {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', EXAMPLE],
    // Nothing in the environment of the test may change the example.
    { env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR } },
  )
  expect(stdout).toMatch(/^app has version 1\nits alias is alias\/hashicorp\/app-\d{10}\n$/)
  expect(stderr).toMatch(/^The store is sealed with a new keyfile: /)
})
