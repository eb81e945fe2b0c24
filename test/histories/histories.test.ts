import { describe, expect, it } from '@jest/globals'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { staleFaults } from './prove.js'
import { runToEnd } from '../support/run-to-end.js'

const RUN = fileURLToPath(new URL('run.js', import.meta.url))
/** `npm run histories` runs more, with other seeds. */
const [RUNS, SEED] = [300, 1]
/** A history on S3 takes longer: each check reads the store by requests. */
const RUNS_ON_S3 = 10
const CORPUS = 'test/histories/corpus'

/** Runs histories in processes of their own, because they replace the clock and the files. */
const run = (...args: readonly string[]) =>
  runToEnd(process.execPath, ['--no-warnings', RUN, ...args])

describe('histories', () => {
  it('are proved by faults whose text the compiled code contains', () => {
    expect(staleFaults()).toEqual([])
  })

  it(`${RUNS} random ones lose, duplicate and block nothing`, async () => {
    const { status, output } = await run(`-runs=${RUNS}`, `-seed=${SEED}`, '-jobs=2')
    process.stdout.write(output)
    expect({ status, output }).toMatchObject({ status: 0 })
  }, 900_000)

  it(`${RUNS_ON_S3} random ones on S3 lose, duplicate and block nothing`, async () => {
    const { status, output } = await run('-store=s3', `-runs=${RUNS_ON_S3}`, `-seed=${SEED}`)
    expect({ status, output }).toMatchObject({ status: 0 })
  }, 900_000)

  it.each(readdirSync(CORPUS))('%s, which failed once, no longer fails', async (name) => {
    const ran = await run(`-file=${join(CORPUS, name)}`)
    expect(ran).toMatchObject({ status: 0 })
  })
})
