import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { without } from '../../src/core/records/model.js'
import type { AccessKeyId } from './aws.js'
import { ROOT } from './disk.js'
import { fault } from './faults.js'
import type { StoreName } from './sites/site.js'
import { credentialsOf, type CommandRun } from './world.js'

/** Steps of a history, as data, so that a history can be stored and repeated. */

/** Changes that somebody else makes in AWS. */
export const CHANGES = [
  'disable',
  'schedule deletion',
  'delete for good',
  'delete material',
  'rotate to other material',
  'move the primary',
  'change tags',
  'change the description',
  'move an alias',
  'delete an alias',
] as const
export type Change = (typeof CHANGES)[number]

export type Step =
  | (CommandRun & {
      /** Another command that runs at the same time. */ readonly beside?: CommandRun
    })
  /** `pick` chooses the KMS key or the alias. */
  | { readonly change: Change; readonly pick: number }
  /** `machine` changes the clock of this machine only; `all` lets time pass. */
  | { readonly clock: 'machine' | 'all'; readonly hours: number }
  | { readonly copy: 'now' }
  /** Undoes all damage by the commands that keymgmt names, and checks that nothing is left. */
  | { readonly settle: true }

/** The keys, with the fields that create each, and its purpose. */
export const KEYS = {
  a: { fields: 'type=aes256-gcm96', purpose: 'encrypt,decrypt' },
  g: {
    fields: 'type=aes256-gcm96 replica_regions=eu-central-1,us-east-1',
    purpose: 'encrypt,decrypt',
  },
  s: { fields: 'type=ecdsa-p256', purpose: 'sign,verify' },
  h: { fields: 'type=hmac-sha256', purpose: 'sign,verify' },
} as const
export type KeyName = keyof typeof KEYS

/** The providers; `west` uses the credentials of the environment. */
export const PROVIDERS = {
  west: 'key_collection=us-west-1',
  east: `key_collection=eu-central-1 ${credentialsOf('AKIAEXAMPLE000000001')}`,
  /** The same Region and account as `west`. */
  twin: `key_collection=us-west-1 ${credentialsOf('AKIAEXAMPLE000000001')}`,
  other: `key_collection=us-west-1 ${credentialsOf('AKIAEXAMPLE000000002')}`,
} as const

/** Credentials that the environment has by mistake. */
const OTHER_ACCOUNT: AccessKeyId = 'AKIAEXAMPLE000000002'

