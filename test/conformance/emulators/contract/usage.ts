import { materialOf, nameOf, type Kind } from '../kinds.js'
import { prove } from '../proofs.js'
import { clientAt } from '../site.js'
import type { Group } from '../suite.js'
import { makeEmpty } from './type.js'

/** A further purpose of a type: all but what the KMS key computes is as with the first one. */
export function usageGroup(kind: Kind): Group {
  return {
    name: `contract, ${nameOf(kind)}`,
    kmsKeys: 1,
    checks: (site) => [{
      name: 'it computes with our material',
      run: async () => {
        const { provider, key } = await makeEmpty(site, kind)
        const material = await materialOf(kind.type, 'ours')
        await provider.importMaterial(provider.region, key, kind.type, material)
        await prove(clientAt(site, provider.region), key.id, kind, material)
      },
    }],
  }
}
