import { describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'

describe('the demo', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/bundle/demo.cjs'], {
    encoding: 'utf8',
    // Variables of a user of Vault and AWS.
    env: {
      PATH: process.env.PATH,
      VAULT_FORMAT: 'json',
      KEYMGMT_FORMAT: 'yaml',
      KEYMGMT_STORE: '/nowhere',
      KEYMGMT_PASSPHRASE: 'correct horse battery staple',
      AWS_PROFILE: 'nobody',
      AWS_SESSION_TOKEN: 'token',
      AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:1',
    },
  })

  it("succeeds regardless of the user's variables", () => {
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  it('fits in 80 columns', () => {
    expect(stdout.split('\n').filter((line) => Array.from(line).length > 80)).toEqual([])
  })

  it('has headings, and ends with the next steps', () => {
    const headings = [...stdout.matchAll(/^\d\. (.*)\n=+$/gm)].map(([, title]) => title)
    expect(headings.length).toBeGreaterThan(5)
    expect(headings.at(-1)).toBe('Try next')
    expect(stdout.split('Try next')[1]).toContain('keymgmt dev -- bash')
  })
})