/** The commands of a history. */
export const LINES = {
  configure: (provider: keyof typeof PROVIDERS) =>
    `write keymgmt/kms/${provider} provider=awskms ${PROVIDERS[provider]}`,
  create: (key: KeyName) => `write -f keymgmt/key/${key} ${KEYS[key].fields}`,
  distribute: (provider: string, key: KeyName) =>
    `write keymgmt/kms/${provider}/key/${key} purpose=${KEYS[key].purpose} protection=hsm`,
  distributeInPlace: (provider: string, key: KeyName) =>
    `${LINES.distribute(provider, key)} rotation=in_place`,
  distributeFor: (provider: string, key: KeyName, ttl: string) =>
    `${LINES.distribute(provider, key)} ttl=${ttl}`,
  renew: (provider: string, key: string) => `write -f keymgmt/kms/${provider}/key/${key}/renew`,
  renewFor: (provider: string, key: string, ttl: string) =>
    `write keymgmt/kms/${provider}/key/${key}/renew ttl=${ttl}`,
  replicate: (provider: string, key: string) =>
    `write -f keymgmt/kms/${provider}/key/${key}/replicate`,
  rotate: (key: string) => `write -f keymgmt/key/${key}/rotate`,
  minimum: (key: KeyName, version: number) =>
    `write keymgmt/key/${key} ${KEYS[key].fields} min_enabled_version=${version}`,
  period: (key: KeyName, period: string) =>
    `write keymgmt/key/${key} ${KEYS[key].fields} rotation_period=${period}`,
  rotateDue: 'due -rotate',
  renewExpiring: 'expiring -renew',
  trim: (key: string, version: number) =>
    `write keymgmt/key/${key}/trim min_available_version=${version} allow_recent_use=true`,
  remove: (provider: string, key: string) => `delete keymgmt/kms/${provider}/key/${key}`,
  restore: (provider: string, key: string) => `write -f keymgmt/kms/${provider}/key/${key}/restore`,
  revoke: (provider: string, key: string) => `write -f keymgmt/kms/${provider}/key/${key}/revoke`,
  repair: (provider: string, key: string) => `write -f keymgmt/kms/${provider}/key/${key}/repair`,
  adopt: (provider: string, key: string) =>
    `write keymgmt/kms/${provider}/key/${key}/adopt key_id=KMS_KEY`,
  drop: (provider: string, key: string, region: string) =>
    `delete keymgmt/kms/${provider}/key/${key}/replicate/${region}`,
  replicateTo: (provider: string, key: string, region: string) =>
    `write keymgmt/kms/${provider}/key/${key}/replicate regions=${region}`,
  primary: (provider: string, key: string, region: string) =>
    `write keymgmt/kms/${provider}/key/${key}/primary region=${region}`,
  aliases: (provider: string, key: KeyName) =>
    `${LINES.distribute(provider, key)} version_aliases=true`,
  settings: (provider: string, key: string, value: string) =>
    `write keymgmt/kms/${provider}/key/${key} description=${value} tags=team=${value} deletion_window=9`,
  customAlias: (provider: string, key: string, name: string) =>
    `write keymgmt/kms/${provider}/key/${key} custom_alias=${name && `alias/team/${provider}/${key}-${name}`}`,
  rotateWithout: (provider: string, key: string) =>
    `write -f keymgmt/key/${key}/rotate without=${provider}`,
  forget: (provider: string, key: string) =>
    `write -f keymgmt/kms/${provider}/key/${key}/forget allow_orphans=true`,
  orphans: (provider: string) => `read keymgmt/kms/${provider}/verify orphans=true`,
  import: (key: KeyName, number: number) =>
    `write keymgmt/key/${key}/import ${KEYS[key].fields} material=MATERIAL_${number}`,
  importVersion: (key: KeyName, number: number) =>
    `write keymgmt/key/${key}/import_version ${typeOf(key)} material=MATERIAL_${number}`,
  allowDeletion: (key: KeyName) =>
    `write keymgmt/key/${key} ${KEYS[key].fields} deletion_allowed=true`,
  deleteKey: (key: string) => `delete keymgmt/key/${key}`,
  deleteProvider: (provider: string) => `delete keymgmt/kms/${provider}`,
  verify: (provider: string, key: string) => `read keymgmt/kms/${provider}/key/${key}/verify`,
  save: (number: number) => `operator snapshot save ${snapshotOf(number)}`,
  restoreStore: (number: number) => `operator snapshot restore -force ${snapshotOf(number)}`,
} as const

/** The line to run. A history contains only the number of material, not the material itself. */
export function withMaterial(line: string): string {
  return line.replace(/MATERIAL_(\d+)/, (_match, number: string) =>
    createHash('sha256').update(`material ${number}`).digest('hex'),
  )
}

function typeOf(key: KeyName): string {
  return KEYS[key].fields.split(' ', 1)[0] ?? ''
}

/** The file of a snapshot. */
function snapshotOf(number: number): string {
  return `${ROOT}/${number}.snapshot`
}

type Place = readonly [provider: keyof typeof PROVIDERS, key: KeyName]

const place = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Place>(['west', 'a']) },
  { weight: 3, arbitrary: fc.constant<Place>(['west', 'g']) },
  { weight: 1, arbitrary: fc.constant<Place>(['east', 'a']) },
  { weight: 1, arbitrary: fc.constant<Place>(['east', 'g']) },
  { weight: 1, arbitrary: fc.constant<Place>(['other', 'a']) },
  { weight: 1, arbitrary: fc.constant<Place>(['twin', 'a']) },
  { weight: 1, arbitrary: fc.constant<Place>(['west', 's']) },
  { weight: 1, arbitrary: fc.constant<Place>(['west', 'h']) },
)
const key = place.map(([, name]) => name)

/** `twin` can adopt the KMS keys of `west`, and the other way round. */
const adopting = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Place>(['twin', 'a'], ['west', 'a']) },
  { weight: 1, arbitrary: place },
)

/** The keys of which a user can have material of their own without a file. */
const symmetricKey = fc.constantFrom<KeyName>('a', 'a', 'g', 'h')
const replicaRegion = fc.constantFrom('eu-central-1', 'us-east-1')
/** Also the provider's own Region. */
const primaryRegion = fc.constantFrom('us-west-1', 'eu-central-1', 'us-east-1')
const provider = fc.constantFrom('west', 'west', 'west', 'east')

const OF_KEY = (weight: number, line: (key: KeyName) => string) => ({
  weight,
  arbitrary: key.map(line),
})
const OF_PLACE = (
  weight: number,
  line: (provider: keyof typeof PROVIDERS, key: KeyName) => string,
) => ({ weight, arbitrary: place.map((at) => line(...at)) })
const OF = <T extends unknown[]>(
  weight: number,
  input: { readonly [I in keyof T]: fc.Arbitrary<T[I]> },
  line: (...input: T) => string,
) => ({ weight, arbitrary: fc.tuple<T>(...input).map((at) => line(...at)) })

