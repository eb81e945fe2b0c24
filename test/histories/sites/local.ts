import { join } from 'node:path'
import { openSealedLocalStore } from '../../../src/store/sealed-local.js'
import type { Store } from '../../../src/store/store.js'
import type { Disk } from '../disk.js'
import type { Site } from './site.js'

/** Stores in folders of the machine's disk. */
export function createLocalSite(disk: Disk): Site {
  const folderOf = (store: string) => join(disk.root, store)
  return {
    create: [],
    env: (store) => ({ KEYMGMT_HOME: folderOf(store) }),
    open: (store) => openFolder(folderOf(store)),
    names: (store) =>
      [...disk.files(folderOf(store)).keys()].map((file) => file.slice(folderOf(store).length)),
    copyOne: (name) => {
      disk.copyFile(folderOf('main') + name, folderOf('copy') + name)
    },
  }
}

/** Opens the store in KEYMGMT_HOME. */
export function openFolder(storeDir: string): Store {
  return openSealedLocalStore({ storeDir, keyfile: join(storeDir, 'keyfile') }).store
}
