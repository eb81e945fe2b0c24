import { join } from 'node:path'
import { openHome, type Store } from '../../../src/store/index.js'

/** The store of a user whose keyfile is in the same place. */
export function storeAt(home: string): Store {
  return openHome({ home, keyfile: join(home, 'keyfile') }).store
}

type Task = (store: Store, path: string, size: number) => Promise<void>

/** What a command does with a store, in this process or in one of its own (`worker.ts`). */
export const TASKS = {
  async put(store, path, size) {
    const lock = await store.lock(path, 'put')
    try {
      await store.put(path, Buffer.alloc(size, 'new '), (await store.get(path))?.revision ?? 0)
    } finally {
      await lock.release()
    }
  },
  async delete(store, path) {
    const lock = await store.lock(path, 'delete')
    try {
      const found = await store.get(path)
      if (found) await store.delete(path, found.revision)
    } finally {
      await lock.release()
    }
  },
  async read(store, path) {
    const found = await store.get(path)
    process.stdout.write(Buffer.from(found?.value ?? []))
  },
  async hold(store, path) {
    await store.lock(path, 'hold')
    process.stdout.write('held\n')
    setInterval(() => undefined, 1_000)
  },
  async count(store, path) {
    for (let i = 0; i < 10; i++) {
      const lock = await store.lock(path, 'count')
      const old = await store.get(path)
      await store.put(
        path,
        Buffer.from(String(Number(Buffer.from(old?.value ?? '0').toString()) + 1)),
        old?.revision ?? 0,
      )
      await lock.release()
    }
  },
} as const satisfies Readonly<Record<string, Task>>
