import { homedir, platform as hostPlatform } from 'node:os'
import { createEngine, type Engine, type Outcome } from './core/engine.js'
import { KeymgmtError } from './errors.js'
import { registerSecrets } from './redact.js'
import { awsKms } from './kms/aws/index.js'
import type { AwsOptions } from './kms/aws/provider.js'
import {
  describeStore,
  keyfilesOf,
  locate,
  type Location,
  type LocationSettings,
} from './store/locate.js'
import type { Migration } from './store/migrate.js'
import { sealsFromEnvironment } from './store/seals/environment.js'
import type { SealName } from './store/seals/index.js'
import type { SealMeans } from './store/seals/seal.js'
import { openSealedLocalStore, type CreatedStore, type OpenedStore } from './store/sealed-local.js'
import { openSealedS3Store } from './store/sealed-s3.js'
import type { Store } from './store/store.js'
import { signalWithin } from './time-limit.js'
import { packageVersion } from './version.js'

/** The longest wait for another command that changes the same key of a local store. */
const MAX_LOCK_WAIT_MS = 60_000

/** Options of {@link openEngine}. */
export interface EngineOptions {
  /** Environment variables: `KEYMGMT_*` locate the store, `AWS_*` configure the requests to AWS. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** The user's settings that name the store and its keyfile. Variables override them. */
  readonly settings?: LocationSettings | undefined
  /** The platform whose default locations apply. The default is this one. */
  readonly platform?: string | undefined
  /** The clock of all records and requests to AWS. Endpoints must be on this machine. */
  readonly now?: (() => Date) | undefined
  /** Aborts all waiting and sending. */
  readonly signal?: AbortSignal | undefined
  /** The time limit for all work, in milliseconds from now. There is none by default. */
  readonly timeoutMs?: number | undefined
  /** Creates the error that ends the work at the time limit. */
  readonly timeoutError?: (() => Error) | undefined
  /**
   * Returns the passphrase that opens the store, or that seals a new one; undefined if there is
   * none. Asks the user only if `mayAsk` is true. The bytes are wiped after use.
   */
  readonly passphrase?:
    | ((
        to: 'open' | 'create',
        signal: AbortSignal,
        mayAsk: boolean,
      ) => Promise<Uint8Array | undefined>)
    | undefined
  /** The seals of a new store. The default is KEYMGMT_SEAL, else a passphrase or a keyfile. */
  readonly createSeals?: readonly SealName[] | undefined
  /** True to fail instead of creating a store. The default is the variable KEYMGMT_NO_CREATE. */
  readonly noCreate?: boolean | undefined
  /**
   * The command, for others that wait for its locks in a shared store. It is stored there in plain
   * text, so it must contain no data.
   */
  readonly command?: string | undefined
  /** Receives notices for the user. Never contains secrets. */
  readonly onNotice?: ((message: string) => void) | undefined
  /** Receives the outcome at each provider, Region and version, also before an error. */
  readonly onOutcome?: ((outcome: Outcome) => void) | undefined
  /** Receives the current activity, and an empty text when it ends. Never contains secrets. */
  readonly onProgress?: ((message: string) => void) | undefined
  /** For a dry run: middleware that runs before each request, and a store that discards changes. */
  readonly dryRun?:
    | {
        readonly middleware: NonNullable<AwsOptions['middleware']>
        readonly store: (store: Store) => Store
      }
    | undefined
}

/** An engine, and the store that it works on. */
export interface OpenedEngine extends Omit<OpenedStore, 'store'> {
  /** The engine. */
  readonly engine: Engine
  /**
   * Moves the store to another place: an absolute path, or a `file:` or `s3:` URL. A migration that
   * was interrupted is completed by the same call.
   * @throws KeymgmtError STORE_EXISTS, STORE_UNAVAILABLE, STORE_MOVED, STORE_LOCKED, STORE_SEALED,
   * STORE_CORRUPT, as `store/migrate.ts` describes.
   */
  migrate(to: string): Promise<Migration>
}

/**
 * Returns an engine that works on the user's store and on AWS KMS. Nothing is read, created or sent
 * before an operation needs it.
 * @throws KeymgmtError STORE_UNAVAILABLE if a variable names a relative location, STORE_SEALED if
 * one would weaken the seal.
 */
