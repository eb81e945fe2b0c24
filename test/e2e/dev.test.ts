import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createServer, type AddressInfo } from 'node:net'
import { createBench, type Bench } from '../support/keymgmt.js'

let bench: Bench
beforeEach(async () => {
  bench = await createBench()
})
afterEach(() => bench.close())

describe('an address that keymgmt dev cannot listen on', () => {
  it('is a busy port', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const { status, stderr } = await bench.run(`dev -listen=127.0.0.1:${port} -- true`)
    server.close()
    expect(status).toBe(1)
    expect(stderr).toContain(
      `invalid value for flag -listen: another program uses port ${port} of 127.0.0.1`,
    )
    expect(stderr).toContain('-listen=127.0.0.1:0')
    expect(stderr).not.toMatch(/defect|bug|report/i)
  })

  it('is not on this machine', async () => {
    const { status, stderr } = await bench.run('dev -listen=192.0.2.1:0 -- true')
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('is an address of this machine only'),
    })
  })
})

describe('-fault', () => {
  it.each([
    ['Creatkey:1:drop', 'AWS KMS has no operation of that name', 'did you mean "CreateKey"?'],
    ['CreateKey:1:throtle', 'is Operation:nth:kind, such as', 'did you mean "throttle"?'],
    ['CreateKey:0:drop', 'is Operation:nth:kind, such as', 'kinds are denied'],
  ])('refuses %s', async (fault, problem, hint) => {
    const { status, stderr } = await bench.run(`dev -fault=${fault} -- true`)
    expect(status).toBe(1)
    expect(stderr).toContain(`invalid value for flag -fault: ${problem}`)
    expect(stderr).toContain(hint)
  })

  it('takes an operation of AWS KMS, and all of them', async () => {
    expect(await bench.run('dev -fault=CreateKey:1:drop -fault=*:9:error -- true')).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    })
  })
})

describe('-account', () => {
  it('selects the account', async () => {
    const ask = `import('@aws-sdk/client-kms').then(({ KMS }) => new KMS({}).createKey({}))
      .then(({ KeyMetadata }) => console.log(KeyMetadata.Arn))`
    const line = ['dev', '-account=444455556666', '--', process.execPath, '-e', ask]
    const { status, stdout } = await bench.run(line)
    expect(status).toBe(0)
    expect(stdout).toContain(':444455556666:key/')
  })
})
