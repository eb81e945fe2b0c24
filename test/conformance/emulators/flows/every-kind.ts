import { GetPublicKeyCommand, DescribeKeyCommand } from '@aws-sdk/client-kms'
import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { FIRST_KINDS, nameOf, type Kind } from '../kinds.js'
import { hire, type Operator } from '../operator.js'
import { clientAt, type Site } from '../site.js'
import { once, type Group } from '../suite.js'

interface Verified {
  readonly kms_keys: readonly { readonly material: string; readonly state: string }[]
}

/** The life of a key of every type: created, distributed, rotated, verified. */
export const EVERY_KIND: Group = {
  name: 'binary, create, distribute and rotate',
  kmsKeys: FIRST_KINDS.length * 2,
  checks: (site) => {
    const operator = once(() => hire(site))
    return FIRST_KINDS.map((kind) => ({
      name: nameOf(kind),
      run: async () => {
        await live(site, await operator(), kind)
      },
    }))
  },
}

async function live(site: Site, operator: Operator, { type, purpose }: Kind): Promise<void> {
  const name = `${type}-${purpose.join('-')}`
  const path = `keymgmt/kms/k/key/${name}`
  await operator.ok(`write -f keymgmt/key/${name} type=${type}`)
  await operator.ok(`write ${path} purpose=${purpose.join(',')}`)
  await operator.ok(`write -f keymgmt/key/${name}/rotate`)
  const distribution = await operator.json<{ name: string; versions: Record<string, string> }>(
    `read ${path}`,
  )
  assert.deepEqual(Object.keys(distribution.versions), ['1', '2'])
  const client = clientAt(site, site.home)
  const named = await client.send(
    new DescribeKeyCommand({ KeyId: `alias/hashicorp/${distribution.name}` }),
  )
  assert.equal(named.KeyMetadata?.KeyId, distribution.versions['2'])
  const { kms_keys } = await operator.json<Verified>(`read ${path}/verify challenge=true`)
  assert.deepEqual(
    kms_keys.map(({ material, state }) => `${state}, ${material}`),
    ['enabled, proven', 'enabled, proven'],
  )
  await showsOurPublicKeys(site, operator, name, distribution.versions)
}

/** Checks that the binary shows the same public keys as the site. */
async function showsOurPublicKeys(
  site: Site,
  operator: Operator,
  name: string,
  ids: Readonly<Record<string, string>>,
): Promise<void> {
  const { versions } = await operator.json<{ versions: Record<string, { public_key?: string }> }>(
    `read keymgmt/key/${name}`,
  )
  for (const [version, { public_key }] of Object.entries(versions)) {
    if (public_key === undefined) continue
    const { PublicKey } = await clientAt(site, site.home).send(
      new GetPublicKeyCommand({ KeyId: ids[version] }),
    )
    assert.deepEqual(
      createPublicKey(public_key).export({ format: 'der', type: 'spki' }),
      Buffer.from(PublicKey ?? []),
    )
  }
}