/** A command that changes something. */
const commandLine: fc.Arbitrary<string> = fc.oneof(
  OF_KEY(2, LINES.create),
  OF_PLACE(10, LINES.distribute),
  OF_PLACE(4, LINES.distributeInPlace),
  OF(2, [place], (at) => LINES.distributeFor(...at, '20d')),
  OF_PLACE(2, LINES.renew),
  OF(3, [place, fc.constantFrom('20d', '40d', '0')], (at, ttl) => LINES.renewFor(...at, ttl)),
  OF_PLACE(4, (at) => LINES.replicate(at, 'g')),
  OF(2, [provider, replicaRegion], (at, region) => LINES.replicateTo(at, 'g', region)),
  OF(2, [provider, replicaRegion], (at, region) => LINES.drop(at, 'g', region)),
  OF(4, [provider, primaryRegion], (at, region) => LINES.primary(at, 'g', region)),
  OF_KEY(12, LINES.rotate),
  OF(4, [key, fc.nat(3)], LINES.minimum),
  OF(4, [key, fc.nat(3)], LINES.trim),
  OF(2, [key, fc.constantFrom('0', '1h', '20d')], LINES.period),
  { weight: 6, arbitrary: fc.constant(LINES.rotateDue) },
  { weight: 3, arbitrary: fc.constant(LINES.renewExpiring) },
  OF_PLACE(8, LINES.remove),
  OF_PLACE(6, LINES.restore),
  OF_PLACE(4, LINES.revoke),
  OF_PLACE(6, LINES.repair),
  OF(4, [adopting], (at) => LINES.adopt(...at)),
  OF_PLACE(2, LINES.aliases),
  OF(1, [symmetricKey, fc.nat(3)], LINES.import),
  OF(2, [symmetricKey, fc.nat(3)], LINES.importVersion),
  OF_KEY(4, LINES.allowDeletion),
  OF(8, [fc.constantFrom<KeyName>('a', 'a', 'g', 'h')], LINES.deleteKey),
  OF(2, [place], ([at]) => LINES.deleteProvider(at)),
  OF(4, [place, fc.constantFrom('', 'red', 'blue')], (at, value) => LINES.settings(...at, value)),
  OF(3, [place, fc.constantFrom('', 'one', 'two')], (at, name) => LINES.customAlias(...at, name)),
  OF_PLACE(2, LINES.rotateWithout),
  OF_PLACE(2, LINES.forget),
  OF_PLACE(2, LINES.orphans),
  OF_PLACE(2, LINES.verify),
  OF(2, [fc.nat(2)], LINES.save),
  OF(2, [fc.nat(2)], LINES.restoreStore),
)

const copyAt = fc.integer({ min: 1, max: 60 })

const command: fc.Arbitrary<CommandRun> = commandLine.chain((text) => {
  const line = fc.constant(text)
  if (text.includes('KMS_KEY')) return fc.record({ line, pick: fc.nat(20) })
  const copy = fc.constant<StoreName>('copy')
  return fc.oneof<fc.MaybeWeightedArbitrary<CommandRun>[]>(
    { weight: 9, arbitrary: fc.record({ line, fault }) },
    { weight: 8, arbitrary: fc.record({ line }) },
    { weight: 1, arbitrary: fc.record({ line, copyAt }) },
    { weight: 1, arbitrary: fc.record({ line, fault, copyAt }) },
    { weight: 1, arbitrary: fc.record({ line, store: copy }) },
    { weight: 1, arbitrary: fc.record({ line, fault, store: copy }) },
    { weight: 1, arbitrary: fc.record({ line, as: fc.constant(OTHER_ACCOUNT) }) },
  )
})

/** Few changes of an alias touch one that a later step removes. */
const oneOfChanges = fc.constantFrom<Change>(...CHANGES, 'move an alias', 'move an alias')

/** Two commands at once; often the same one, as when a CI job runs twice. */
const together: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(command, command).map(([one, beside]) => ({ ...one, beside })),
  command.map((one) => ({ ...one, beside: without(one, 'fault') })),
)

