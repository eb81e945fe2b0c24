import type { Account } from '../../src/dev-kms/account.js'
import { stateOf, type Key } from '../../src/dev-kms/state.js'
import { lacksOriginal } from '../../src/core/records/kms-keys.js'
import { KEY_ID_TAG, KEY_TAG, VERSION_TAG } from '../../src/kms/kms-key.js'
import type { Sent } from './aws.js'
import { intentOf, type Intent } from './intent.js'
import { CHANGES, type Change } from './steps.js'
import { readStores, type FoundDistribution, type StoreContent } from './stores.js'
import { STORES, type StoreName } from './sites/site.js'
import { brokenBy, noteExpiry, unused, useOnce, type Use } from './uses.js'
import type { Ran, World } from './world.js'

/** Changes that `repair` undoes or accepts. */
const REPARABLE = CHANGES.filter((each) => each !== 'rotate to other material')

/** Changes after which AWS deletes a KMS key, unless somebody takes them back. */
const DELETIONS: readonly Change[] = ['schedule deletion', 'delete for good']

/** A command that lets material expire. */
const LETS_EXPIRE = / ttl=[1-9]/

/** All that must stay true, whatever happens. */
export class Model {
  readonly #world: World
  /** By Region and id. */
  readonly uses = new Map<string, Use>()
  readonly #touched = new Map<string, Set<Change>>()
  /** By key: the versions below the largest of these may be disabled. */
  readonly #minimums = new Map<string, Set<number>>()
  /** The keys whose material may expire, because somebody set an expiry. */
  readonly #expiring = new Set<string>()
  /** By store and key: the versions below the largest of these may be trimmed. */
  readonly #trims = new Map<string, Set<number>>()
  /** By key: the Regions that were chosen for its primaries. */
  readonly #primaries = new Map<string, Set<string>>()
  /** By key id and version, the material that a store had first. */
  readonly #materials = new Map<string, Set<string>>()
  /** The keys that exist, and the distributions that there are or were, as PROVIDER/KEY. */
  readonly known = new Set<string>()
  /** The keys of which AWS has deleted a KMS key, or may delete one. */
  readonly lost = new Set<string>()
  /** The keys that a command changed in the copy of the store: AWS can be newer than the others. */
  readonly changedInCopy = new Set<string>()
  /** The keys of which somebody moved an alias. */
  readonly movedAliases = new Set<string>()
  /** The restore of a snapshot that did not finish. */
  unfinishedRestore: string | undefined
  /** Everything that was printed. */
  reported = ''
  /** What requests did that nobody asked for. */
  readonly unasked: string[] = []

  constructor(world: World) {
    this.#world = world
    world.aws.onRequest = (sent) => {
      this.#assertAsked(sent)
    }
  }

