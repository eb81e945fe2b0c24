import { afterEach, expect, it } from '@jest/globals'
import { startS3Server, storeUrl, type S3Server } from '../support/s3-server.js'
import { gaps, runLoad } from './load.js'

// Sixteen writers in four processes append to one list and rotate one key, on one store on S3.

let server: S3Server
afterEach(() => server.close())

const urlAt = (endpoint: string) => storeUrl({ ...server, endpoint })

/** The times at which another process took a lease over from its holder. */
function takeovers(): number {
  const holderOf = (body: Buffer) => {
    const { pid, since } = JSON.parse(body.subarray(17).toString()) as Record<string, unknown>
    return `${String(pid)} ${String(since)}`
  }
  return [...server.versions]
    .filter(([key]) => key.includes('/leases/'))
    .flatMap(([, all]) =>
      all.filter((version, index) => {
        const before = all[index - 1]
        return version && before && holderOf(version.body) !== holderOf(before.body)
      }),
    ).length
}

it('no update is lost while leases run out, and replies fail, are slow or get lost', async () => {
  server = await startS3Server()
  const { acknowledged, problems } = await runLoad(server.endpoint, urlAt, {
    appends: 3,
    rotations: 1,
    faults: { share: 0.08, slowMs: 600 },
  })
  expect(problems).toEqual([])
  expect(acknowledged).toBeGreaterThan(100)
  expect(takeovers()).toBeGreaterThan(0)
}, 300_000)

it('the checker notices a server that ignores every fiftieth condition', async () => {
  server = await startS3Server({ ignoreEvery: 50 })
  const { problems } = await runLoad(server.endpoint, urlAt, { appends: 5, rotations: 0 })
  expect(problems.join('\n')).toMatch(/list: \S+ of \S+ is lost/)
}, 300_000)

it('versions without gaps are 1, 2, 3, …', () => {
  expect(gaps(['1', '2', '3'])).toEqual([])
  expect(gaps(['1', '3'])).toEqual(['versions have gaps: 1, 3'])
})
