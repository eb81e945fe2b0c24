import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { startStsServer } from '../support/sts-server.js'

// Each source has its own pair, so that the signing id shows which source was used.
const PAIRS = {
  PROVIDERS0000000001: 'a',
  ENVIRONMENT00000001: 'b',
  SHAREDFILE000000001: 'c',
  CONTAINERROLE000001: 'd',
  PROFILEOTHER0000001: 'e',
}
const ids = Object.keys(PAIRS)

describe('the order of the sources of credentials', () => {
  let testbed: Testbed
  let metadata: Server
  beforeEach(async () => {
    testbed = await createTestbed({
      credentials: PAIRS,
      sessionTokens: { CONTAINERROLE000001: 'token' },
    })
    metadata = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          AccessKeyId: 'CONTAINERROLE000001',
          SecretAccessKey: 'd',
          Token: 'token',
          Expiration: new Date(Date.now() + 3_600_000).toISOString(),
        }),
      )
    })
    await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve))
    mkdirSync(join(testbed.home, '.aws'))
    writeFileSync(
      join(testbed.home, '.aws', 'credentials'),
      '[default]\naws_access_key_id=SHAREDFILE000000001\naws_secret_access_key=c\n[other]\naws_access_key_id=PROFILEOTHER0000001\naws_secret_access_key=e\n',
    )
  })
  afterEach(async () => {
    await new Promise((resolve) => metadata.close(resolve))
    await testbed.close()
  })

  const environment = { AWS_ACCESS_KEY_ID: 'ENVIRONMENT00000001', AWS_SECRET_ACCESS_KEY: 'b' }
  const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }
  const noFile = { AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }

  const signer = async (credentials: string, env: Readonly<Record<string, string>>) => {
    const role = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(metadata.address() as AddressInfo).port}/role`,
    }
    await testbed.ok(`write keymgmt/kms/k provider=awskms key_collection=us-west-1 ${credentials}`)
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt', {
      env: { ...role, ...env },
    })
    return [...new Set(testbed.requests.map(({ accessKeyId }) => accessKeyId))]
  }

  it.each([
    [
      "the provider's own",
      'credentials=access_key=PROVIDERS0000000001 credentials=secret_key=a',
      environment,
      ids[0],
    ],
    ['then the environment', '', environment, ids[1]],
    ['then the shared file', '', none, ids[2]],
    ['then the role', '', { ...none, ...noFile }, ids[3]],
    [
      'but a profile that the provider names before all of them',
      'credentials=profile=other',
      environment,
      ids[4],
    ],
  ])('%s', async (_what, credentials, env, expected) => {
    expect(await signer(credentials, env)).toEqual([expected])
  })

  it('uses the role of an EC2 instance last, through IMDSv2', async () => {
    const paths: string[] = []
    const instance = createServer((request, response) => {
      paths.push(`${request.method ?? ''} ${request.url ?? ''}`)
      if (request.url === '/latest/api/token') response.end('a-token')
      else if (request.headers['x-aws-ec2-metadata-token'] !== 'a-token')
        response.writeHead(401).end()
      else if (request.url?.endsWith('/security-credentials/')) response.end('role')
      else
        response.end(
          JSON.stringify({
            AccessKeyId: 'CONTAINERROLE000001',
            SecretAccessKey: 'd',
            Token: 'token',
            Expiration: new Date(Date.now() + 3_600_000).toISOString(),
          }),
        )
    })
    await new Promise<void>((resolve) => instance.listen(0, '127.0.0.1', resolve))
    try {
      const env = {
        ...none,
        ...noFile,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: '',
        AWS_EC2_METADATA_DISABLED: 'false',
        AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${(instance.address() as AddressInfo).port}`,
      }
      expect(await signer('', env)).toEqual(['CONTAINERROLE000001'])
      expect(paths).toContain('PUT /latest/api/token')
    } finally {
      await new Promise((resolve) => instance.close(resolve))
    }
  })

  it('assumes a role with the external id, and signs with its session', async () => {
    const asked: URLSearchParams[] = []
    const sts = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      request.on('end', () => {
        asked.push(new URLSearchParams(body))
        response.setHeader('content-type', 'text/xml')
        response.end(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
          <AccessKeyId>CONTAINERROLE000001</AccessKeyId><SecretAccessKey>d</SecretAccessKey><SessionToken>token</SessionToken>
          <Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
      })
    })
    await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve))
    try {
      const role =
        'credentials=role_arn=arn:aws:iam::111122223333:role/keys credentials=external_id=ticket'
      const env = {
        ...environment,
        AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
      }
      expect(await signer(role, env)).toEqual(['CONTAINERROLE000001'])
      expect(asked[0]?.get('RoleArn')).toBe('arn:aws:iam::111122223333:role/keys')
      expect(asked[0]?.get('ExternalId')).toBe('ticket')
    } finally {
      await new Promise((resolve) => sts.close(resolve))
    }
  })

  it.each([
    ['a session token is sent along', 'token', 0, ''],
    ['a wrong one is refused', 'other', 2, 'UnrecognizedClientException'],
  ])('%s', async (_what, token, status, says) => {
    await testbed.ok(
      `write keymgmt/kms/k provider=awskms key_collection=us-west-1 credentials=access_key=CONTAINERROLE000001 credentials=secret_key=d credentials=session_token=${token}`,
    )
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    const ran = await testbed.run('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
    expect(ran.status).toBe(status)
    expect(ran.stderr).toContain(says)
    expect(ran.stderr).not.toContain('credentials=session_token')
  })

  it('reports that a session has expired', async () => {
    const expired = await createTestbed({
      faults: [{ operation: '*', nth: '*', kind: 'expired-token' }],
    })
    await expired.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
    await expired.ok('write -f keymgmt/key/app type=aes256-gcm96')
    const ran = await expired.run('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
    await expired.close()
    expect(ran).toMatchObject({ status: 2, stdout: '' })
    expect(ran.stderr).toContain('the session has expired')
  })

  it('explains how to supply missing credentials', async () => {
    await testbed.ok('write keymgmt/kms/k provider=awskms key_collection=us-west-1')
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    const ran = await testbed.run('write keymgmt/kms/k/key/app purpose=encrypt,decrypt', {
      env: { ...none, ...noFile },
    })
    expect(ran).toMatchObject({ status: 2, stdout: '' })
    expect(ran.stderr).toContain('no AWS credentials: none were found')
    expect(ran.stderr).toContain('AWS_ACCESS_KEY_ID')
  })

  /**
   * Runs a command whose credentials are unavailable. It must send nothing, and search for nothing
   * later.
   */
  const failing = async (
    env: Readonly<Record<string, string>>,
    { credentials = '', flags = '' } = {},
  ) => {
    await testbed.ok(`write keymgmt/kms/k provider=awskms key_collection=us-west-1 ${credentials}`)
    await testbed.ok('write -f keymgmt/key/app type=aes256-gcm96')
    const line = `write ${flags} keymgmt/kms/k/key/app purpose=encrypt,decrypt`
    const role = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(metadata.address() as AddressInfo).port}/role`,
    }
    const ran = await testbed.run(line, { env: { ...none, ...role, ...env } })
    expect([ran.status, ran.stdout, testbed.requests]).toEqual([2, '', []])
    await testbed.ok('write keymgmt/kms/k credentials=profile=default')
    await testbed.ok('write keymgmt/kms/k/key/app purpose=encrypt,decrypt')
    expect(testbed.requests.map(({ operation }) => operation)).not.toContain('ListKeys')
    return ran.stderr
  }

  it('names a token file that is missing', async () => {
    const token = {
      AWS_WEB_IDENTITY_TOKEN_FILE: '/nonexistent/token',
      AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/keys',
      ...noFile,
    }
    expect(await failing(token)).toContain('/nonexistent/token')
  })

  describe('with a custom endpoint of STS', () => {
    const session = {
      accessKeyId: 'CONTAINERROLE000001',
      secretAccessKey: 'd',
      sessionToken: 'token',
    }
    const role = 'arn:aws:iam::111122223333:role/keys'

    it('the role of a token file is assumed there', async () => {
      const sts = await startStsServer(session)
      const token = join(testbed.home, 'identity-token')
      writeFileSync(token, 'identity')
      const env = {
        ...none,
        ...noFile,
        AWS_ENDPOINT_URL_STS: sts.endpoint,
        AWS_WEB_IDENTITY_TOKEN_FILE: token,
        AWS_ROLE_ARN: role,
      }
      const signers = await signer('', env).finally(() => sts.close())
      expect(signers).toEqual(['CONTAINERROLE000001'])
      expect(sts.assumed).toEqual([{ role, token: 'identity' }])
    })

    it('the role of a profile is assumed there', async () => {
      const sts = await startStsServer(session)
      const config = join(testbed.home, 'config')
      writeFileSync(config, `[profile ci]\nrole_arn = ${role}\nsource_profile = other\n`)
      const env = {
        ...none,
        AWS_CONFIG_FILE: config,
        AWS_PROFILE: 'ci',
        AWS_ENDPOINT_URL_STS: sts.endpoint,
      }
      const signers = await signer('', env).finally(() => sts.close())
      expect(signers).toEqual(['CONTAINERROLE000001'])
      expect(sts.assumed).toEqual([{ role, token: '' }])
    })
  })

  it('names the call to STS that failed', async () => {
    const sts = createServer((_request, response) => {
      response.writeHead(403, { 'content-type': 'text/xml' })
      response.end(
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>',
      )
    })
    await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve))
    const { port } = sts.address() as AddressInfo
    const stderr = await failing(
      { ...environment, AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}` },
      { credentials: 'credentials=role_arn=arn:aws:iam::111122223333:role/keys' },
    )
    await new Promise((resolve) => sts.close(resolve))
    expect(stderr).toContain('AssumeRole at 127.0.0.1 failed: AccessDenied: not you')
    expect(stderr).toContain('trust policy')
  })

  it('names a setting that the SDK refuses', async () => {
    const stderr = await failing({ ...environment, AWS_USE_FIPS_ENDPOINT: 'true' })
    expect(stderr).toContain(
      `AWS_USE_FIPS_ENDPOINT selects an endpoint of AWS, but AWS_ENDPOINT_URL_KMS selects http://127.0.0.1:`,
    )
  })

  it('does not use the role of the machine for a profile that does not exist', async () => {
    expect(await failing({ AWS_PROFILE: 'typo' })).toContain('typo')
  })

  it('does not use the role of the machine for a profile whose process fails', async () => {
    const config = join(testbed.home, 'config')
    writeFileSync(config, '[profile ci]\ncredential_process = /nonexistent/process\n')
    expect(await failing({ AWS_PROFILE: 'ci', AWS_CONFIG_FILE: config })).toContain(
      '/nonexistent/process',
    )
  })

  it('does not use the role of the machine if the process of the default profile fails', async () => {
    const config = join(testbed.home, 'config')
    writeFileSync(config, '[default]\ncredential_process = /nonexistent/process\n')
    const env = { AWS_CONFIG_FILE: config, ...noFile }
    expect(await failing(env)).toContain('/nonexistent/process')
  })

  it('does not use the role of the machine for one half of a pair', async () => {
    const stderr = await failing({ AWS_ACCESS_KEY_ID: 'ENVIRONMENT00000001' })
    expect(stderr).toContain('AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not')
  })

  it('runs the process of a profile once, for all Regions', async () => {
    const runs = join(testbed.home, 'runs')
    const script = join(testbed.home, 'process')
    const pair = '{"Version":1,"AccessKeyId":"PROFILEOTHER0000001","SecretAccessKey":"e"}'
    writeFileSync(script, `#!/bin/sh\necho run >> ${runs}\necho '${pair}'\n`, { mode: 0o700 })
    const config = join(testbed.home, 'config')
    writeFileSync(config, `[profile ci]\ncredential_process = ${script}\n`)
    const env = { ...none, ...noFile, AWS_CONFIG_FILE: config }
    await testbed.ok('write -f keymgmt/key/many type=aes256-gcm96 replica_regions=eu-west-1')
    expect(await signer('credentials=profile=ci', env)).toEqual(['PROFILEOTHER0000001'])
    rmSync(runs)
    await testbed.ok('write keymgmt/kms/k/key/many purpose=encrypt,decrypt', { env })
    expect(readFileSync(runs, 'utf8')).toBe('run\n')
  })

  it('runs a process that fails once, for all providers and Regions', async () => {
    const runs = join(testbed.home, 'runs')
    const script = join(testbed.home, 'process')
    writeFileSync(script, `#!/bin/sh\necho run >> ${runs}\nexit 1\n`, { mode: 0o700 })
    const config = join(testbed.home, 'config')
    writeFileSync(config, `[profile ci]\ncredential_process = ${script}\n`)
    await testbed.ok('write -f keymgmt/key/many type=aes256-gcm96 replica_regions=eu-west-1')
    const provider = 'provider=awskms credentials=profile=default'
    for (const [name, region] of [
      ['k1', 'us-west-1'],
      ['k2', 'us-west-1'],
      ['k3', 'us-east-1'],
    ] as const) {
      await testbed.ok(`write keymgmt/kms/${name} ${provider} key_collection=${region}`)
      await testbed.ok(`write keymgmt/kms/${name}/key/many purpose=encrypt,decrypt`)
      await testbed.ok(`write keymgmt/kms/${name} credentials=`)
    }
    const env = { ...none, ...noFile, AWS_CONFIG_FILE: config, AWS_PROFILE: 'ci' }
    const { status, stderr } = await testbed.run('write -f keymgmt/key/many/rotate', { env })
    expect([status, stderr]).toEqual([2, expect.stringContaining('k3, us-east-1, version 2')])
    expect(readFileSync(runs, 'utf8')).toBe('run\n')
  })

  it('uses the endpoint of the profile that the provider names', async () => {
    const config = join(testbed.home, 'config')
    const endpoint = `endpoint_url = ${testbed.kms.endpoint}`
    const keys = 'aws_access_key_id = PROFILEOTHER0000001\naws_secret_access_key = e'
    writeFileSync(
      config,
      `[profile local]\nservices = local\n${keys}\n[services local]\nkms =\n  ${endpoint}\n`,
    )
    const env = { ...environment, AWS_CONFIG_FILE: config, AWS_ENDPOINT_URL_KMS: '' }
    expect(await signer('credentials=profile=local', env)).toEqual(['PROFILEOTHER0000001'])
  })

  it('uses the role of the machine for a profile that has no credentials', async () => {
    const config = join(testbed.home, 'config')
    writeFileSync(config, '[profile region-only]\nregion = us-east-1\n')
    const env = { ...none, AWS_PROFILE: 'region-only', AWS_CONFIG_FILE: config }
    expect(await signer('', env)).toEqual(['CONTAINERROLE000001'])
  })

  it('takes the pair of the environment rather than AWS_PROFILE, without a warning', async () => {
    const env = { ...environment, AWS_PROFILE: 'other' }
    expect(await signer('', env)).toEqual(['ENVIRONMENT00000001'])
    const verify = 'read -format=json keymgmt/kms/k/key/app/verify'
    expect((await testbed.run(verify, { env })).stderr).toBe('')
  })

  it('ends within -timeout while a lookup hangs, and prints no warning of the SDK', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const started = Date.now()
    const stderr = await failing(
      { ...noFile, AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/role` },
      { flags: '-timeout=2s' },
    )
    expect(stderr).toContain('timed out after 2s')
    expect(stderr).not.toContain('smithy')
    expect(Date.now() - started).toBeLessThan(20_000)
    silent.closeAllConnections()
    await new Promise((resolve) => silent.close(resolve))
  })
})