export function openEngine({
  env,
  settings,
  platform = hostPlatform(),
  now,
  signal = new AbortController().signal,
  timeoutMs,
  timeoutError = () =>
    new KeymgmtError('KMS_TIMEOUT', `timed out after ${timeoutMs ?? 0} ms`, {
      hints: ['run the operation again, with a longer timeout'],
    }),
  passphrase,
  createSeals = sealsFromEnvironment(env),
  noCreate,
  command,
  onNotice = () => undefined,
  onOutcome = () => undefined,
  onProgress = () => undefined,
  dryRun,
}: EngineOptions): OpenedEngine {
  registerSecrets(...SECRET_VARIABLES.map((name) => env[name]))
  const bounded = signalWithin(signal, timeoutMs, timeoutError)
  const location = locate(env, platform, homedir, settings)
  const aws: AwsOptions = {
    env,
    now,
    get signal() {
      return bounded()
    },
    get version() {
      return packageVersion()
    },
    onWait: onProgress,
    beforeCreating: async (ms) => opened.store.leases?.outlast(ms),
    middleware: dryRun?.middleware,
  }
  const storeOptions: StoreOptions = {
    env,
    onNotice,
    noCreate,
    timeoutMs,
    command,
    signal: bounded,
    createSeals,
    means: {
      passphrase:
        passphrase &&
        (async (to, mayAsk) => {
          const given = await passphrase(to, bounded(), mayAsk)
          if (to === 'create' && given && isShort(given)) onNotice(SHORT_PASSPHRASE)
          return given
        }),
      ageIdentityFile: env.KEYMGMT_AGE_IDENTITY_FILE,
      kmsKey: async (arn) => (await import('./kms/aws/seal-key.js')).openSealKey(arn, aws),
    },
  }
  const opened = openStore(location, storeOptions)
  const engine = createEngine({
    store: dryRun ? dryRun.store(opened.store) : opened.store,
    kinds: { awskms: awsKms(aws) },
    versioning: () => opened.versioning(),
    sealKmsKeys: async () => (await opened.seal()).kmsKeys,
    ...(now && { now }),
    progress: onProgress,
    notice: onNotice,
    outcome: onOutcome,
  })
  return {
    engine,
    seals: opened.seals,
    seal: () => opened.seal(),
    place: () => opened.place(),
    async migrate(to) {
      const { migrateBetween } = await import('./store/migrate-between.js')
      // The location that a command finds if a setting or a variable names the new place.
      const there = locate(
        { ...env, KEYMGMT_HOME: '', KEYMGMT_STORE: to },
        platform,
        homedir,
        settings,
      )
      return migrateBetween(
        { opened, keyfileOf: keyfilesOf(location) },
        { opened: openStore(there, storeOptions), keyfileOf: keyfilesOf(there) },
        { progress: onProgress, notice: onNotice },
      )
    },
    initialize: () => opened.initialize(),
    testBackend: () => opened.testBackend(),
    versioning: () => opened.versioning(),
  }
}

/** The parts of {@link EngineOptions} that a store needs. */
interface StoreOptions extends Pick<
  EngineOptions,
  'env' | 'noCreate' | 'timeoutMs' | 'command' | 'createSeals'
> {
  readonly onNotice: (message: string) => void
  readonly signal: () => AbortSignal
  readonly means: Omit<SealMeans, 'keyfileOf'>
}

function openStore(location: Location, options: StoreOptions): OpenedStore {
  const { env, onNotice, noCreate, timeoutMs, signal, means, createSeals } = options
  const common = {
    ...means,
    createSeals,
    onWait: onNotice,
    onMoved: onNotice,
    onCreated: (created: CreatedStore) => {
      onNotice(describeCreated(created))
    },
  }
  if ('s3' in location) {
    return openSealedS3Store({
      ...common,
      env,
      address: location.s3,
      keyfileOf: location.keyfileOf,
      lockWaitMs: timeoutMs,
      command: options.command,
      get signal() {
        return signal()
      },
      get version() {
        return packageVersion()
      },
    })
  }
  return openSealedLocalStore({
    ...common,
    storeDir: location.storeDir,
    keyfile: location.keyfile,
    missingError:
      (noCreate ?? isNoCreate(env)) ? () => missingStoreError(location, noCreate) : undefined,
    lockWaitMs: Math.min(MAX_LOCK_WAIT_MS, timeoutMs ?? Infinity),
  })
}

function describeCreated({ seals, path, keyfile = '', isKeyfileNew }: CreatedStore): string {
  const created = `Created a new store in ${path}, sealed with`
  const [only = ''] = seals
  if (seals.length > 1)
    return `${created} ${seals.length} seals: ${seals.join(', ')}${keyfile === '' ? '' : `\nThe keyfile is ${keyfile}`}\nEach of them opens the store.`
  if (only === 'keyfile')
    return `${created} ${isKeyfileNew ? 'a new' : 'the'} keyfile: ${keyfile}\nKeep a copy of the keyfile apart from the store: nothing opens the store without it.`
  const name = only === 'passphrase' ? 'the passphrase' : only
  return `${created} ${name}.\nNothing opens the store without ${only === 'passphrase' ? name : 'it'}.`
}

/**
 * The minimum of NIST SP 800-63B-4 (3.1.1.2) for a password that is the only protection, in
 * characters. An attacker with a copy of the store can try passphrases without limit.
 */
const SHORTEST_PASSPHRASE = 15

const SHORT_PASSPHRASE = `The passphrase has fewer than ${SHORTEST_PASSPHRASE} characters: somebody with a copy of the store may guess it. Use a longer one.`

function isShort(passphrase: Uint8Array): boolean {
  return Array.from(Buffer.from(passphrase).toString()).length < SHORTEST_PASSPHRASE
}

/** @throws KeymgmtError STORE_UNAVAILABLE for a value that is neither true nor false. */
function isNoCreate({ KEYMGMT_NO_CREATE: value = '' }: EngineOptions['env']): boolean {
  if (/^(1|t|true)$/i.test(value)) return true
  if (/^(0|f|false)?$/i.test(value)) return false
  throw new KeymgmtError('STORE_UNAVAILABLE', 'KEYMGMT_NO_CREATE is neither 1 nor 0', {
    hints: ['set it to 1 to create no store, or unset it'],
  })
}

function missingStoreError(location: Location, isFlag: boolean | undefined): KeymgmtError {
  const reason = isFlag ? '-no-create' : 'KEYMGMT_NO_CREATE'
  return new KeymgmtError('STORE_UNAVAILABLE', `there is no store in ${describeStore(location)}`, {
    hints: [
      'check KEYMGMT_STORE, KEYMGMT_HOME and the setting store: keymgmt config',
      `to create a store there, run the command without ${reason}`,
    ],
  })
}

/** Environment variables whose values no error may contain. */
const SECRET_VARIABLES = [
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'KEYMGMT_PASSPHRASE',
] as const
