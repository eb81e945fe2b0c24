import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Testbed } from './keymgmt.js'

/** The part of a testbed that a flow uses. */
type Site = Pick<Testbed, 'home' | 'kms'>

/** One command that changes AWS, and the commands that prepare it. */
export interface Flow {
  readonly name: string
  readonly prepare: readonly string[]
  /** Changes that somebody else makes in AWS or in the store before the command. */
  readonly outsideChange?: (site: Site) => void
  readonly line: string | ((site: Site) => string)
  /**
   * A command that removes the lock of a killed command, if `line` takes no lock once its work is
   * done.
   */
  readonly after?: string
}

/** The Region of the provider. */
export const FLOWS_REGION = 'us-west-1'

/** The account of the key policy. */
export const FLOWS_ACCOUNT = '111122223333'

/** The provider, with the credentials of Vault's documentation. */
export const CONFIGURE = `write keymgmt/kms/k provider=awskms key_collection=${FLOWS_REGION} credentials=access_key=ASIADJO3WTX6WPLJM42V credentials=secret_key=bCiYmNroLxLmPNQ47VIvjlm8mQu5oktZcQdq195w`

const KEY = 'write -f keymgmt/key/app type=aes256-gcm96'
const GLOBAL = `${KEY} replica_regions=us-east-1,eu-west-1`
const DISTRIBUTE = 'write keymgmt/kms/k/key/app purpose=encrypt,decrypt'
const IN_PLACE = `${DISTRIBUTE} rotation=in_place`
const ROTATE = 'write -f keymgmt/key/app/rotate'
const LEAVE_OUT = 'write keymgmt/key/app/rotate without=k'
const MINIMUM = 'write keymgmt/key/app min_enabled_version=3'
const TRIM = 'write keymgmt/key/app/trim min_available_version=3'
const REPLICATE = 'write -f keymgmt/kms/k/key/app/replicate'
const MOVE = 'write keymgmt/kms/k/key/app/primary region=eu-west-1'
const REMOVE = 'delete keymgmt/kms/k/key/app deletion_window=7'
const REVOKE = 'write -f keymgmt/kms/k/key/app/revoke'
const RENEW = 'write -f keymgmt/kms/k/key/app/renew'
/** Disables version 1. */
const HALF = 'write keymgmt/key/app min_enabled_version=2'
const REPAIR = 'write -f keymgmt/kms/k/key/app/repair'
const RESTORE = 'write -f keymgmt/kms/k/key/app/restore'

