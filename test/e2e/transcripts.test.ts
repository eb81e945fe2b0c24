import { describe, expect, it } from '@jest/globals'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBench, type Bench } from '../support/keymgmt.js'
import { settled } from '../support/settled.js'

// What a person sees, to the byte: each file of test/transcripts is a session at one store and one
// KMS. `$` begins a command, `!` a line of stderr, `=` the exit status if it is not 0.
// UPDATE_TRANSCRIPTS=1 writes what is seen now.

const FOLDER = 'test/transcripts'

function lines(text: string, prefix: string): string[] {
  return text === ''
    ? []
    : text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `${prefix}${line}`.trimEnd())
}

/** The transcript again, with what every command of it says now. */
async function replay(transcript: string, bench: Bench): Promise<string> {
  const seen: string[] = []
  for (const line of transcript.split('\n')) {
    if (line.startsWith('#') || line === '') seen.push(line)
    if (!line.startsWith('$ keymgmt ')) continue
    const { stdout, stderr, status } = await bench.run(line.slice('$ keymgmt '.length))
    seen.push(
      line,
      ...lines(settled(stdout.replaceAll(bench.home, '<home>')), ''),
      ...lines(settled(stderr.replaceAll(bench.home, '<home>')), '! '),
      ...(status === 0 ? [] : [`= ${String(status)}`]),
    )
  }
  return seen.join('\n')
}

describe('what a person sees', () => {
  it.each(readdirSync(FOLDER))('%s', async (name) => {
    const bench = await createBench()
    try {
      const transcript = readFileSync(join(FOLDER, name), 'utf8')
      const seen = await replay(transcript, bench)
      if (process.env.UPDATE_TRANSCRIPTS) writeFileSync(join(FOLDER, name), seen)
      expect(seen).toBe(process.env.UPDATE_TRANSCRIPTS ? seen : transcript)
      expect(seen).toContain('$ keymgmt ')
    } finally {
      await bench.close()
    }
  })
})
