import type { StoreSeals } from './seals/store-seals.js'

/** Returns seals that are loaded when they are first used: few commands need them. */
export function createLazySeals(load: () => Promise<StoreSeals>): StoreSeals {
  return {
    header: async () => (await load()).header(),
    open: async (header) => (await load()).open(header),
    probe: async (header) => (await load()).probe(header),
    create: async (...args) => (await load()).create(...args),
    rewrap: async (...args) => (await load()).rewrap(...args),
    replace: async (...args) => (await load()).replace(...args),
    restoring: async (header, restore) => (await load()).restoring(header, restore),
  }
}
