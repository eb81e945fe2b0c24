import { join } from 'node:path'
import { installNode, NODE_RELEASES, type NodeRelease } from '../test/support/node-releases.js'
import { generateEmptyProgram } from './empty-program/generate.js'
import { alternate, timeProcess, type Comparison, type Invocation } from './processes.js'
import type { Result } from './result.js'
import { createUser, createUserWithKeys, writeSettings, type User } from './user.js'

const READ = 'read keymgmt/key/app'
const KEYS = 10

/** A release line of Node.js, with a compile cache that is full or empty. */
interface Circumstances {
  readonly label: string
  readonly release: NodeRelease
  readonly emptyCache: boolean
}

const CIRCUMSTANCES: readonly Circumstances[] = NODE_RELEASES.flatMap((release) =>
  [false, true].map((emptyCache) => ({
    label: `Node ${release}, ${emptyCache ? 'empty cache' : 'warm'}`,
    release,
    emptyCache,
  })),
)

/** Compares `keymgmt read` with a commander program that declares the same commands. */
export async function* localCommand(folder: string): AsyncGenerator<Result> {
  const [keymgmt, empty] = [
    await createUserWithKeys(join(folder, 'keymgmt'), KEYS),
    createUser(join(folder, 'empty')),
  ]
  const args = [await generateEmptyProgram(join(folder, 'program')), ...READ.split(' ')]
  for (const { label, release, emptyCache } of CIRCUMSTANCES) {
    const node = installNode(release)
    const comparison = alternate(
      run(keymgmt, keymgmt.keymgmt(READ, { node }), emptyCache),
      run(empty, { program: node, args, env: empty.env }, emptyCache),
    )
    yield ratio(label, comparison, 1.15, ['read', 'empty commander program'])
  }
}

/**
 * Compares `keymgmt read` with the same program when that loads `node:crypto`, too. No sealed
 * record opens without it, so this shows the part of the difference that is keymgmt's own.
 */
export async function* localCommandWithCrypto(folder: string): AsyncGenerator<Result> {
  const [keymgmt, empty] = [
    await createUserWithKeys(join(folder, 'keymgmt'), KEYS),
    createUser(join(folder, 'empty')),
  ]
  const program = await generateEmptyProgram(join(folder, 'program'), ['node:crypto'])
  const args = [program, ...READ.split(' ')]
  for (const { label, release } of CIRCUMSTANCES.filter(({ emptyCache }) => !emptyCache)) {
    const node = installNode(release)
    const comparison = alternate(
      run(keymgmt, keymgmt.keymgmt(READ, { node }), false),
      run(empty, { program: node, args, env: empty.env }, false),
    )
    yield ratio(label, comparison, 1.15, ['read', 'empty program with node:crypto'])
  }
}

/** Compares `keymgmt read` with and without a settings file. */
export async function* settingsFile(folder: string): AsyncGenerator<Result> {
  const [plain, configured] = [
    await createUserWithKeys(join(folder, 'plain'), KEYS),
    await createUserWithKeys(join(folder, 'configured'), KEYS),
  ]
  writeSettings(configured)
  for (const { label, release, emptyCache } of CIRCUMSTANCES) {
    const node = installNode(release)
    const comparison = alternate(
      run(configured, configured.keymgmt(READ, { node }), emptyCache),
      run(plain, plain.keymgmt(READ, { node }), emptyCache),
    )
    yield {
      scenario: label,
      detail: describe(comparison, ['read with settings', 'without']),
      value: comparison.difference,
      unit: 'ms',
      bound: 30,
      cpu: comparison.cpuDifference,
    }
  }
}

/** Compares writes that create or change a key, without AWS, with `keymgmt read`. */
export async function* localWrite(folder: string): AsyncGenerator<Result> {
  const user = await createUserWithKeys(folder, KEYS)
  let count = 0
  const writes = {
    'create a key': () => `write -f keymgmt/key/new-${count++} type=aes256-gcm96`,
    'change a key': () => `write keymgmt/key/app deletion_allowed=${count++ % 2 === 0}`,
  }
  for (const { label, release } of CIRCUMSTANCES.filter(({ emptyCache }) => !emptyCache)) {
    const node = installNode(release)
    for (const [name, line] of Object.entries(writes)) {
      const comparison = alternate(
        () => timeProcess(user.keymgmt(line(), { node })),
        run(user, user.keymgmt(READ, { node }), false),
      )
      yield ratio(`${label}, ${name}`, comparison, 1.25, ['write', 'read'])
    }
  }
}

/** Compares `keymgmt read` in a store with 10,000 keys and in one with 10. */
export async function* manyKeys(folder: string): AsyncGenerator<Result> {
  const few = await createUserWithKeys(join(folder, 'few'), KEYS)
  const many = await createUserWithKeys(join(folder, 'many'), 10_000)
  const comparison = alternate(
    run(many, many.keymgmt(READ), false),
    run(few, few.keymgmt(READ), false),
  )
  yield ratio('10,000 keys, warm', comparison, 1.05, ['read of 10,000', `of ${KEYS}`])
}

function run(user: User, invocation: Invocation, emptyCache: boolean) {
  return () => {
    if (emptyCache) user.clearCache()
    return timeProcess(invocation)
  }
}

function ratio(
  scenario: string,
  comparison: Comparison,
  bound: number,
  names: readonly [string, string],
): Result {
  return {
    scenario,
    detail: describe(comparison, names),
    value: comparison.ratio,
    unit: '×',
    bound,
    cpu: comparison.cpuRatio,
  }
}

function describe({ first, second }: Comparison, names: readonly [string, string]): string {
  return `${names[0]} ${first.toFixed(1)} ms, ${names[1]} ${second.toFixed(1)} ms`
}
