import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Emulator } from '../../conformance/emulators/emulators.js'
import { launch } from '../../conformance/emulators/launch.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keymgmt-launch-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

const SERVER = `
  const server = require('node:http').createServer((_, response) => response.end('ready'))
  server.listen(Number(process.argv[1]), '127.0.0.1')
`
const emulator = (change: Partial<Emulator>): Emulator => ({
  name: 'example',
  install: () => Promise.resolve({ command: process.execPath, args: ['-e', SERVER] }),
  start: (port) => [String(port)],
  ready: '/',
  ...change,
})
const launching = (change: Partial<Emulator> = {}) =>
  launch(emulator(change), folder, new AbortController().signal)

it('starts an emulator, and stops it', async () => {
  const { endpoint, stop } = await launching()
  expect(await (await fetch(endpoint)).text()).toBe('ready')
  await stop()
  await expect(fetch(endpoint)).rejects.toThrow()
})

it.each([
  [
    'a missing tool of the installation',
    {
      install: async (_, runStep) => {
        await runStep('no-such-tool', ['build'])
        return { command: 'none', args: [] }
      },
    },
    'example could not be installed: spawn no-such-tool ENOENT',
  ],
  [
    'an installation that fails',
    {
      install: async (_, runStep) => {
        await runStep(process.execPath, ['-e', 'console.log("no network"); process.exit(3)'])
        return { command: 'none', args: [] }
      },
    },
    /example could not be installed: .* ended with 3\nno network/,
  ],
  [
    'a missing runtime',
    { install: () => Promise.resolve({ command: 'no-such-runtime', args: [] }) },
    'example did not start: spawn no-such-runtime ENOENT',
  ],
  [
    'an emulator that ends',
    { start: () => ['x'] },
    /example did not start: it ended with 1\n[^]*listen/,
  ],
] satisfies [string, Partial<Emulator>, string | RegExp][])(
  'fails for %s, and says so',
  async (_name, change, message) => {
    await expect(launching(change)).rejects.toThrow(message)
  },
)
