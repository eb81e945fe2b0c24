import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { KILLED, killEverywhere } from '../support/kills-on-s3.js'
import { startS3Server, storeUrl, type S3Server } from '../support/s3-server.js'

let server: S3Server
beforeAll(async () => {
  server = await startS3Server()
})
afterAll(() => server.close())

describe('after a kill at any request to a store on S3', () => {
  it.each(Object.entries(KILLED))(
    'of %s, the same command finishes the job',
    async (_name, command) => {
      const urlAt = (endpoint: string, prefix: string) => storeUrl({ ...server, endpoint }, prefix)
      const { kills, problems } = await killEverywhere(
        { endpoint: server.endpoint, urlAt },
        command,
      )
      expect(problems).toEqual([])
      expect(kills).toBeGreaterThan(5)
    },
    600_000,
  )
})
