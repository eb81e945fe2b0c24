import { expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'

it('the demo runs to its end, also for a user of Vault and AWS with variables of their own', () => {
  const { status, stdout } = spawnSync(process.execPath, ['dist/bundle/demo.cjs'], {
    encoding: 'utf8',
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
  expect(stdout.slice(-200)).toMatch(/The whole life of a key, as it should be\.\n$/)
  expect(status).toBe(0)
}, 240_000)
