import { CreateKeyCommand, KMSClient, ListAliasesCommand } from '@aws-sdk/client-kms'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterEach, describe, expect, it } from '@jest/globals'
import { request } from 'node:http'
import { startDevKms, type DevKms, type DevKmsOptions } from '../../../src/dev-kms/index.js'

const running: DevKms[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((kms) => kms.close()))
})

async function start(options: DevKmsOptions = {}) {
  const kms = await startDevKms(options)
  running.push(kms)
  return kms
}

const client = (kms: DevKms, region = 'us-east-1') =>
  new KMSClient({ region, endpoint: kms.endpoint, credentials: kms.credentials, maxAttempts: 1 })

const sts = (kms: DevKms, credentials = kms.credentials) =>
  new STSClient({ region: 'us-east-1', endpoint: kms.endpoint, credentials, maxAttempts: 1 })

/** The status of a POST with these headers. */
function post(kms: DevKms, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(kms.endpoint, { method: 'POST', headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.on('error', reject)
    sent.end('{}')
  })
}

describe('AWS-managed aliases', () => {
  it('exist in every Region, without a key, and reveal the account', async () => {
    const kms = await start()
    for (const region of ['us-east-1', 'eu-west-1']) {
      const { Aliases = [] } = await client(kms, region).send(new ListAliasesCommand({}))
      expect(Aliases).toContainEqual({
        AliasName: 'alias/aws/s3',
        AliasArn: `arn:aws:kms:${region}:111122223333:alias/aws/s3`,
      })
    }
  })
})

describe('another account', () => {
  it('is in ARNs, key metadata and aliases', async () => {
    const kms = await start({ accountId: '444455556666' })
    const { KeyMetadata } = await client(kms).send(new CreateKeyCommand({}))
    expect(KeyMetadata?.AWSAccountId).toBe('444455556666')
    expect(KeyMetadata?.Arn).toMatch(/^arn:aws:kms:us-east-1:444455556666:key\//)
    const { Aliases = [] } = await client(kms).send(new ListAliasesCommand({}))
    expect(Aliases.every(({ AliasArn }) => AliasArn?.includes(':444455556666:'))).toBe(true)
  })
})

describe('STS', () => {
  it('returns the account and the user that signs', async () => {
    const kms = await start({ accountId: '444455556666' })
    expect(await sts(kms).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: '444455556666',
      Arn: 'arn:aws:iam::444455556666:user/dev',
    })
  })
  it.each([
    ['a wrong secret', { secretAccessKey: 'x' }, 'SignatureDoesNotMatch'],
    ['an unknown access key id', { accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }, 'InvalidClientTokenId'],
  ])('refuses %s with the code of STS', async (_what, credentials, name) => {
    const kms = await start()
    const wrong = sts(kms, { ...kms.credentials, ...credentials })
    await expect(wrong.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({ name })
  })
  it('refuses other operations', async () => {
    const kms = await start()
    const command = new AssumeRoleCommand({
      RoleArn: 'arn:aws:iam::111122223333:role/r',
      RoleSessionName: 'session',
    })
    await expect(sts(kms).send(command)).rejects.toMatchObject({ name: 'InvalidAction' })
  })
})

describe('requests that a web page can send', () => {
  it.each([
    [{ host: 'evil.example' }, 403],
    [{ host: '127.0.0.1.evil.example' }, 403],
    [{ host: 'localhost', origin: 'https://evil.example' }, 403],
    [{ host: 'localhost' }, 400],
    [{ host: '[::1]:80' }, 400],
  ])('%j gets status %d', async (headers, status) => {
    expect(await post(await start(), headers)).toBe(status)
  })
})
