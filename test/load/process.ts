/**
 * One process of a load test: `process.js CONFIG`, with a {@link ProcessConfig} as JSON. Its
 * writers work at the same time. Prints each operation as a line of JSON.
 */
import { rotateKey } from '../../src/core/operations/rotate.js'
import { KeymgmtError } from '../../src/errors.js'
import type { Store } from '../../src/store/index.js'
import type { Operation, Seen } from './checker.js'
import { KEY, LIST, openShared, readList, readVersions, type SharedStore } from './store.js'

/** The work of one process. */
export interface ProcessConfig extends SharedStore {
  readonly writers: readonly string[]
  /** The values that each writer appends to the list. */
  readonly appends: number
  /** The versions that each writer creates. */
  readonly rotations: number
}

const now = () => performance.timeOrigin + performance.now()

type Attempt = () => Promise<Pick<Operation, 'appended' | 'read'>>

/** Runs an operation and prints it. One that fails stays without an acknowledgement. */
async function perform(
  writer: string,
  object: string,
  intended: string | undefined,
  attempt: Attempt,
): Promise<void> {
  const invoked = now()
  const print = (operation: Partial<Operation>) =>
    process.stdout.write(`${JSON.stringify({ writer, object, invoked, ...operation })}\n`)
  try {
    print({ ...(await attempt()), acknowledged: now() })
  } catch (error) {
    if (!(error instanceof KeymgmtError)) throw error
    print({ appended: intended })
  }
}

/** Appends the value with compare-and-set. Every other writer also takes a lock, as commands do. */
async function append(store: Store, value: string, isLocked: boolean): Promise<void> {
  const lock = isLocked ? await store.lock(LIST, `append ${value}`) : undefined
  try {
    for (;;) {
      const found = await store.get(LIST)
      const values = found ? (JSON.parse(Buffer.from(found.value).toString()) as string[]) : []
      // An attempt that was reported as a conflict may have been the one before the last.
      if (values.includes(value)) return
      const changed = Buffer.from(JSON.stringify([...values, value]))
      try {
        await store.put(LIST, changed, found?.revision)
        return
      } catch (error) {
        if (!(error instanceof KeymgmtError) || error.code !== 'STORE_CONFLICT') throw error
      }
    }
  } finally {
    await lock?.release()
  }
}

async function write(config: ProcessConfig, writer: string, index: number): Promise<void> {
  const { store, engine } = openShared(config)
  const look = (object: string, read: (from: Store) => Promise<Seen>) =>
    perform(writer, object, undefined, async () => ({ read: await read(store) }))
  const rotate = async () => {
    const notices: string[] = []
    const notice = (text: string) => notices.push(text)
    const { latestVersion } = await rotateKey({ ...engine, notice }, KEY)
    const isResumed = notices.some((text) => text.startsWith('No version is created'))
    return isResumed ? {} : { appended: String(latestVersion) }
  }
  for (let n = 0; n < Math.max(config.appends, config.rotations); n++) {
    const value = `${writer}.${n}`
    if (n < config.appends)
      await perform(writer, 'list', value, async () => {
        await append(store, value, index % 2 === 0)
        return { appended: value }
      })
    if (n < config.rotations) await perform(writer, 'versions', undefined, rotate)
    await look('list', readList)
    await look('versions', readVersions)
  }
}

const config = JSON.parse(process.argv[2] ?? '') as ProcessConfig
await Promise.all(config.writers.map((writer, index) => write(config, writer, index)))
