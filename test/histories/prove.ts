import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

/**
 * Proves that histories find faults: puts faults that keymgmt once had into a copy of the compiled
 * code, one at a time. Each must be found.
 */
interface KnownFault {
  readonly name: string
  /** A file below `dist/src`. */
  readonly file: string
  readonly from: string
  readonly to: string
}

const FAULTS: readonly KnownFault[] = [
  {
    name: 'any-command-finishes-a-removal',
    file: 'core/reconcile/resume.js',
    from: 'return takedown === undefined;',
    to: 'return true;',
  },
  {
    name: 'a-lost-kms-key-blocks',
    file: 'core/reconcile/attempt.js',
    from: 'if (await recordLost(context, results, step, error))',
    to: 'if (false)',
  },
  {
    name: 'an-unreadable-reply-means-nothing-was-created',
    file: 'kms/aws/errors.js',
    from: 'return !(isRefusal(name) && status >= 400 && status < 500 && requestId !== undefined);',
    to: "return name === 'TimeoutError' || status >= 500;",
  },
  {
    name: 'a-late-reply-is-not-waited-for',
    file: 'kms/aws/provider.js',
    from: 'settlingMs: endpoint.isLoopback ? 0 : SETTLING_MS',
    to: 'settlingMs: 0',
  },
  {
    name: 'a-lost-reply-is-not-looked-for',
    file: 'core/reconcile/find-unrecorded.js',
    from: 'if (!key)',
    to: 'if (true)',
  },
  {
    name: 'a-lost-import-of-new-material-is-not-looked-for',
    file: 'core/reconcile/new-material.js',
    from: 'operationId !== undefined && description',
    to: 'false && description',
  },
  {
    name: 'one-kms-key-has-two-owners',
    file: 'core/operations/adopt.js',
    from: 'if (owner)',
    to: 'if (owner && false)',
  },
  {
    name: 'other-material-counts-as-proven',
    file: 'core/reconcile/observe.js',
    from: 'recorded !== materialId)',
    to: 'false)',
  },
  {
    name: 'deleting-a-key-discards-what-restore-needs',
    file: 'core/operations/keys.js',
    from: "await assertDeletedByKms(engine, 'KEY_IN_USE', archived);",
    to: '',
  },
  {
    name: 'a-record-is-not-synced',
    file: 'store/atomic-file.js',
    from: 'fsyncSync(descriptor);',
    to: '',
  },
  {
    name: 'an-alias-of-somebody-else-is-removed',
    file: 'core/reconcile/aliases.js',
    from: 'if (isOurs)',
    to: 'if (isOurs || true)',
  },
  {
    name: 'a-live-lock-is-stolen',
    file: 'store/process-identity.js',
    from: 'return !isAlive(other.pid) ||',
    to: 'return true || !isAlive(other.pid) ||',
  },
  {
    name: 'another-account-gets-the-material',
    file: 'core/reconcile/account.js',
    from: 'differs(expected, actual)',
    to: 'false',
  },
]

/** Every fault is found within this number of histories. */
const RUNS = 300

/** Returns the names of the faults whose text the compiled code no longer contains. */
export function staleFaults(): string[] {
  return FAULTS.filter(
    ({ file, from }) => !readFileSync(join('dist/src', file), 'utf8').includes(from),
  ).map(({ name }) => name)
}

/** Proves all faults, or the one of that name. Returns the exit status. */
export async function proveAll(
  name: string,
  seed: number,
  write: (text: string) => void,
): Promise<number> {
  const faults = FAULTS.filter((fault) => name === 'all' || fault.name === name)
  if (faults.length === 0) throw new Error(`there is no fault ${name}`)
  const waiting = faults.values()
  let missed = 0
  const worker = async () => {
    for (const fault of waiting) {
      const found = await prove(fault, seed)
      if (found === undefined) missed++
      write(`${fault.name}: ${found ?? `not found in ${RUNS} histories`}`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return missed > 0 ? 1 : 0
}

/** Returns what found the fault; undefined if nothing did. */
async function prove(
  { name, file, from, to }: KnownFault,
  seed: number,
): Promise<string | undefined> {
  const folder = join('dist', 'proof', name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  cpSync('dist/src', join(folder, 'src'), { recursive: true })
  for (const part of ['histories', 'support'])
    cpSync(join('dist/test', part), join(folder, 'test', part), { recursive: true })
  cpSync('package.json', join('dist', 'proof', 'package.json'))
  const faulty = join(folder, 'src', file)
  const text = readFileSync(faulty, 'utf8')
  if (!text.includes(from)) throw new Error(`${name}: ${file} no longer contains "${from}"`)
  writeFileSync(faulty, text.replaceAll(from, to))
  const { output, status } = await run(join(folder, 'test/histories/run.js'), seed)
  const [, number] = /^History (\d+) failed/m.exec(output) ?? []
  const [, problem] = /^(?:Error: )(.*)$/m.exec(output) ?? []
  if (number === undefined && status !== 0) throw new Error(`${name}: the histories did not run`)
  return number === undefined ? undefined : `found in history ${number}: ${problem ?? ''}`
}

function run(script: string, seed: number): Promise<{ output: string; status: number | null }> {
  return new Promise((resolve) => {
    const args = ['--no-warnings', script, `-runs=${RUNS}`, `-seed=${seed}`, '-shrink=no']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.on('close', (status) => {
      resolve({ output, status })
    })
  })
}
