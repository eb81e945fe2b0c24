import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'

let testbed: Testbed

beforeAll(async () => {
  testbed = await createTestbed()
})

afterAll(() => testbed.close())

describe('an error of the operating system is not reported as a bug', () => {
  it('a home that is a file', async () => {
    const file = join(testbed.home, 'file')
    writeFileSync(file, '')
    for (const home of [file, join(file, 'below')]) {
      const { status, stderr } = await testbed.run('write -f keymgmt/key/app', {
        env: { KEYMGMT_HOME: home },
      })
      expect(status).toBe(2)
      expect(stderr).toContain(file)
      expect(stderr).not.toMatch(/bug in keymgmt|unexpected/)
    }
    // Changing the mode of a file such as /etc/passwd would do harm.
    const { stderr } = await testbed.run('read keymgmt/key/app', { env: { KEYMGMT_HOME: file } })
    expect(stderr).toContain(`${file} is not a folder`)
    expect(stderr).not.toContain('chmod')
  })

  it('a port that is in use', async () => {
    const { port } = new URL(testbed.kms.endpoint)
    const { status, stderr } = await testbed.run(`dev -listen=127.0.0.1:${port}`)
    expect(status).toBe(1)
    expect(stderr).toContain(`another program uses port ${port} of 127.0.0.1`)
    expect(stderr).not.toMatch(/bug in keymgmt|unexpected/)
  })

  it('a policy that no user can read', async () => {
    mkdirSync(join(testbed.home, 'policy'))
    for (const name of ['policy', 'none']) {
      const { status, stderr } = await testbed.run(`dev -policy=${join(testbed.home, name)}`)
      expect(status).toBeGreaterThan(0)
      expect(stderr).not.toMatch(/bug in keymgmt|unexpected/)
    }
  })
})
