import fc from 'fast-check'
import type { AccessKeyId } from './aws.js'
import { credentialsOf, type CommandRun, type StoreName } from './world.js'
import { faultOf } from './faults.js'

/** Steps of a history, as data, so that a history can be stored and repeated. */

/** Changes that somebody else makes in AWS. */
export const CHANGES = [
  'disable',
  'schedule deletion',
  'delete material',
  'rotate to other material',
  'move the primary',
  'change tags',
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
  replicate: (provider: string, key: string) =>
    `write -f keymgmt/kms/${provider}/key/${key}/replicate`,
  rotate: (key: string) => `write -f keymgmt/key/${key}/rotate`,
  minimum: (key: KeyName, version: number) =>
    `write keymgmt/key/${key} ${KEYS[key].fields} min_enabled_version=${version}`,
  remove: (provider: string, key: string) => `delete keymgmt/kms/${provider}/key/${key}`,
  restore: (provider: string, key: string) => `write -f keymgmt/kms/${provider}/key/${key}/restore`,
  revoke: (provider: string, key: string) => `write -f keymgmt/kms/${provider}/key/${key}/revoke`,
  repair: (provider: string, key: string) => `write -f keymgmt/kms/${provider}/key/${key}/repair`,
  adopt: (provider: string, key: string) =>
    `write keymgmt/kms/${provider}/key/${key}/adopt key_id=KMS_KEY`,
  drop: (provider: string, key: string) =>
    `delete keymgmt/kms/${provider}/key/${key}/replicate/us-east-1`,
  aliases: (provider: string, key: KeyName) =>
    `${LINES.distribute(provider, key)} version_aliases=true`,
  rotateWithout: (provider: string, key: string) =>
    `write -f keymgmt/key/${key}/rotate without=${provider}`,
  forget: (provider: string, key: string) =>
    `write -f keymgmt/kms/${provider}/key/${key}/forget allow_orphans=true`,
  orphans: (provider: string) => `read keymgmt/kms/${provider}/verify orphans=true`,
  import: (key: string, byte: number) =>
    `write keymgmt/key/${key}/import_version material=${byte.toString(16).padStart(2, '0').repeat(32)}`,
  allowDeletion: (key: KeyName) =>
    `write keymgmt/key/${key} ${KEYS[key].fields} deletion_allowed=true`,
  deleteKey: (key: string) => `delete keymgmt/key/${key}`,
  deleteProvider: (provider: string) => `delete keymgmt/kms/${provider}`,
  verify: (provider: string, key: string) => `read keymgmt/kms/${provider}/key/${key}/verify`,
} as const

type Place = readonly [provider: keyof typeof PROVIDERS, key: KeyName]

const place = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Place>(['west', 'a']) },
  { weight: 3, arbitrary: fc.constant<Place>(['west', 'g']) },
  { weight: 1, arbitrary: fc.constant<Place>(['east', 'a']) },
  { weight: 1, arbitrary: fc.constant<Place>(['east', 'g']) },
  { weight: 1, arbitrary: fc.constant<Place>(['other', 'a']) },
  { weight: 1, arbitrary: fc.constant<Place>(['twin', 'a']) },
  { weight: 1, arbitrary: fc.constant<Place>(['west', 's']) },
)
const key = place.map(([, name]) => name)

/** Requests of the commands: a fault strikes one of them. */
const CREATING = 'CreateKey GetParametersForImport ImportKeyMaterial CreateAlias UpdateAlias'
const REPLICATING = `ReplicateKey DescribeKey EnableKey ${CREATING}`
const RESTORING = `CancelKeyDeletion DescribeKey EnableKey ${CREATING}`
const REPAIRING = `DescribeKey ListAliases ListResourceTags TagResource DisableKey ${RESTORING}`

const OF_PLACE = (
  weight: number,
  line: (provider: keyof typeof PROVIDERS, key: KeyName) => string,
  operations: string,
) => ({ weight, arbitrary: place.map((at) => [line(...at), operations] as const) })

