import { expect } from '@jest/globals'
import { packageVersion } from '../../../src/version.js'
import { startDevKms } from '../../../src/dev-kms/index.js'
import { createSession, type Surroundings } from '../../support/session.js'
import { describeVectors, driver } from './describe-vectors.js'

// The vectors of Vault's command line that are about output and exit status.

/** A command, after those that prepare its store; `then` is another one, whose outcome counts. */
interface CommandVector extends Surroundings {
  readonly given?: readonly string[]
  readonly line: string | readonly string[]
  readonly then?: string
}

async function command({ given = [], line, then, ...surroundings }: CommandVector) {
  const kms = await startDevKms()
  const session = createSession(kms.endpoint)
  try {
    for (const earlier of given) expect(await session.run(earlier)).toMatchObject({ status: 0 })
    const ended = await session.run(line, surroundings)
    const { status, stdout, stderr } = then === undefined ? ended : await session.run(then)
    return { status, stdout: stdout.replaceAll(packageVersion(), '<version>'), stderr }
  } finally {
    session.close()
    await kms.close()
  }
}

describeVectors({ command: driver(command) })
