import { expect, it } from '@jest/globals'
import { HttpRequest } from '@smithy/core/protocols'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { readConfiguration } from '../../../src/aws/configuration.js'
import { AbortableHandler } from '../../../src/aws/handlers.js'
import { createTransport } from '../../../src/aws/transport.js'

const ADDRESSES = [
  { address: '127.0.0.1', family: 4 },
  { address: '127.0.0.2', family: 4 },
]

it('a host with several addresses that refuse a connection: the error names each', async () => {
  const transport = createTransport(await readConfiguration({}))
  const lookup = (_host: string, _options: object, found: (...results: unknown[]) => void) => {
    found(null, ADDRESSES)
  }
  Object.assign(transport.httpAgent.options, { lookup })
  const handler = new AbortableHandler(new AbortController().signal, transport)
  const request = new HttpRequest({ protocol: 'http:', hostname: 'two.test', port: 9 })
  await expect(handler.handle(request)).rejects.toMatchObject({
    code: 'ECONNREFUSED',
    message: 'connect ECONNREFUSED 127.0.0.1:9; connect ECONNREFUSED 127.0.0.2:9',
  })
  handler.destroy()
})

/** Requests a response that begins and never ends. */
async function requestEndless() {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const transport = createTransport(await readConfiguration({}))
  const handler = new AbortableHandler(new AbortController().signal, transport, 200)
  const request = new HttpRequest({ protocol: 'http:', hostname: '127.0.0.1', port })
  const { response } = await handler.handle(request)
  const close = () => {
    handler.destroy()
    server.close()
  }
  return { body: response.body as Readable, close }
}

it('a response that begins and does not end: reading it fails', async () => {
  const { body, close } = await requestEndless()
  await expect(body.toArray()).rejects.toMatchObject({
    name: 'TimeoutError',
    message: 'the response did not end within 200 ms',
  })
  close()
})

it('a response that does not end and that nobody reads does not end the process', async () => {
  const { body, close } = await requestEndless()
  await new Promise((resolve) => body.on('close', resolve))
  expect(body.destroyed).toBe(true)
  close()
})
