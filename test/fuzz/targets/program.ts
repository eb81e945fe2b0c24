import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startDevKms } from '../../../src/dev-kms/index.js'
import { copyFolder } from '../../support/keymgmt.js'
import { createSession } from '../../support/session.js'
import { assertSilent, Failure, type Target } from '../target.js'
import { partsOf, REQUEST_SEEDS, REQUEST_WORDS, REQUESTS } from './request.js'

const PREPARE = [
  'write -f keymgmt/key/app type=aes256-gcm96',
  'write keymgmt/kms/k provider=awskms key_collection=us-west-1 credentials=access_key=ASIADJO3WTX6WPLJM42V credentials=secret_key=bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w',
]

/** Returns the names and contents of all files below a folder. */
function contents(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => `${file}\n${readFileSync(file, 'latin1')}`)
    .join('\n')
}

/** The whole program with a store and an embedded KMS. A refusal must not change the store. */
export async function program(): Promise<Target> {
  let requests = 0
  const kms = await startDevKms({
    onRequest: () => {
      requests++
    },
  })
  const session = createSession(kms.endpoint)
  for (const line of PREPARE) await session.run(line)
  const home = join(session.home, 'keymgmt')
  const original = createSession(kms.endpoint)
  copyFolder(session.home, original.home)
  let before = contents(home)
  return {
    name: 'program',
    share: 4,
    seeds: [...REQUESTS.map((line) => Buffer.from(line)), ...REQUEST_SEEDS],
    words: REQUEST_WORDS,
    run: async (input) => {
      const { args, stdin } = partsOf(input)
      // `dev` runs until it is stopped, and runs the command that it is given.
      if (args.includes('dev')) return 'refused'
      requests = 0
      const { status, stdout, stderr } = await session.run(args, {
        stdin,
        signal: AbortSignal.timeout(10_000),
      })
      const changed = contents(home) !== before
      if (changed) {
        rmSync(home, { recursive: true, force: true })
        copyFolder(original.home, session.home)
        before = contents(home)
      }
      assertSilent(stdout + stderr)
      if (stderr.includes('this is a defect')) throw new Failure(stderr)
      if (![0, 1, 2, 3, 127].includes(status)) throw new Failure(`status ${status}: ${stderr}`)
      // A command records its plan before its first request, which AWS may refuse.
      if (changed && status !== 0 && requests === 0)
        throw new Failure(`refused, but the store was changed: ${stderr}`)
      return status === 0 ? 'accepted' : 'refused'
    },
    close: async () => {
      session.close()
      original.close()
      await kms.close()
    },
  }
}
