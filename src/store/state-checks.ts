import { join } from 'node:path'
import { readPrivateFile } from './private-file.js'
import type { SealedLocalStoreOptions } from './sealed-local.js'
import { assertReadable, movedNotice, parseState, stateError, STATE_FILE } from './state.js'
import type { Store } from './store.js'

/** Checks of the state of a store. Each reads the state again. */
export interface StateChecks {
  readonly assertReadable: () => void
  readonly assertWritable: () => Promise<void>
}

/** Returns the checks of the local store in a folder. `restores` is true while it is restored. */
export function createStateChecks(
  { storeDir, onMoved }: Pick<SealedLocalStoreOptions, 'storeDir' | 'onMoved'>,
  restores: () => boolean,
): StateChecks {
  let notify = onMoved
  const read = () =>
    restores() ? undefined : parseState(readPrivateFile(join(storeDir, STATE_FILE)), storeDir)
  return {
    assertReadable() {
      const state = read()
      assertReadable(storeDir, state)
      const notice = movedNotice(storeDir, state)
      if (notice !== undefined) notify?.(notice)
      if (notice !== undefined) notify = undefined
    },
    async assertWritable() {
      await Promise.resolve()
      const state = read()
      if (state) throw stateError(storeDir, state)
    },
  }
}

/** A store whose uses fail if it must exist and doesn't, or if its state does not allow them. */
export function checkEachUse(
  store: Store,
  assertExists: () => void,
  state: StateChecks,
  onLocked: () => void,
): Store {
  const checked =
    <Args extends unknown[], Result>(use: (...args: Args) => Promise<Result>) =>
    async (...args: Args) => {
      assertExists()
      state.assertReadable()
      return use(...args)
    }
  return {
    id: checked(() => store.id()),
    get: checked((path) => store.get(path)),
    put: checked((path, value, expected) => store.put(path, value, expected)),
    list: checked((path) => store.list(path)),
    delete: checked((path, expected) => store.delete(path, expected)),
    async lock(name, purpose) {
      assertExists()
      // A command that changes something takes a lock first, so it is refused before it changes
      // anything.
      await state.assertWritable()
      const lock = await store.lock(name, purpose)
      onLocked()
      return lock
    },
  }
}