/** A command, and the operations of AWS that it uses. */
const commandLine: fc.Arbitrary<readonly [line: string, operations: string]> = fc.oneof(
  { weight: 1, arbitrary: key.map((name) => [LINES.create(name), ''] as const) },
  OF_PLACE(5, LINES.distribute, `${CREATING} ListKeys ListResourceTags ListAliases`),
  OF_PLACE(2, (provider) => LINES.replicate(provider, 'g'), REPLICATING),
  { weight: 6, arbitrary: key.map((name) => [LINES.rotate(name), REPLICATING] as const) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(key, fc.integer({ min: 0, max: 3 }))
      .map((at) => [LINES.minimum(...at), 'DisableKey EnableKey'] as const),
  },
  OF_PLACE(4, LINES.remove, 'DeleteAlias ScheduleKeyDeletion ListAliases'),
  OF_PLACE(3, LINES.restore, RESTORING),
  OF_PLACE(2, LINES.revoke, 'DeleteImportedKeyMaterial'),
  OF_PLACE(3, LINES.repair, REPAIRING),
  OF_PLACE(1, LINES.adopt, 'DescribeKey ListResourceTags TagResource ImportKeyMaterial'),
  OF_PLACE(1, (provider) => LINES.drop(provider, 'g'), 'ScheduleKeyDeletion DeleteAlias'),
  OF_PLACE(1, LINES.aliases, 'CreateAlias'),
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('a', 'g'), fc.nat(3))
      .map((at) => [LINES.import(...at), CREATING] as const),
  },
  { weight: 2, arbitrary: key.map((name) => [LINES.allowDeletion(name), ''] as const) },
  { weight: 2, arbitrary: key.map((name) => [LINES.deleteKey(name), 'DescribeKey'] as const) },
  {
    weight: 1,
    arbitrary: place.map(([name]) => [LINES.deleteProvider(name), 'DescribeKey'] as const),
  },
  OF_PLACE(1, LINES.rotateWithout, CREATING),
  OF_PLACE(1, LINES.forget, ''),
  OF_PLACE(1, LINES.orphans, 'ListKeys ListResourceTags DescribeKey'),
  OF_PLACE(1, LINES.verify, 'DescribeKey ListAliases ListResourceTags'),
)

const copyAt = fc.nat(100)

const command: fc.Arbitrary<CommandRun> = commandLine.chain(([line, operations]) => {
  const of = fc.constant(line)
  if (line.includes('KMS_KEY')) return fc.record({ line: of, pick: fc.nat(20) })
  const fault = faultOf(operations)
  const copy = fc.constant<StoreName>('copy')
  return fc.oneof<fc.MaybeWeightedArbitrary<CommandRun>[]>(
    { weight: 10, arbitrary: fc.record({ line: of, fault }) },
    { weight: 7, arbitrary: fc.record({ line: of }) },
    { weight: 1, arbitrary: fc.record({ line: of, copyAt }) },
    { weight: 1, arbitrary: fc.record({ line: of, fault, copyAt }) },
    { weight: 1, arbitrary: fc.record({ line: of, store: copy }) },
    { weight: 1, arbitrary: fc.record({ line: of, fault, store: copy }) },
    { weight: 1, arbitrary: fc.record({ line: of, as: fc.constant(OTHER_ACCOUNT) }) },
  )
})

/** Every kind of step. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: command },
  { weight: 1, arbitrary: fc.tuple(command, command).map(([one, beside]) => ({ ...one, beside })) },
  { weight: 3, arbitrary: fc.record({ change: fc.constantFrom(...CHANGES), pick: fc.nat(50) }) },
  {
    weight: 1,
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
  [/kms\/\w+ provider=/, 'configure'],
  [/without=/, 'rotate without'],
  [/\/forget /, 'forget'],
  [/orphans=true/, 'look for orphans'],
  [/version_aliases/, 'version aliases'],
  [/\/(adopt|import_version) /, '$1'],
  [/^delete .*\/replicate\//, 'drop a Region'],
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
