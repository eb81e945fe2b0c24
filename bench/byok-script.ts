import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEmbeddedKms } from './embedded-kms.js'
import { comparePairs, timeProcess, type Environment, type Timing } from './processes.js'
import type { NotMeasured, Result } from './result.js'
import { createUser, type User } from './user.js'

const SCRIPT = fileURLToPath(new URL('../../bench/byok.sh', import.meta.url))
/** Number of versions, and the bound for the ratio. */
const CASES = [
  [1, 0.2],
  [8, 0.1],
] as const
/** One for each run, because an alias exists once in a Region. */
const REGIONS = ['us-west-1', 'us-west-2', 'us-east-1']

/**
 * Compares the import of new versions with a script of the AWS CLI and openssl. It counts every
 * command that a user types, from the creation of the store to the last version.
 */
export async function* byokScript(folder: string): AsyncGenerator<Result | NotMeasured> {
  const missing = ['aws --version', 'openssl version'].filter((line) => !succeeds(line))
  if (missing.length > 0) {
    yield { notMeasured: `fails: ${missing.join(', ')}` }
    return
  }
  for (const [versions, bound] of CASES)
    yield await compareImport(join(folder, String(versions)), versions, bound)
}

async function compareImport(folder: string, versions: number, bound: number): Promise<Result> {
  const kms = await startEmbeddedKms()
  try {
    const pairs = REGIONS.map((region) => {
      const user = createUser(join(folder, region))
      return [
        importWithKeymgmt(user, versions, kms.env, region),
        importWithScript(user, versions, kms.env, region),
      ] as const
    })
    const { first, second, ratio, cpuRatio } = comparePairs(pairs)
    return {
      scenario: `${versions} version${versions === 1 ? '' : 's'}`,
      detail: `keymgmt ${(first / 1000).toFixed(2)} s, script ${(second / 1000).toFixed(2)} s`,
      value: ratio,
      unit: '×',
      bound,
      cpu: cpuRatio,
    }
  } finally {
    await kms.close()
  }
}

function importWithKeymgmt(user: User, versions: number, env: Environment, region: string): Timing {
  const lines = [
    `write keymgmt/kms/k provider=awskms key_collection=${region}`,
    'write -f keymgmt/key/app type=aes256-gcm96',
    'write keymgmt/kms/k/key/app purpose=encrypt,decrypt',
    ...Array.from({ length: versions - 1 }, () => 'write -f keymgmt/key/app/rotate'),
  ]
  const timings = lines.map((line) => timeProcess(user.keymgmt(line, { env })))
  return {
    wall: timings.reduce((sum, { wall }) => sum + wall, 0),
    cpu: timings.reduce((sum, { cpu }) => sum + cpu, 0),
  }
}

function importWithScript(user: User, versions: number, env: Environment, region: string): Timing {
  return timeProcess({
    program: 'bash',
    args: [SCRIPT, String(versions), 'by-hand'],
    env: { ...user.env, ...env, AWS_DEFAULT_REGION: region },
  })
}

function succeeds(line: string): boolean {
  const [program = '', ...args] = line.split(' ')
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}
