import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createBench, type Bench } from '../support/keymgmt.js'

// Each source has a pair of its own, so that the id that signed tells which one was used.
const PAIRS = { PROVIDERS0000000001: 'a', ENVIRONMENT00000001: 'b', SHAREDFILE000000001: 'c', CONTAINERROLE000001: 'd', PROFILEOTHER0000001: 'e' }
const ids = Object.keys(PAIRS)

describe('the order of authentication', () => {
  let bench: Bench
  let metadata: Server
  beforeEach(async () => {
    bench = await createBench({ credentials: PAIRS, sessionTokens: { CONTAINERROLE000001: 'token' } })
    metadata = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ AccessKeyId: 'CONTAINERROLE000001', SecretAccessKey: 'd', Token: 'token', Expiration: new Date(Date.now() + 3_600_000).toISOString() }))
    })
    await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve))
    mkdirSync(join(bench.home, '.aws'))
    writeFileSync(join(bench.home, '.aws', 'credentials'), '[default]\naws_access_key_id=SHAREDFILE000000001\naws_secret_access_key=c\n[other]\naws_access_key_id=PROFILEOTHER0000001\naws_secret_access_key=e\n')
  })
  afterEach(async () => {
    await new Promise((resolve) => metadata.close(resolve))
    await bench.close()
  })

  const environment = { AWS_ACCESS_KEY_ID: 'ENVIRONMENT00000001', AWS_SECRET_ACCESS_KEY: 'b' }
  const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }
  const noFile = { AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }

  const signer = async (credentials: string, env: Readonly<Record<string, string>>) => {
    const role = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(metadata.address() as AddressInfo).port}/role` }
    await bench.ok(`write keymgmt/kms/k provider=awskms key_collection=us-west-1 ${credentials}`)
    await bench.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await bench.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt', { env: { ...role, ...env } })
    return [...new Set(bench.requests.map(({ accessKeyId }) => accessKeyId))]
  }

  it.each([
    ['the provider\'s own', 'credentials=access_key=PROVIDERS0000000001 credentials=secret_key=a', environment, ids[0]],
    ['then the environment', '', environment, ids[1]],
    ['then the shared file', '', none, ids[2]],
    ['then the role', '', { ...none, ...noFile }, ids[3]],
    ['but a profile that the provider names before all of them', 'credentials=profile=other', environment, ids[4]],
  ])('%s', async (_what, credentials, env, expected) => {
    expect(await signer(credentials, env)).toEqual([expected])
  })

  it('says what to do when there are none', async () => {
    await bench.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
    await bench.ok('write -f keymgmt/key/app type=aes256-gcm96')
    const ran = await bench.run('write keymgmt/kms/k/key/app purpose=encrypt,decrypt', { env: { ...none, ...noFile } })
    expect(ran).toMatchObject({ status: 2, stdout: '' })
    expect(ran.stderr).toContain('AWS_ACCESS_KEY_ID')
  })
})
