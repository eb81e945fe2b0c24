import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { exposedSecrets } from '../../../src/cli/input/exposed-secrets.js'
import { PATHS } from '../../../src/paths/index.js'
import { findPath } from '../../../src/router/router.js'
import { createSession, type Session } from '../../support/session.js'

const fieldsOf = (path: string) => findPath(PATHS, path).path.operations.write?.fields ?? {}

describe('secrets among the arguments', () => {
  it.each([
    ['keymgmt/kms/k', ['provider=awskms', 'credentials=access_key=ASIADJO3WTX6WPLJM42V'], []],
    ['keymgmt/kms/k', ['credentials=secret_key=x'], ['credentials']],
    ['keymgmt/kms/k', ['credentials=secret_key=x', 'credentials=session_token=y'], ['credentials']],
    ['keymgmt/kms/k', ['credentials=endpoint=http://127.0.0.1:1', 'credentials=role_arn=x'], []],
    ['keymgmt/kms/k', ['credentials=@file', '@file', '-'], []],
    ['keymgmt/kms/k', ['credentials=secret_key=@file', 'credentials=session_token=-'], []],
    ['keymgmt/key/app/import', ['material=00ff', 'type=aes256-gcm96'], ['material']],
    ['keymgmt/key/app/import', ['material=@key.pem', 'passphrase=-'], []],
    ['keymgmt/key/app/import', ['material=@key.pem', 'passphrase=secret'], ['passphrase']],
    ['keymgmt/key/app', ['type=aes256-gcm96', 'nope=x', 'constructor=x'], []],
  ])('%s %j', (path, args, exposed) => {
    expect(exposedSecrets(args, fieldsOf(path))).toEqual(exposed)
  })
})

describe('the warning', () => {
  const LINE =
    'write keymgmt/kms/k provider=awskms key_collection=us-west-1 credentials=access_key=ASIADJO3WTX6WPLJM42V credentials=secret_key=bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w'
  let session: Session
  beforeAll(() => {
    session = createSession('http://127.0.0.1:1')
  })
  afterAll(() => {
    session.close()
  })

  it('is printed at a terminal, and does not repeat the secret', async () => {
    const { stdout, stderr, status } = await session.run(LINE, { stderrIsTty: true })
    expect({ stdout, status }).toEqual({
      stdout: 'Success! Data written to: keymgmt/kms/k\n',
      status: 0,
    })
    expect(stderr).toMatch(/WARNING!.*\n\n {2}\* credentials was passed as an argument/)
    expect(stderr).not.toContain('bCiYmN')
  })

  it.each([
    ['in a script', {}],
    ['in JSON', { stderrIsTty: true, env: { KEYMGMT_FORMAT: 'json' } }],
  ])('is not printed %s', async (_where, surroundings) => {
    expect((await session.run(LINE, surroundings)).stderr).not.toContain('passed as an argument')
  })
})
