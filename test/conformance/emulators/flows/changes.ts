import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DeleteImportedKeyMaterialCommand,
  DisableKeyCommand,
  ScheduleKeyDeletionCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import assert from 'node:assert/strict'
import { opens, seal } from '../proofs.js'
import { hire } from '../operator.js'
import { clientAt, RUN_TAG, type Site } from '../site.js'
import type { Group } from '../suite.js'

/**
 * A change that somebody else makes in AWS: its name, the difference that `verify` reports, and the
 * function that makes it.
 */
type OutsideChange = readonly [
  name: string,
  what: string,
  does: (client: KMSClient, KeyId: string, AliasName: string, site: Site) => Promise<unknown>,
]

const OUTSIDE_CHANGES: readonly OutsideChange[] = [
  [
    'deleted material',
    'state',
    (client, KeyId) => client.send(new DeleteImportedKeyMaterialCommand({ KeyId })),
  ],
  ['a disabled KMS key', 'state', (client, KeyId) => client.send(new DisableKeyCommand({ KeyId }))],
  [
    'a scheduled deletion',
    'state',
    (client, KeyId) =>
      client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })),
  ],
  [
    'a cancelled deletion',
    'state',
    async (client, KeyId) => {
      await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
      await client.send(new CancelKeyDeletionCommand({ KeyId }))
    },
  ],
  [
    'a lost tag',
    'tags',
    (client, KeyId) => client.send(new UntagResourceCommand({ KeyId, TagKeys: ['keymgmt:key'] })),
  ],
  [
    'a deleted alias',
    'alias',
    (client, _id, AliasName) => client.send(new DeleteAliasCommand({ AliasName })),
  ],
  [
    'a moved alias',
    'alias',
    async (client, _id, AliasName, site) =>
      client.send(new UpdateAliasCommand({ AliasName, TargetKeyId: await strange(client, site) })),
  ],
  [
    'a replaced alias',
    'alias',
    async (client, _id, AliasName, site) => {
      await client.send(new DeleteAliasCommand({ AliasName }))
      await client.send(
        new CreateAliasCommand({ AliasName, TargetKeyId: await strange(client, site) }),
      )
    },
  ],
]

/** Creates a KMS key without the binary. */
async function strange(client: KMSClient, { runId }: Site): Promise<string | undefined> {
  return (await client.send(new CreateKeyCommand({ Tags: [{ TagKey: RUN_TAG, TagValue: runId }] })))
    .KeyMetadata?.KeyId
}

/** Differences that `verify` finds and `repair` corrects. */
export const VERIFY_AND_REPAIR: Group = {
  name: 'binary, verify and repair',
  kmsKeys: OUTSIDE_CHANGES.length + 2,
  checks: (site) =>
    OUTSIDE_CHANGES.map((outsideChange) => ({
      name: outsideChange[0],
      run: () => suffer(site, outsideChange),
    })),
}

async function suffer(site: Site, [, expected, does]: OutsideChange): Promise<void> {
  const path = 'keymgmt/kms/k/key/app'
  const operator = await hire(site)
  const client = clientAt(site, site.home)
  await operator.ok('write -f keymgmt/key/app type=aes256-gcm96')
  await operator.ok(`write ${path} purpose=encrypt,decrypt`)
  const { name, versions } = await operator.json<{
    name: string
    versions: Record<string, string>
  }>(`read ${path}`)
  const alias = `alias/hashicorp/${name}`
  const sealed = await seal(client, alias)

  await does(client, versions['1'] ?? '', alias, site)
  const found = await operator.run(`read ${path}/verify -format=json`)
  assert.equal(found.status, 3, `verify ended with ${String(found.status)}: ${found.stderr}`)
  const { differences } = (
    JSON.parse(found.stdout) as { data: { differences: { what: string }[] } }
  ).data
  assert.deepEqual(
    differences.map(({ what }) => what),
    [expected],
  )

  await operator.ok(`write -f ${path}/repair`)
  assert.equal(
    (await operator.run(`read ${path}/verify`)).status,
    0,
    'verify finds something after the repair',
  )
  assert.ok((await opens(client, sealed)).endsWith(versions['1'] ?? '-'))
  assert.ok((await opens(client, await seal(client, alias))).endsWith(versions['1'] ?? '-'))
}
