import assert from 'node:assert/strict'
import { KeymgmtError } from '../../../../src/index.js'
import type { Kind } from '../kinds.js'
import { providerAt, type Site } from '../site.js'
import { once, type Check, type Group } from '../suite.js'
import { makeEmpty } from './type.js'

const KIND: Kind = { type: 'aes256-gcm96', purpose: ['decrypt', 'encrypt'] }

/** The contract of a provider about aliases. */
export const ALIASES: Group = { name: 'contract, aliases', kmsKeys: 2, checks: aliasChecks }

function aliasChecks(site: Site): Check[] {
  const alias = `alias/hashicorp/conformance-${site.runId}`
  const pair = once(async () => {
    const [one, two] = [await makeEmpty(site, KIND), await makeEmpty(site, KIND)]
    return { provider: one.provider, one: one.key, two: two.key }
  })
  const point = async (at: 'one' | 'two', known: readonly ('one' | 'two')[], exists: boolean) => {
    const { provider, ...keys } = await pair()
    await provider.pointAlias(site.home, alias, keys[at], {
      keys: new Set(known.map((name) => keys[name].id)),
      exists,
    })
  }
  const names = async (expected: 'one' | 'two' | undefined) => {
    const { provider, ...keys } = await pair()
    const found = await provider.aliasTargets(site.home, new Set([alias, `${alias}-absent`]))
    assert.deepEqual([...found], expected ? [[alias, keys[expected].id]] : [])
  }
  const remove = async () => {
    await (await providerAt(site)).removeAlias(site.home, alias)
  }
  const steps: readonly (readonly [string, () => Promise<void>, 'one' | 'two' | undefined])[] = [
    ['pointAlias creates it', () => point('one', [], false), 'one'],
    ['pointAlias finds it as it is to be', () => point('one', [], false), 'one'],
    ['pointAlias moves what is ours', () => point('two', [], true), 'two'],
    ['pointAlias moves what names a KMS key of ours', () => point('one', ['two'], false), 'one'],
    [
      'pointAlias leaves alone what is not ours',
      () => refused(point('two', ['two'], false)),
      'one',
    ],
    [
      'removeAlias, and once more',
      async () => {
        await remove()
        await remove()
      },
      undefined,
    ],
    ['pointAlias makes what was ours and is gone', () => point('two', [], true), 'two'],
  ]
  return steps.map(([name, act, expected]) => ({
    name,
    run: async () => {
      await act()
      await names(expected)
    },
  }))
}

async function refused(call: Promise<void>): Promise<void> {
  await assert.rejects(
    call,
    (error: unknown) => error instanceof KeymgmtError && error.code === 'KMS_FAILED',
  )
}