/** The key policy of {@link SETTINGS}, without spaces. */
const POLICY = JSON.stringify({
  Statement: ['root', 'user/app'].map((name) => ({
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${FLOWS_ACCOUNT}:${name}` },
    Action: name === 'root' ? 'kms:*' : 'kms:Decrypt',
    Resource: '*',
  })),
})

/** Every setting of AWS that a distribution can have. */
export const SETTINGS = `description=Payments tags=team=payments tags=env=prod policy=${POLICY}`

/** Every flow that changes AWS. The provider is `k`, in us-west-1, and the key `app`. */
export const FLOWS: readonly Flow[] = [
  {
    name: 'distribute',
    prepare: [KEY, ROTATE, ROTATE, HALF],
    line: DISTRIBUTE,
  },
  {
    name: 'distribute a key pair',
    prepare: ['write -f keymgmt/key/app type=ecdsa-p256'],
    line: 'write keymgmt/kms/k/key/app purpose=sign,verify',
  },
  { name: 'rotate', prepare: [KEY, DISTRIBUTE], line: ROTATE },
  {
    name: 'bring up to date',
    prepare: [KEY, DISTRIBUTE, LEAVE_OUT, LEAVE_OUT],
    line: ROTATE,
  },
  {
    name: 'rotate the keys that are due',
    prepare: [KEY, DISTRIBUTE, LEAVE_OUT],
    line: 'due -rotate',
    after: 'write keymgmt/key/app deletion_allowed=false',
  },
  {
    name: 'disable',
    prepare: [KEY, DISTRIBUTE, ROTATE, ROTATE],
    line: MINIMUM,
  },
  { name: 'trim', prepare: [KEY, DISTRIBUTE, ROTATE, ROTATE, MINIMUM], line: TRIM },
  {
    name: 'trim replicas and version aliases',
    prepare: [GLOBAL, `${DISTRIBUTE} version_aliases=true`, REPLICATE, ROTATE, ROTATE, MINIMUM],
    line: TRIM,
  },
  {
    name: 'cancel a trim',
    prepare: [KEY, DISTRIBUTE, ROTATE, ROTATE, MINIMUM, TRIM],
    line: 'write keymgmt/key/app/trim min_available_version=0',
  },
  {
    name: 'enable',
    prepare: [KEY, ROTATE, DISTRIBUTE, HALF],
    line: 'write keymgmt/key/app min_enabled_version=0',
  },
  {
    name: 'replicate',
    prepare: [GLOBAL, ROTATE, DISTRIBUTE],
    line: REPLICATE,
  },
  {
    name: 'replicate all but a disabled version',
    prepare: [GLOBAL, ROTATE, HALF, DISTRIBUTE],
    line: REPLICATE,
  },
  {
    name: 'add a dropped Region',
    prepare: [
      GLOBAL,
      DISTRIBUTE,
      'delete keymgmt/kms/k/key/app/replicate/eu-west-1',
      REPLICATE,
      ROTATE,
    ],
    line: 'write keymgmt/kms/k/key/app/replicate regions=eu-west-1',
  },
  {
    name: 'drop a Region',
    prepare: [GLOBAL, DISTRIBUTE, REPLICATE, ROTATE],
    line: 'delete keymgmt/kms/k/key/app/replicate/eu-west-1 deletion_window=7',
  },
  {
    name: 'restore a dropped Region',
    prepare: [
      GLOBAL,
      DISTRIBUTE,
      REPLICATE,
      'delete keymgmt/kms/k/key/app/replicate/eu-west-1',
      ROTATE,
    ],
    line: RESTORE,
  },
  {
    name: 'move the primary',
    prepare: [GLOBAL, DISTRIBUTE, REPLICATE, ROTATE, HALF],
    line: MOVE,
  },
  {
    name: 'move the primary back',
    prepare: [GLOBAL, DISTRIBUTE, REPLICATE, MOVE],
    line: `write keymgmt/kms/k/key/app/primary region=${FLOWS_REGION}`,
  },
  {
    name: 'enable a version, and move its primary',
    prepare: [GLOBAL, DISTRIBUTE, REPLICATE, ROTATE, HALF, MOVE],
    line: 'write keymgmt/key/app min_enabled_version=0',
  },
  {
    name: 'rotate with a primary elsewhere',
    prepare: [GLOBAL, DISTRIBUTE, REPLICATE, MOVE],
    line: ROTATE,
  },
  {
    name: 'remove with a primary elsewhere',
    prepare: [GLOBAL, DISTRIBUTE, REPLICATE, MOVE],
    line: REMOVE,
  },
  {
    name: 'repair a primary that was moved',
    prepare: [GLOBAL, DISTRIBUTE, REPLICATE, MOVE],
    outsideChange: movePrimary,
    line: REPAIR,
  },
  { name: 'rotate everywhere', prepare: [GLOBAL, DISTRIBUTE, REPLICATE], line: ROTATE },
  { name: 'remove', prepare: [GLOBAL, DISTRIBUTE, REPLICATE], line: REMOVE },
  { name: 'restore', prepare: [GLOBAL, DISTRIBUTE, REPLICATE, REMOVE], line: RESTORE },
  {
    name: 'restore, with a version created meanwhile',
    prepare: [KEY, DISTRIBUTE, REMOVE, ROTATE],
    line: RESTORE,
  },
  { name: 'distribute again', prepare: [KEY, ROTATE, DISTRIBUTE, REMOVE], line: DISTRIBUTE },
  { name: 'revoke', prepare: [KEY, ROTATE, DISTRIBUTE], line: REVOKE },
  {
    name: 'distribute, with an expiry',
    prepare: [KEY, ROTATE],
    line: `${DISTRIBUTE} ttl=30d`,
  },
  {
    name: 'renew',
    prepare: [GLOBAL, ROTATE, HALF, `${DISTRIBUTE} ttl=30d`, REPLICATE],
    line: RENEW,
  },
  {
    name: 'renew until a fixed end',
    prepare: [KEY, `${DISTRIBUTE} ttl=30d`],
    line: `write keymgmt/kms/k/key/app/renew valid_to=${new Date(Date.now() + 100 * 86_400_000).toISOString()}`,
  },
  {
    name: 'make the material permanent',
    prepare: [KEY, `${DISTRIBUTE} ttl=30d`],
    line: 'write keymgmt/kms/k/key/app/renew ttl=0',
  },
  { name: 'restore the material', prepare: [KEY, ROTATE, DISTRIBUTE, REVOKE], line: RESTORE },
  {
    name: 'import a version',
    prepare: [KEY, DISTRIBUTE],
    line: `write keymgmt/key/app/import_version material=${randomBytes(32).toString('hex')}`,
  },
  {
    name: 'add version aliases',
    prepare: [KEY, ROTATE, DISTRIBUTE],
    line: `${DISTRIBUTE} version_aliases=true`,
  },
  {
    name: 'remove version aliases',
    prepare: [KEY, `${DISTRIBUTE} version_aliases=true`],
    line: `${DISTRIBUTE} version_aliases=false`,
  },
  {
    name: 'set a custom alias',
    prepare: [GLOBAL, ROTATE, DISTRIBUTE, REPLICATE],
    line: 'write keymgmt/kms/k/key/app custom_alias=alias/apps/app',
  },
  {
    name: 'change a custom alias',
    prepare: [KEY, `${DISTRIBUTE} custom_alias=alias/apps/app`],
    line: 'write keymgmt/kms/k/key/app custom_alias=alias/apps/other-1234567890',
  },
  {
    name: 'rotate, with a custom alias',
    prepare: [KEY, `${DISTRIBUTE} custom_alias=alias/apps/app`],
    line: ROTATE,
  },
  {
    name: 'distribute with settings',
    prepare: [KEY, ROTATE],
    line: `${DISTRIBUTE} ${SETTINGS}`,
  },
  {
    name: 'change the settings',
    prepare: [GLOBAL, ROTATE, DISTRIBUTE, REPLICATE, HALF],
    line: `write keymgmt/kms/k/key/app ${SETTINGS}`,
  },
  {
    name: 'repair the settings',
    prepare: [KEY, `${DISTRIBUTE} ${SETTINGS}`],
    outsideChange: changeSettings,
    line: REPAIR,
  },
  {
    name: 'change the settings in place',
    prepare: [KEY, ROTATE, IN_PLACE],
    line: `write keymgmt/kms/k/key/app ${SETTINGS}`,
  },
  {
    name: 'adopt',
    prepare: [KEY, DISTRIBUTE],
    outsideChange: forget,
    line: (site) => `write keymgmt/kms/k/key/app/adopt key_id=${onlyKey(site).id}`,
  },
  {
    name: 'repair',
    prepare: [KEY, DISTRIBUTE, ROTATE],
    outsideChange: breakKmsKeys,
    line: REPAIR,
  },
  {
    name: 'adopt in place',
    prepare: [KEY, ROTATE, IN_PLACE],
    outsideChange: forget,
    line: (site) =>
      `write keymgmt/kms/k/key/app/adopt key_id=${onlyKey(site).id} rotation=in_place`,
  },
  { name: 'distribute in place', prepare: [KEY, ROTATE, ROTATE], line: IN_PLACE },
  { name: 'rotate in place', prepare: [KEY, IN_PLACE], line: ROTATE },
  { name: 'replicate in place', prepare: [GLOBAL, ROTATE, IN_PLACE], line: REPLICATE },
  {
    name: 'rotate in place everywhere',
    prepare: [GLOBAL, IN_PLACE, REPLICATE],
    line: ROTATE,
  },
  {
    name: 'move the primary in place',
    prepare: [GLOBAL, ROTATE, IN_PLACE, REPLICATE],
    line: MOVE,
  },
  {
    name: 'rotate in place with a primary elsewhere',
    prepare: [GLOBAL, IN_PLACE, REPLICATE, MOVE],
    line: ROTATE,
  },
  {
    name: 'rotate in place, with an expiry',
    prepare: [KEY, `${IN_PLACE} ttl=30d`],
    line: ROTATE,
  },
  {
    name: 'renew in place',
    prepare: [GLOBAL, ROTATE, `${IN_PLACE} ttl=30d`, REPLICATE],
    line: RENEW,
  },
  { name: 'revoke in place', prepare: [KEY, ROTATE, IN_PLACE], line: REVOKE },
  {
    name: 'restore the material in place',
    prepare: [KEY, ROTATE, IN_PLACE, REVOKE],
    line: RESTORE,
  },
  {
    name: 'repair in place',
    prepare: [KEY, ROTATE, IN_PLACE],
    outsideChange: breakMaterials,
    line: REPAIR,
  },
]

function region({ kms }: Site) {
  return kms.account.region(FLOWS_REGION)
}

function onlyKey(site: Site) {
  const [key] = region(site).keys.values()
  if (!key) throw new Error('no KMS key')
  return key
}

/** Moves the primary to us-east-1, and deletes an alias. */
function movePrimary(site: Site): void {
  const { multiRegion } = onlyKey(site)
  if (!multiRegion) throw new Error('not a multi-Region key')
  multiRegion.replicas.add(multiRegion.primary)
  multiRegion.primary = 'us-east-1'
  multiRegion.replicas.delete(multiRegion.primary)
  region(site).aliases.clear()
}

/** Removes the distribution's record and alias. */
function forget(site: Site): void {
  const folder = join(site.home, 'keymgmt', 'store', 'distribution')
  if (readdirSync(folder).length === 0) throw new Error('no distribution to forget')
  rmSync(folder, { recursive: true })
  region(site).aliases.clear()
}

/**
 * Deletes the alias, deletes the material and tags of the first version, and disables the second.
 */
function breakKmsKeys(site: Site): void {
  const [first, second] = region(site).keys.values()
  if (!first || !second) throw new Error('fewer than two KMS keys')
  region(site).aliases.clear()
  for (const material of first.materials) material.bytes = undefined
  first.tags.clear()
  second.enabled = false
}

/** Changes each setting. */
function changeSettings(site: Site): void {
  const key = onlyKey(site)
  key.description = 'somebody else'
  key.policy = key.policy.replace('user/app', 'user/else')
  key.tags.delete('team')
  key.tags.set('owner', 'somebody else')
}

/** Deletes the alias and the former material, and disables the KMS key. */
function breakMaterials(site: Site): void {
  const key = onlyKey(site)
  region(site).aliases.clear()
  const [former] = key.materials
  if (!former || key.materials.length < 2) throw new Error('fewer than two materials')
  former.bytes = undefined
  key.enabled = false
}
