import { describe, expect, it } from '@jest/globals'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestbed, type Testbed } from '../support/keymgmt.js'
import { normalise } from '../support/normalise.js'

// The exact output for a person. Each file of test/transcripts is a session with one store and one
// KMS. `$` begins a command, `!` a line of stderr, `=` an exit status other than 0.
// UPDATE_TRANSCRIPTS=1 writes the current output.

const FOLDER = 'test/transcripts'

function lines(text: string, prefix: string): string[] {
  return text === ''
    ? []
    : text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `${prefix}${line}`.trimEnd())
}

/** Runs the transcript's commands, and returns it with their current output. */
async function replay(transcript: string, testbed: Testbed): Promise<string> {
  const seen: string[] = []
  for (const line of transcript.split('\n')) {
    if (line.startsWith('#') || line === '') seen.push(line)
    if (!line.startsWith('$ keymgmt ')) continue
    const { stdout, stderr, status } = await testbed.run(line.slice('$ keymgmt '.length))
    seen.push(
      line,
      ...lines(normalise(stdout.replaceAll(testbed.home, '<home>')), ''),
      ...lines(normalise(stderr.replaceAll(testbed.home, '<home>')), '! '),
      ...(status === 0 ? [] : [`= ${String(status)}`]),
    )
  }
  return seen.join('\n')
}

describe('the transcript', () => {
  it.each(readdirSync(FOLDER))('%s', async (name) => {
    const testbed = await createTestbed()
    try {
      const transcript = readFileSync(join(FOLDER, name), 'utf8')
      const seen = await replay(transcript, testbed)
      if (process.env.UPDATE_TRANSCRIPTS) writeFileSync(join(FOLDER, name), seen)
      expect(seen).toBe(process.env.UPDATE_TRANSCRIPTS ? seen : transcript)
      expect(seen).toContain('$ keymgmt ')
    } finally {
      await testbed.close()
    }
  })
})
