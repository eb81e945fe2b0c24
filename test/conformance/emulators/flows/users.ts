import { EncryptCommand } from '@aws-sdk/client-kms'
import assert from 'node:assert/strict'
import { opens, seal } from '../proofs.js'
import { hire, refused, stateOf, type Operator } from '../operator.js'
import { clientAt, type Site } from '../site.js'
import type { Check, Group } from '../suite.js'
import { aliasesAt } from './commands.js'

const PATH = 'keymgmt/kms/k/key/app'

/** The effects of an operator's commands on applications that use a distributed key. */
export const USERS: Group = { name: 'binary, as users see it', kmsKeys: 13, checks: userChecks }

type Story = (site: Site, operator: Operator, alias: string) => Promise<void>

function userChecks(site: Site): Check[] {
  return STORIES.map(([name, story]) => ({
    name,
    run: async () => {
      const operator = await hire(site)
      await operator.ok(
        `write -f keymgmt/key/app type=aes256-gcm96 replica_regions=${site.replicas.join(',')}`,
      )
      await operator.ok(`write ${PATH} purpose=encrypt,decrypt`)
      await story(
        site,
        operator,
        `alias/hashicorp/${(await operator.json<{ name: string }>(`read ${PATH}`)).name}`,
      )
    },
  }))
}

const STORIES: readonly (readonly [string, Story])[] = [
  [
    'min_enabled_version shuts off what was encrypted before, and lets it go on',
    async (site, operator, alias) => {
      const client = clientAt(site, site.home)
      const first = await seal(client, alias)
      await operator.ok('write -f keymgmt/key/app/rotate')
      const second = await seal(client, alias)
      await operator.ok('write keymgmt/key/app min_enabled_version=2')
      await assert.rejects(opens(client, first), { name: 'DisabledException' })
      await operator.ok('write keymgmt/key/app min_enabled_version=0')
      const { 1: one = '-', 2: two = '-' } = await operator.versions()
      assert.ok((await opens(client, first)).endsWith(one))
      assert.ok((await opens(client, second)).endsWith(two))
    },
  ],
  [
    'a removal that is restored leaves what was encrypted before readable',
    async (site, operator, alias) => {
      const client = clientAt(site, site.home)
      const sealed = await seal(client, alias)
      const shown = async () => ({ ...(await operator.json<object>(`read ${PATH}`)), as_of: '' })
      const before = await shown()
      await operator.ok(`delete ${PATH} deletion_window=7`)
      await assert.rejects(opens(client, sealed), { name: 'KMSInvalidStateException' })
      await operator.ok(`write -f ${PATH}/restore`)
      await opens(client, sealed)
      assert.deepEqual(await shown(), before)
    },
  ],
  [
    'a revocation stops all use at once',
    async (site, operator, alias) => {
      const client = clientAt(site, site.home)
      const sealed = await seal(client, alias)
      await operator.ok(`write -f ${PATH}/revoke`)
      await assert.rejects(opens(client, sealed), { name: 'KMSInvalidStateException' })
      await assert.rejects(
        client.send(new EncryptCommand({ KeyId: alias, Plaintext: Buffer.from('x') })),
        { name: 'KMSInvalidStateException' },
      )
    },
  ],
  [
    'a revocation that is restored leaves what was encrypted before readable',
    async (site, operator, alias) => {
      const client = clientAt(site, site.home)
      const sealed = await seal(client, alias)
      await operator.ok(`write -f ${PATH}/revoke`)
      await operator.ok(`write -f ${PATH}/restore`)
      await opens(client, sealed)
    },
  ],
  [
    'what is encrypted in one Region is decrypted in another, after a rotation, too',
    async (site, operator, alias) => {
      await operator.ok(`write -f ${PATH}/replicate`)
      await operator.ok('write -f keymgmt/key/app/rotate')
      const [one, other] = site.replicas
      const openedBy = await opens(clientAt(site, other), await seal(clientAt(site, one), alias))
      assert.ok(openedBy.endsWith((await operator.versions())['2'] ?? '-'), openedBy)
    },
  ],
  [
    'version_aliases gives each version an alias of its own',
    async (site, operator, alias) => {
      await operator.ok(`write ${PATH} purpose=encrypt,decrypt version_aliases=true`)
      const { 1: id } = await operator.versions()
      const names = async () =>
        (await aliasesAt(site, site.home))
          .filter(({ TargetKeyId }) => TargetKeyId === id)
          .map(({ AliasName }) => AliasName)
          .sort()
      assert.deepEqual(await names(), [alias, `${alias}/v1`])
      await operator.ok(`write ${PATH} purpose=encrypt,decrypt version_aliases=false`)
      assert.deepEqual(await names(), [alias])
    },
  ],
  [
    'a rehearsal, a repetition and a refusal change nothing',
    async (site, operator) => {
      const before = await operator.json<object>(`read ${PATH}`)
      await operator.ok(`delete -dry-run ${PATH}`)
      await operator.ok(`write ${PATH} purpose=decrypt,encrypt protection=hsm`)
      await refused(operator, `write ${PATH} purpose=sign,verify`, 'purpose')
      assert.deepEqual(await operator.json<object>(`read ${PATH}`), before)
      assert.equal(
        await stateOf(site, site.home, (await operator.versions())['1'] ?? ''),
        'Enabled',
      )
    },
  ],
]
