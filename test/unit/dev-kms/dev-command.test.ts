import { afterAll, describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const home = mkdtempSync(join(tmpdir(), 'keymgmt-dev-'))
afterAll(() => {
  rmSync(home, { recursive: true, force: true })
})

const ASK = `import('@aws-sdk/client-kms').then(({ KMS }) => { const kms = new KMS({ maxAttempts: 1 })
  return kms.listKeys({}).then(() => kms.createKey({})).then(() => console.log('made'), (error) => console.log(error.name)) })`

function dev(policy: unknown) {
  const file = join(home, 'policy.json')
  writeFileSync(file, typeof policy === 'string' ? policy : JSON.stringify(policy))
  return spawnSync(
    process.execPath,
    ['bin/keymgmt.js', 'dev', `-policy=${file}`, '--', process.execPath, '-e', ASK],
    { encoding: 'utf8', env: { PATH: process.env.PATH, HOME: home } },
  )
}

describe('keymgmt dev -policy', () => {
  it('limits the generated pair', () => {
    const allow = (Action: string) => ({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
    })
    expect(dev(allow('kms:ListKeys'))).toMatchObject({
      status: 0,
      stdout: 'AccessDeniedException\n',
    })
    expect(dev(allow('kms:*'))).toMatchObject({ status: 0, stdout: 'made\n' })
  })
  it.each([
    ['{', "can't be read as JSON"],
    [{ Statement: [{ Effect: 'Maybe' }] }, 'is not an IAM policy: Effect is one of Allow, Deny'],
  ])('refuses %j', (policy, words) => {
    const { status, stderr } = dev(policy)
    expect(status).toBe(1)
    expect(stderr).toContain(words)
  })
})
