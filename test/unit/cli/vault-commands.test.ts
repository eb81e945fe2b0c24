import { describe, expect, it } from '@jest/globals'
import { fromGoFlags } from '../../../src/cli/go-flags.js'
import { REPLACED_COMMANDS, vaultCommandError } from '../../../src/cli/vault-commands.js'
import { programTable } from '../../support/program.js'

const program = await programTable()
const errorOf = (line: string) => vaultCommandError(fromGoFlags(line.split(' '), program))

describe("Vault's commands that keymgmt does not have", () => {
  it.each([
    ['secrets enable keymgmt', 'secrets', 'leave this command out'],
    ['secrets enable -path=keymgmt keymgmt', 'secrets', 'leave this command out'],
    ['secrets list -detailed', 'secrets', 'leave this command out'],
    ['login -method=userpass username=me', 'login', 'no tokens'],
    ['auth enable userpass', 'auth', 'no tokens'],
    ['token lookup', 'token', 'no tokens'],
    ['server -dev', 'server', 'keymgmt dev'],
    ['operator unseal', 'operator unseal', 'keyfile or passphrase'],
    ['operator raft snapshot save x', 'operator raft', 'operator snapshot save FILE'],
    ['policy write app app.hcl', 'policy write', 'keymgmt policy keymgmt/kms/NAME'],
    ['policy list', 'policy list', 'keymgmt policy keymgmt/kms/NAME'],
    ['plugin list', 'plugin', 'no server'],
    ['kv put secret/app a=b', 'kv', 'keymgmt path-help keymgmt'],
  ])('%s', (line, name, hint) => {
    const error = errorOf(line)
    expect(error).toMatchObject({
      code: 'USAGE',
      exitStatus: 1,
      message: `keymgmt does not have Vault's command "${name}"`,
    })
    expect(error?.hints).toEqual([expect.stringContaining(hint)])
  })

  it.each(['status', 'policy keymgmt/kms/secrets', 'read keymgmt/key/secrets', 'operator', 'reed'])(
    'does not apply to %s',
    (line) => {
      expect(errorOf(line)).toBeUndefined()
    },
  )

  it('has no row for a command that exists', () => {
    const existing = program.all.map((command) => command.nameBelow(program))
    expect(REPLACED_COMMANDS.filter((name) => existing.includes(name))).toEqual([])
  })

  it('names only commands that exist in its hints', () => {
    for (const name of REPLACED_COMMANDS) {
      const [hint = ''] = errorOf(name)?.hints ?? []
      for (const [, line = ''] of hint.matchAll(/: keymgmt (.*)$/g))
        expect(fromGoFlags(line.split(' '), program).command.fullName).not.toBe('keymgmt')
    }
  })
})