/** Every kind of step. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 18, arbitrary: command },
  { weight: 2, arbitrary: together },
  { weight: 3, arbitrary: fc.record({ change: oneOfChanges, pick: fc.nat(50) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      clock: fc.constantFrom('machine' as const, 'all' as const),
      hours: fc.constantFrom(-1, 1, 25, 8 * 24, 31 * 24),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ copy: 'now' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ settle: true }) },
)

const CONFIGURED = (['west', 'east', 'twin', 'other'] as const).map(LINES.configure)

/** The commands that a history begins with. */
export const BEGINNINGS: readonly (readonly string[])[] = [
  CONFIGURED,
  [...CONFIGURED, LINES.create('a'), LINES.distribute('west', 'a')],
  [
    ...CONFIGURED,
    LINES.create('g'),
    LINES.distribute('west', 'g'),
    LINES.replicate('west', 'g'),
    LINES.create('a'),
    LINES.distribute('west', 'a'),
    LINES.distribute('east', 'a'),
  ],
  [
    ...CONFIGURED,
    LINES.create('g'),
    LINES.distribute('west', 'g'),
    LINES.import('h', 0),
    LINES.distribute('west', 'h'),
    LINES.create('s'),
    LINES.distribute('west', 's'),
  ],
  [...CONFIGURED, LINES.create('a'), LINES.allowDeletion('a'), LINES.distribute('west', 'a')],
  [
    ...CONFIGURED,
    LINES.create('g'),
    LINES.rotate('g'),
    LINES.distribute('west', 'g'),
    LINES.replicate('west', 'g'),
    LINES.rotate('g'),
    LINES.minimum('g', 3),
    LINES.trim('g', 2),
  ],
  [
    ...CONFIGURED,
    LINES.period('a', '1h'),
    LINES.distribute('west', 'a'),
    LINES.period('g', '20d'),
    LINES.distribute('west', 'g'),
    LINES.replicate('west', 'g'),
    LINES.primary('west', 'g', 'us-east-1'),
  ],
  [
    ...CONFIGURED,
    LINES.create('g'),
    LINES.distributeInPlace('west', 'g'),
    LINES.replicate('west', 'g'),
    LINES.rotate('g'),
    LINES.create('a'),
    LINES.distributeInPlace('west', 'a'),
    LINES.distribute('east', 'a'),
  ],
  [
    ...CONFIGURED,
    LINES.create('g'),
    `${LINES.distributeInPlace('west', 'g')} ttl=40d`,
    LINES.replicate('west', 'g'),
    LINES.import('h', 0),
    LINES.distributeFor('west', 'h', '20d'),
    LINES.create('s'),
    LINES.distribute('west', 's'),
    LINES.rotate('g'),
  ],
]

/** The name of a step in the table of what met what. */
export function nameOfStep(step: Step): string {
  if ('change' in step) return `somebody else: ${step.change}`
  if ('clock' in step) return step.clock === 'all' ? 'time passes' : 'the clock jumps'
  if ('copy' in step) return 'copy the store'
  if ('settle' in step) return 'settle'
  return step.beside ? 'two at once' : nameOfLine(step.line)
}

/** The kind of each command, by its line; the first that matches counts. */
const KINDS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/min_enabled_version/, 'minimum'],
  [/\/trim /, 'trim'],
  [/kms\/\w+ provider=/, 'configure'],
  [/without=/, 'rotate without'],
  [/\/forget /, 'forget'],
  [/orphans=true/, 'look for orphans'],
  [/version_aliases/, 'version aliases'],
  [/custom_alias/, 'custom alias'],
  [/ description=/, 'settings'],
  [/\/renew/, 'renew'],
  [/rotation=in_place/, 'distribute in place'],
  [/\/(adopt|import_version) /, '$1'],
  [/^delete .*\/replicate\//, 'drop a Region'],
  [/\/replicate regions=/, 'add a Region'],
  [/\/primary region=/, 'move the primaries'],
  [/^operator snapshot save/, 'save a snapshot'],
  [/^operator snapshot restore/, 'restore a snapshot'],
  [/\/import /, 'import'],
  [/^due /, 'rotate what is due'],
  [/^expiring /, 'renew what expires'],
  [/rotation_period/, 'rotation period'],
  [/deletion_allowed/, 'allow deletion'],
  [/^delete keymgmt\/key\/\w+$/, 'delete the key'],
  [/^delete keymgmt\/kms\/\w+$/, 'delete the provider'],
  [/ purpose=/, 'distribute'],
  [/^delete keymgmt\/kms/, 'remove'],
  [/\/(rotate|replicate|restore|revoke|repair|verify)$/, '$1'],
  [/ type=/, 'create'],
]

function nameOfLine(line: string): string {
  const [pattern, name = line] = KINDS.find(([each]) => each.test(line)) ?? []
  return name.replace('$1', pattern?.exec(line)?.[1] ?? '')
}
