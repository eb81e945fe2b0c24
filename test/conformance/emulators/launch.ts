import { spawn, type ChildProcess } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Emulator } from './emulators.js'

const INSTALL_MS = 240_000
const START_MS = 60_000
const STOP_MS = 5_000

/** A running emulator. */
export interface Launched {
  readonly endpoint: string
  readonly stop: () => Promise<void>
}

/**
 * Installs the emulator in `folder`, starts it on loopback, and waits until it is ready.
 * @throws Error that says which step failed, with the end of what it printed.
 */
export async function launch(
  { name, install, start, env = () => ({}), ready }: Emulator,
  folder: string,
  signal: AbortSignal,
): Promise<Launched> {
  const { command, args } = await install(folder, (step, stepArgs) =>
    complete(name, step, stepArgs, folder, signal),
  )
  const port = await freePort()
  const child = spawn(command, [...args, ...start(port)], {
    ...logged(folder),
    env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, ...env(port, folder) },
  })
  const stop = () => end(child)
  const unstarted = new Promise<never>((_, reject) => child.once('error', reject))
  try {
    await Promise.race([unstarted, untilReady(child, `http://127.0.0.1:${port}${ready}`, signal)])
  } catch (error) {
    await stop()
    throw new Error(`${name} did not start: ${(error as Error).message}\n${tail(folder)}`, {
      cause: error,
    })
  }
  return { endpoint: `http://127.0.0.1:${port}`, stop }
}

/** Sends the output of a child process to a file in its folder, to show it after a failure. */
function logged(folder: string): { cwd: string; stdio: ['ignore', number, number] } {
  const log = openSync(join(folder, 'log'), 'a')
  return { cwd: folder, stdio: ['ignore', log, log] }
}

function tail(folder: string): string {
  return readFileSync(join(folder, 'log'), 'utf8').trimEnd().split('\n').slice(-15).join('\n')
}

async function complete(
  name: string,
  command: string,
  args: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const child = spawn(command, args, { ...logged(folder), signal, timeout: INSTALL_MS })
  const status = await new Promise<number | null>((resolveExit, reject) => {
    child.on('error', (error) => {
      reject(new Error(`${name} could not be installed: ${error.message}`, { cause: error }))
    })
    child.on('close', resolveExit)
  })
  if (status !== 0)
    throw new Error(
      `${name} could not be installed: ${[command, ...args.slice(0, 3)].join(' ')} ended with ${String(status)}\n${tail(folder)}`,
    )
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => {
    server.close(closed)
  })
  return port
}

async function untilReady(child: ChildProcess, url: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + START_MS
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    const answer = await fetch(url, { signal }).catch(() => undefined)
    if (answer?.ok) return
    await sleep(200, undefined, { signal })
  }
  throw new Error(`it was not ready after ${START_MS / 1000} s`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = new Promise((ended) => {
    child.once('close', ended)
  })
  child.kill('SIGTERM')
  const kill = setTimeout(() => {
    child.kill('SIGKILL')
  }, STOP_MS)
  await closed
  clearTimeout(kill)
}
