import { expect, it } from '@jest/globals'
import { HttpRequest } from '@smithy/core/protocols'
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
