import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBench, type Bench } from '../support/keymgmt.js'

let bench: Bench

beforeAll(async () => {
  bench = await createBench()
})

afterAll(() => bench.close())

describe('what the operating system refuses is no defect of keymgmt', () => {
  it('a home that is a file', async () => {
    const file = join(bench.home, 'file')
    writeFileSync(file, '')
    for (const home of [file, join(file, 'below')]) {
      const { status, stderr } = await bench.run('write -f keymgmt/key/app', {
        env: { KEYMGMT_HOME: home },
      })
      expect(status).toBe(2)
      expect(stderr).toContain(file)
      expect(stderr).not.toMatch(/defect of keymgmt|unexpected/)
    }
  })

  it('a port that is in use', async () => {
    const { port } = new URL(bench.kms.endpoint)
    const { status, stderr } = await bench.run(`dev -listen=127.0.0.1:${port}`)
    expect(status).toBe(1)
    expect(stderr).toContain(`another program uses port ${port} of 127.0.0.1`)
    expect(stderr).not.toMatch(/defect of keymgmt|unexpected/)
  })

  it('a policy that no user can read', async () => {
    mkdirSync(join(bench.home, 'policy'))
    for (const name of ['policy', 'none']) {
      const { status, stderr } = await bench.run(`dev -policy=${join(bench.home, name)}`)
      expect(status).toBeGreaterThan(0)
      expect(stderr).not.toMatch(/defect of keymgmt|unexpected/)
    }
  })
})
