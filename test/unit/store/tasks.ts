import { join } from 'node:path'
import { openSealedLocalStore, type Store } from '../../../src/store/index.js'

/** Opens the store in `storeDir`, whose keyfile is in the same folder. */
export function storeAt(storeDir: string, onWait?: (message: string) => void): Store {
  return openSealedLocalStore({ storeDir, keyfile: join(storeDir, 'keyfile'), onWait }).store
}

type Task = (store: Store, path: string, size: number) => Promise<void>

/** Tasks on a store, for this process or another one (`worker.ts`). */
export const TASKS = {
  async put(store, path, size) {
    const lock = await store.lock(path, 'put')
    try {
      await store.put(path, Buffer.alloc(size, 'new '), (await store.get(path))?.revision)
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
        old?.revision,
      )
      await lock.release()
    }
  },
} as const satisfies Readonly<Record<string, Task>>
