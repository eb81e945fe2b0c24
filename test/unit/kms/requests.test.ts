import { afterEach, describe, expect, it } from '@jest/globals'
import { pointAlias } from '../../../src/kms/aws/aliases.js'
import { awaitReplica, findReplica, inspectKey } from '../../../src/kms/aws/keys.js'
import type { AwsMiddleware } from '../../../src/kms/aws/middleware.js'
import type { Session } from '../../../src/kms/aws/session.js'
import { reply, serve, sessionWith, type Handler } from './service.js'

const HOME = 'us-west-1'
const AWAY = 'eu-west-1'
const ID = '00000000-0000-4000-8000-000000000001'
const KEY = { id: ID, arn: `arn:aws:kms:${HOME}:111122223333:key/${ID}` }
const REPLICA = { id: ID, arn: KEY.arn.replace(HOME, AWAY) }

const clients = serve()
afterEach(() => {
  clients.close()
})

const refuse = (name: string) => reply(400, { __type: name, message: 'no' })
const describeAs = ({ id, arn }: typeof KEY, KeyState: string) =>
  reply(200, { KeyMetadata: { KeyId: id, Arn: arn, KeyState } })

/** A session with a service that gives these replies, by operation; it lists what it was asked. */
async function sessionOf(
  region: string,
  replies: Readonly<Record<string, readonly Handler[]>>,
): Promise<{ session: Session; asked: string[] }> {
  const asked: string[] = []
  const client = await clients.open(
    (request, response) => {
      const operation = String(request.headers['x-amz-target']).replace('TrentService.', '')
      const nth = asked.filter((earlier) => earlier === operation).length
      asked.push(operation)
      const handler = replies[operation]?.[nth] ?? refuse('ValidationException')
      handler(request, response)
    },
    [],
    undefined,
    region,
  )
  return { session: sessionWith(client, region), asked }
}

describe('a KMS key', () => {
  it.each([
    ['its ARN in its own Region', HOME, KEY.arn],
    ['its id, which its replica shares, in another one', AWAY, ID],
  ])('is named by %s', async (_title, region, named) => {
    const names: unknown[] = []
    const noteName: AwsMiddleware = ({ input }, next) => {
      names.push(input.KeyId)
      return next()
    }
    const described = describeAs(region === HOME ? KEY : REPLICA, 'Enabled')
    const client = await clients.open(described, [noteName], undefined, region)
    await inspectKey(sessionWith(client, region), KEY)
    expect(names).toEqual([named])
  })
})

describe('a replica', () => {
  it('is waited for until it is visible and accepts material', async () => {
    const { session, asked } = await sessionOf(AWAY, {
      DescribeKey: [
        refuse('NotFoundException'),
        describeAs(REPLICA, 'Creating'),
        describeAs(REPLICA, 'PendingImport'),
      ],
    })
    await awaitReplica(session, KEY)
    expect(asked).toHaveLength(3)
  })

  it('is not waited for after another error', async () => {
    const { session } = await sessionOf(AWAY, { DescribeKey: [refuse('AccessDeniedException')] })
    await expect(awaitReplica(session, KEY)).rejects.toMatchObject({ code: 'KMS_ACCESS_DENIED' })
  })
})

describe('a requested change', () => {
  const notYet = { DescribeKey: Array.from({ length: 9 }, () => refuse('NotFoundException')) }
  it.each([
    ['in the future is waited for as if it were now', 86_400_000, 2],
    ['now is waited for', 0, 2],
    ['long ago is not waited for', -86_400_000, 1],
  ])('%s', async (_title, offset, requests) => {
    const { session, asked } = await sessionOf(AWAY, notYet)
    const since = new Date(Date.now() + offset)
    expect(await findReplica({ ...session, settlingMs: 50 }, KEY, since)).toBeUndefined()
    expect(asked).toHaveLength(requests)
  })
})

describe('an alias whose creation got no reply', () => {
  const point = (session: Session) =>
    pointAlias(session, 'alias/a', KEY, { keys: new Set([ID]), exists: 'unknown' })

  it('is left alone if it names the KMS key', async () => {
    const Aliases = [{ AliasName: 'alias/a', TargetKeyId: ID }]
    const { session, asked } = await sessionOf(HOME, { ListAliases: [reply(200, { Aliases })] })
    await point(session)
    expect(asked).toEqual(['ListAliases'])
  })

  it.each([
    ['it is not there', reply(200, { Aliases: [] })],
    ['the caller may not list aliases', refuse('AccessDeniedException')],
  ])('is created if %s', async (_title, listed) => {
    const { session, asked } = await sessionOf(HOME, {
      ListAliases: [listed],
      CreateAlias: [reply(200, {})],
    })
    await point(session)
    expect(asked).toEqual(['ListAliases', 'CreateAlias'])
  })
})
