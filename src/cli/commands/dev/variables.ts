/** The values from which the variables of a command under `keymgmt dev` are computed. */
export interface DevValues {
  /** The URL of the embedded KMS. */
  readonly endpoint: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly region: string
  /** Files that only the command itself may create. They are removed at the end. */
  readonly files: {
    readonly settings: string
    readonly awsConfig: string
    readonly awsCredentials: string
  }
  readonly store: DevStore
  /** The file with the offset of the clock. */
  readonly clock?: string | undefined
}

/**
 * The store of the command: a throw-away store with its own keyfile, or the one that `-store`
 * names.
 */
export type DevStore =
  { readonly home: string } | { readonly storeDir: string; readonly keyfile: string }

type Env = Readonly<Record<string, string | undefined>>

interface SetVariable {
  readonly name: string
  readonly meaning: string
  /** Returns undefined if the variable is removed. */
  readonly value: (values: DevValues) => string | undefined
}

/** The variables that `keymgmt dev` sets. The documentation lists them in this order. */
export const SET_VARIABLES: readonly SetVariable[] = [
  {
    name: 'AWS_ENDPOINT_URL_KMS',
    meaning: 'The embedded KMS, for the AWS CLI and the SDKs.',
    value: ({ endpoint }) => endpoint,
  },
  {
    name: 'AWS_KMS_ENDPOINT',
    meaning: 'The same, as Vault names it.',
    value: ({ endpoint }) => endpoint,
  },
  {
    name: 'AWS_ACCESS_KEY_ID',
    meaning: 'The credentials that the embedded KMS accepts.',
    value: ({ credentials }) => credentials.accessKeyId,
  },
  {
    name: 'AWS_SECRET_ACCESS_KEY',
    meaning: 'Their secret.',
    value: ({ credentials }) => credentials.secretAccessKey,
  },
  {
    name: 'AWS_REGION',
    meaning: "The caller's Region, else us-east-1.",
    value: ({ region }) => region,
  },
  { name: 'AWS_DEFAULT_REGION', meaning: 'The same.', value: ({ region }) => region },
  {
    name: 'AWS_ENDPOINT_URL_STS',
    meaning: 'The embedded KMS, which has GetCallerIdentity of STS.',
    value: ({ endpoint }) => endpoint,
  },
  {
    name: 'AWS_CONFIG_FILE',
    meaning: 'A file that does not exist, so that no profile is found.',
    value: ({ files }) => files.awsConfig,
  },
  {
    name: 'AWS_SHARED_CREDENTIALS_FILE',
    meaning: 'The same.',
    value: ({ files }) => files.awsCredentials,
  },
  {
    name: 'AWS_EC2_METADATA_DISABLED',
    meaning: 'true: the role of the machine is not used.',
    value: () => 'true',
  },
  {
    name: 'KEYMGMT_HOME',
    meaning: 'The throw-away store and its keyfile. Removed if -store names a store.',
    value: ({ store }) => ('home' in store ? store.home : undefined),
  },
  {
    name: 'KEYMGMT_STORE',
    meaning: 'The store that -store names; removed without -store.',
    value: ({ store }) => ('home' in store ? undefined : store.storeDir),
  },
  {
    name: 'KEYMGMT_KEYFILE',
    meaning: 'The keyfile of the store that -store names; removed without -store.',
    value: ({ store }) => ('home' in store ? undefined : store.keyfile),
  },
  {
    name: 'KEYMGMT_SETTINGS',
    meaning: 'A settings file that does not exist, so that no setting applies.',
    value: ({ files }) => files.settings,
  },
  { name: 'KEYMGMT_DEV', meaning: '1, for prompts and scripts.', value: () => '1' },
  {
    name: 'KEYMGMT_DEV_CLOCK',
    meaning: 'The file that -clock names; removed without -clock.',
    value: ({ clock }) => clock,
  },
]

interface RemovedVariables {
  /** Names. A trailing `*` matches every name that begins with the rest. */
  readonly names: readonly string[]
  /** The kind of variable, for the end of a sentence. */
  readonly kind: string
  /** True if they are kept when `-store` names a store. */
  readonly throwAwayOnly?: true
}

/** The variables that `keymgmt dev` removes. */
export const REMOVED_VARIABLES: readonly RemovedVariables[] = [
  { names: ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE'], kind: 'profiles' },
  {
    names: [
      'AWS_SESSION_TOKEN',
      'AWS_SECURITY_TOKEN',
      'AWS_CREDENTIAL_EXPIRATION',
      'AWS_CREDENTIAL_SCOPE',
      'AWS_ACCOUNT_ID',
      'AWS_BEARER_TOKEN_*',
    ],
    kind: 'parts of other credentials',
  },
  {
    names: [
      'AWS_ROLE_ARN',
      'AWS_ROLE_SESSION_NAME',
      'AWS_WEB_IDENTITY_TOKEN_FILE',
      'AWS_CONTAINER_*',
    ],
    kind: 'roles',
  },
  {
    names: ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_*', 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'],
    kind: 'other endpoints',
  },
  {
    names: ['AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT', 'AWS_CA_BUNDLE'],
    kind: 'settings of TLS and of other endpoints',
  },
  {
    names: [
      'KEYMGMT_PASSPHRASE',
      'KEYMGMT_PASSPHRASE_FILE',
      'KEYMGMT_AGE_IDENTITY_FILE',
      'KEYMGMT_SEAL',
      'KEYMGMT_NO_CREATE',
    ],
    kind: 'the passphrase and the rule for a missing store, unless -store names a store',
    throwAwayOnly: true,
  },
]

/** Returns the variables to set, by name, in the order of the table. */
export function setVariables(values: DevValues): Readonly<Record<string, string>> {
  return Object.fromEntries(
    SET_VARIABLES.flatMap(({ name, value }) => {
      const text = value(values)
      return text === undefined ? [] : [[name, text] as const]
    }),
  )
}

/** Returns the names in `env` to remove, sorted. */
export function removedNames(env: Env, values: DevValues): readonly string[] {
  const set = setVariables(values)
  const removed = [
    ...SET_VARIABLES.map(({ name }) => name),
    ...REMOVED_VARIABLES.filter(
      ({ throwAwayOnly }) => !throwAwayOnly || 'home' in values.store,
    ).flatMap(({ names }) => names),
  ]
  return Object.keys(env)
    .filter((name) => removed.some((pattern) => matches(pattern, name)) && !(name in set))
    .sort()
}

/** Returns the environment of the command. */
export function devEnvironment(env: Env, values: DevValues): NodeJS.ProcessEnv {
  const removed = new Set(removedNames(env, values))
  const kept = Object.entries(env).filter(([name]) => !removed.has(name))
  return { ...Object.fromEntries(kept), ...setVariables(values) }
}

/** Ignores case on Windows, as Windows does. */
function matches(pattern: string, name: string): boolean {
  const upper = name.toUpperCase()
  return pattern.endsWith('*') ? upper.startsWith(pattern.slice(0, -1)) : upper === pattern
}
