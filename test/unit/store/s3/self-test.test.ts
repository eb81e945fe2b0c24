import { afterEach, expect, it } from '@jest/globals'
import { testConditions } from '../../../../src/store/s3/self-test.js'
import { startS3Server, type S3Server } from '../../../support/s3-server.js'
import { bucketOn } from './open.js'

let server: S3Server
afterEach(() => server.close())

it('accepts a server that keeps every condition, and leaves nothing behind', async () => {
  server = await startS3Server()
  const requests = await testConditions(bucketOn(server))
  expect(requests).toBeGreaterThanOrEqual(200)
  expect(server.requests.filter(({ isConditional }) => isConditional)).toHaveLength(requests)
  expect([...server.versions.values()].filter((all) => all.at(-1))).toEqual([])
})

it('accepts a server that confirms to delete an object that does not exist', async () => {
  server = await startS3Server({ deletesAbsent: true })
  expect(await testConditions(bucketOn(server))).toBeGreaterThanOrEqual(200)
})

it('accepts a server whose replies get lost', async () => {
  let count = 0
  server = await startS3Server({
    fault: ({ isConditional }) =>
      isConditional && ++count % 20 === 0 ? { at: 'after', drop: true } : undefined,
  })
  expect(await testConditions(bucketOn(server))).toBeGreaterThanOrEqual(200)
})

it.each([
  ['ignores every fiftieth condition', { ignoreEvery: 50 }, 'If-None-Match: \\* refuses'],
  [
    'ignores the conditions of deletions',
    { ignoresDeleteConditions: true },
    'If-Match refuses to delete',
  ],
])('refuses a server that %s, and names the rule', async (_name, options, rule) => {
  server = await startS3Server(options)
  await expect(testConditions(bucketOn(server))).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringMatching(rule),
  })
})