  /** Notes what a command is asked to do, before it runs. */
  begin(line: string, store: StoreName = 'main'): void {
    const { kind, provider, key = '', minimum, available, region, primary } = intentOf(line)
    if (store !== 'main')
      for (const each of kind === 'all' ? this.known : [key]) this.changedInCopy.add(each)
    if (kind === 'remove' || kind === 'revoke' || kind === 'drop')
      for (const use of this.#usesOf(provider, key))
        if (kind !== 'drop' || use.region === region) use.takenDown.add(store)
    if (available !== undefined) this.#trimsOf(store, key).add(available)
    if (minimum !== undefined)
      this.#minimums.set(key, (this.#minimums.get(key) ?? new Set()).add(minimum))
    if (LETS_EXPIRE.test(line)) this.#expiring.add(key)
    if (primary !== undefined)
      this.#primaries.set(key, (this.#primaries.get(key) ?? new Set()).add(primary))
  }

  /** True if there is something that the command can work on. */
  canRun(line: string): boolean {
    const [, snapshot] = /^operator snapshot restore .*?(\S+)$/.exec(line) ?? []
    if (snapshot !== undefined) return this.#world.machine.disk.files(snapshot).size > 0
    const { key = '', provider } = intentOf(line)
    const isNew = /\/adopt | purpose=/.test(line)
    return (
      / type=|^operator|^due|^expiring/.test(line) ||
      this.known.has(isNew || !provider ? key : `${provider}/${key}`)
    )
  }

  /** Notes the effects of a command. With `beside`, another command ran at the same time. */
  async end(ran: Ran, beside = false): Promise<void> {
    const { line, status, stdout, stderr, store, met, error } = ran
    this.reported += stdout + stderr
    const { kind, provider, key = '', minimum, available } = intentOf(line)
    const isRefused = error?.code === 'FIELD_INVALID'
    if (available !== undefined && isRefused) this.#trimsOf(store, key).delete(available)
    if (kind === 'restore-store') {
      this.unfinishedRestore = status === 0 ? undefined : line
      await this.#noteRestored(store, met.length > 0)
    }
    if (status !== 0) return
    // A copy of the store does not know which versions the other copy has disabled.
    if (minimum !== undefined && !this.changedInCopy.has(key))
      this.#minimums.set(key, new Set([minimum]))
    if (available !== undefined && !beside) this.#trims.set(`${store} ${key}`, new Set([available]))
    if (kind === 'revoke') for (const use of this.#usesOf(provider, key)) use.isRevoked = true
    if (kind === 'revoke' && !beside) await this.#assertRevoked(ran, provider, key)
    if (kind !== 'activate' && kind !== 'repair' && kind !== 'renew') return
    const content = (await readStores(this.#world)).find(({ name }) => name === store)
    const named = content?.distributions.find((one) => one.provider === provider && one.key === key)
    // The other command may have removed or revoked it again.
    if (beside && named?.record.state !== 'active') return
    const renews = kind === 'renew' || (kind === 'repair' && named?.record.expiry !== undefined)
    for (const entry of named?.record.kmsKeys ?? []) {
      // A dropped Region stays dropped.
      if (!named?.record.regions.includes(entry.region)) continue
      const use = entry.state === 'created' && this.uses.get(`${entry.region} ${entry.key.id}`)
      if (!use) continue
      if (renews && !lacksOriginal(entry)) use.expires = undefined
      if (kind === 'activate') {
        use.takenDown.delete(store)
        use.isRevoked = false
      } else if (kind === 'repair') for (const each of REPARABLE) use.touched.delete(each)
    }
  }

  /** After a revocation, no KMS key of the distribution can be used. */
  async #assertRevoked({ line, store }: Ran, provider = '', key = ''): Promise<void> {
    const content = (await readStores(this.#world)).find(({ name }) => name === store)
    const named = content?.distributions.find((one) => one.provider === provider && one.key === key)
    const arns = (named?.record.kmsKeys ?? []).flatMap((entry) =>
      entry.state === 'created' ? entry.key.arn : [],
    )
    for (const { key: kmsKey } of this.kmsKeys())
      if (
        arns.includes(kmsKey.arn) &&
        stateOf(new Date(this.#world.machine.nowMs), kmsKey) === 'Enabled'
      )
        this.unasked.push(`"${line}" left KMS key ${kmsKey.id} enabled`)
  }

  /** A snapshot brings back earlier intents, which other commands may then carry out. */
  async #noteRestored(store: StoreName, isDisturbed: boolean): Promise<void> {
    const content = (await readStores(this.#world)).find(({ name }) => name === store)
    const inAws = new Set(
      [...this.kmsKeys()].map(
        ({ key: { tags } }) => `${tags.get(KEY_ID_TAG) ?? ''} ${tags.get(VERSION_TAG) ?? ''}`,
      ),
    )
    // A version that neither the snapshot nor AWS has can be created again.
    for (const at of this.#materials.keys()) {
      const [owner, keyId = '', version = ''] = at.split(' ')
      const isKept = content?.keys.find(({ id }) => id === keyId)?.versions[version] !== undefined
      const isFound = inAws.has(`${keyId} ${version}`) && !isDisturbed
      if (owner === store && !isKept && !isFound) this.#materials.delete(at)
    }
    for (const { name, minEnabledVersion, minAvailableVersion = 0 } of content?.keys ?? []) {
      this.changedInCopy.add(name)
      this.#trimsOf(store, name).add(minAvailableVersion)
      this.#minimums.set(name, (this.#minimums.get(name) ?? new Set()).add(minEnabledVersion))
    }
    for (const { record } of content?.distributions ?? [])
      for (const entry of record.state === 'active' ? [] : record.kmsKeys) {
        const use = entry.state === 'created' && this.uses.get(`${entry.region} ${entry.key.id}`)
        if (!use) continue
        use.takenDown.add(store)
        use.isRevoked = record.state === 'revoked'
      }
  }

  /** Notes that somebody else changed a KMS key. */
  touch(region: string, { id, tags }: Key, change: Change): void {
    this.touchedAt(region, id).add(change)
    if (DELETIONS.includes(change)) this.lost.add(tags.get(KEY_TAG) ?? '')
  }

  /** The changes that somebody else made to a KMS key. */
  touchedAt(region: string, id: string): Set<Change> {
    const at = `${region} ${id}`
    const touched = this.#touched.get(at) ?? new Set()
    this.#touched.set(at, touched)
    return touched
  }

  #usesOf(provider: string | undefined, key: string): Use[] {
    return [...this.uses.values()].filter(
      (use) => use.key === key && (use.provider === undefined || use.provider === provider),
    )
  }

  /** Versions below this may be disabled. */
  #minimumOf(key: string): number {
    return Math.max(1, ...(this.#minimums.get(key) ?? []))
  }

  #trimsOf(store: StoreName, key: string): Set<number> {
    const trims = this.#trims.get(`${store} ${key}`) ?? new Set()
    this.#trims.set(`${store} ${key}`, trims)
    return trims
  }

  #mayBeTrimmed({ isInPlace, version, key }: Use): boolean {
    const minimums = STORES.flatMap((store) => [...this.#trimsOf(store, key)])
    return !isInPlace && minimums.some((minimum) => version < minimum)
  }

  #mayBeDisabled({ isInPlace, version, key }: Use): boolean {
    return !isInPlace && version < this.#minimumOf(key)
  }

  /** Uses every KMS key of ours that can be used and was not yet, and learns materials. */
  async observe(stores: readonly StoreContent[]): Promise<void> {
    for (const { keys, distributions } of stores) {
      for (const { name } of keys) this.known.add(name)
      for (const { provider, key } of distributions) this.known.add(`${provider}/${key}`)
    }
    for (const { account, region, key } of this.kmsKeys()) {
      const at = `${region} ${key.id}`
      const use = this.uses.get(at) ?? unused(account, region, key, this.touchedAt(region, key.id))
      await useOnce(this.#world, use, key)
      if (use.probes.size === 0) continue
      this.uses.set(at, use)
      noteExpiry(use, key)
      const owner = ownerOf(stores, region, key.id)
      use.provider ??= owner?.provider
      use.isInPlace ||= owner?.record.rotation === 'in_place'
    }
  }

  /** Every KMS key in AWS that has our tags. */
  *kmsKeys(): Generator<{ account: Account; region: string; key: Key }> {
    for (const account of this.#world.aws.accounts)
      for (const [region, { keys }] of account.regions)
        for (const key of [...keys.values()])
          if (key.tags.get('managed-by') === 'keymgmt' || this.uses.has(`${region} ${key.id}`))
            yield { account, region, key }
  }

  /** What was encrypted or signed, and can't be decrypted or verified although it must. */
  async broken(): Promise<string[]> {
    const found: string[] = []
    const { machine } = this.#world
    for (const [at, use] of this.uses) {
      const hasExpired = use.expires !== undefined && use.expires.getTime() <= machine.nowMs
      const isExcused =
        use.takenDown.size > 0 ||
        use.touched.size > 0 ||
        hasExpired ||
        this.#mayBeTrimmed(use) ||
        this.#mayBeDisabled(use)
      const problem = await brokenBy(this.#world, use)
      if (problem === undefined) continue
      if (!isExcused) found.push(`${use.key} version ${use.version} no longer works: ${problem}`)
      // AWS never brings it back.
      if (this.#world.aws.account(use.account).region(use.region).keys.has(use.id)) continue
      this.uses.delete(at)
      this.lost.add(use.key)
    }
    return found
  }

  /** Notes the material of a version. Returns a problem if it was another one before. */
  learn(keyId: string, version: number, store: string, hex: string): string | undefined {
    const at = `${store} ${keyId} ${version}`
    const known = this.#materials.get(at) ?? new Set()
    this.#materials.set(at, known)
    const isOther = known.size > 0 && !known.has(hex)
    known.add(hex)
    return isOther ? `the material of version ${version} was replaced` : undefined
  }

  #assertAsked({ operation, region, account, input, process }: Sent): void {
    const line = this.#world.running.get(process)?.line ?? ''
    const intent = intentOf(line)
    const key = account.region(region).keys.get(String(input.KeyId).replace(/^.*\//, ''))
    const complain = (what: string) => {
      this.unasked.push(`"${line}" ${what}, which nobody asked for`)
    }
    const name = key?.tags.get(KEY_TAG)
    const isOwn = name === undefined || name === intent.key || intent.kind === 'all'
    const use = this.uses.get(`${region} ${key?.id ?? ''}`)
    const isBelow = (minimum = 0) => use && !use.isInPlace && use.version < minimum
    const isRemoval =
      intent.kind === 'remove' ||
      (intent.kind === 'drop' && region === intent.region) ||
      isBelow(intent.available)
    const mayRevoke =
      intent.kind === 'revoke' || (intent.kind === 'repair' && use?.isRevoked === true)
    if (operation === 'ScheduleKeyDeletion' && use && !(isOwn && isRemoval))
      complain(`schedules the deletion of KMS key ${use.id}`)
    if (operation === 'DeleteImportedKeyMaterial' && use && !(isOwn && mayRevoke))
      complain(`deletes the material of KMS key ${use.id}`)
    const mayDisable =
      use && (this.#mayBeDisabled(use) || (isOwn && (mayRevoke || isBelow(intent.minimum))))
    if (operation === 'DisableKey' && use && !mayDisable)
      complain(`disables version ${use.version} of ${use.key}`)
    const mayExpire = this.#expiring.has(name ?? '') || (isOwn && LETS_EXPIRE.test(line))
    if (input.ExpirationModel === 'KEY_MATERIAL_EXPIRES' && !mayExpire)
      complain(`lets the material of ${name ?? 'a KMS key'} expire`)
    const to = String(input.PrimaryRegion)
    // A hint that is followed was not noted when the histories chose their commands.
    const mayMove = (isOwn && to === intent.primary) || this.#primaries.get(name ?? '')?.has(to)
    if (operation === 'UpdatePrimaryRegion' && use && !mayMove)
      complain(`moves the primary of KMS key ${use.id}`)
    if (operation === 'UpdateAlias' || operation === 'DeleteAlias')
      this.#assertOwnAlias(account, region, String(input.AliasName), intent, complain)
  }

  #assertOwnAlias(
    account: Account,
    region: string,
    alias: string,
    { kind, key }: Intent,
    complain: (what: string) => void,
  ): void {
    const { aliases, keys } = account.region(region)
    const target = keys.get(aliases.get(alias)?.target ?? '')
    if (!target || kind === 'repair') return
    const owner = target.tags.get(KEY_TAG)
    const asked = kind === 'all' ? keyOfAlias(alias) : key
    if (owner !== asked && !this.uses.get(`${region} ${target.id}`)?.touched.size)
      complain(`changes the alias ${alias}, which names a KMS key of ${owner ?? 'somebody else'}`)
  }
}

/** The key whose alias this is. */
export function keyOfAlias(alias: string): string {
  return alias.replace(/^alias\/(?:hashicorp|team\/\w+)\/(\w+)-.*$/, '$1')
}

/** The distribution that has a KMS key, in the first store that knows it. */
function ownerOf(
  stores: readonly StoreContent[],
  region: string,
  id: string,
): FoundDistribution | undefined {
  return stores
    .flatMap(({ distributions }) => distributions)
    .find(({ record }) =>
      record.kmsKeys.some(
        (entry) => entry.state !== 'creating' && entry.region === region && entry.key.id === id,
      ),
    )
}
