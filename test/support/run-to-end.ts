import { spawn } from 'node:child_process'

/** The exit status of a program, and its output on both streams. */
export interface Ended {
  readonly status: number | null
  readonly output: string
}

/** Runs a program to its end. */
export function runToEnd(
  program: string,
  args: readonly string[],
  options: {
    readonly cwd?: string
    readonly env?: Readonly<Record<string, string | undefined>>
  } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    child.on('close', (status) => {
      resolve({ status, output })
    })
  })
}
