import type { StoreSeals } from './restoring.js'

/** Returns seals that are loaded when they are first used: only snapshots need them. */
export function createLazySeals(load: () => Promise<StoreSeals>): StoreSeals {
  return {
    header: async () => (await load()).header(),
    open: async (header) => (await load()).open(header),
    restoring: async (header, restore) => (await load()).restoring(header, restore),
  }
}
