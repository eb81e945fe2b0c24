import { describe, expect, it } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { PATHS } from '../src/paths/index.js'
import { pathsMarkdown } from '../src/router/help.js'
import { errorsIn, exportsOf } from './support/exports.js'

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
)

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
  /** True for `import()`. */
  readonly lazy: boolean
}

const imports: readonly Import[] = sources.flatMap((file) => {
  const text = readFileSync(join('src', file), 'utf8')
  return [
    ...text.matchAll(
      /(?:^|\n)(?:import|export)\s+(type\s)?[^'"()]*?from '([^']+)'|import\('([^']+)'\)/g,
    ),
  ].map(([, type, target = '', lazyTarget]) => {
    const specifier = lazyTarget ?? target
    return {
      from: file,
      to: specifier.startsWith('.')
        ? relative('src', join('src', dirname(file), specifier))
        : specifier,
      typeOnly: Boolean(type),
      lazy: lazyTarget !== undefined,
    }
  })
})

const within = (folder: string) => (name: string) =>
  name === folder || name.startsWith(`${folder}/`)

/** Folder, and what its files may import of this project. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': ['redact.js'],
  'duration.ts': [],
  'redact.ts': [],
  'names.ts': [],
  'parallel.ts': [],
  'suggest.ts': [],
  'regular-file.ts': [],
  crypto: ['crypto', 'errors.js'],
  router: ['router', 'duration.js', 'names.js', 'suggest.js', 'errors.js'],
  store: [
    'store',
    'aws',
    'crypto',
    'errors.js',
    'names.js',
    'parallel.js',
    'redact.js',
    'regular-file.js',
  ],
  aws: ['aws', 'errors.js', 'redact.js', 'regular-file.js'],
  kms: ['kms', 'aws', 'crypto', 'errors.js', 'redact.js', 'regular-file.js', 'suggest.js'],
  'dev-kms': ['dev-kms'],
  'open-engine.ts': [
    'core/engine.js',
    'kms',
    'store',
    'crypto/root-key.js',
    'errors.js',
    'redact.js',
    'time-limit.js',
    'version.js',
  ],
  'time-limit.ts': [],
  'version.ts': [],
  'core/engine.ts': [
    'core/records/model.js',
    'errors.js',
    'kms/index.js',
    'kms/provider.js',
    'store/store.js',
  ],
  'core/records': [
    'core/records',
    'core/engine.js',
    'crypto/key-types.js',
    'duration.js',
    'errors.js',
    'parallel.js',
    'kms/kms-key.js',
    'kms/provider.js',
    'store/store.js',
    'suggest.js',
  ],
  'core/reconcile': [
    'core/reconcile',
    'core/records',
    'core/engine.js',
    'errors.js',
    'redact.js',
    'parallel.js',
    'kms/kms-key.js',
    'kms/provider.js',
  ],
  'core/operations': [
    'core/operations',
    'core/reconcile',
    'core/records',
    'core/engine.js',
    'crypto',
    'errors.js',
    'parallel.js',
    'kms/index.js',
    'kms/kms-key.js',
    'kms/provider.js',
    'store/store.js',
    'suggest.js',
  ],
  paths: [
    'paths',
    'core/engine.js',
    'core/operations',
    'core/records',
    'router',
    'crypto/key-types.js',
    'crypto/import/material.js',
    'kms/index.js',
    'kms/kms-key.js',
    'kms/credential-fields.js',
    'kms/key-id.js',
    'store/store.js',
    'aws/region.js',
    'errors.js',
  ],
}

describe('the direction of imports', () => {
  it.each(Object.entries(MAY))('%s', (folder, allowed) => {
    const own = imports.filter(
      ({ from, to }) =>
        within(folder)(from) && to.endsWith('.js') && !to.includes(':') && !to.startsWith('@'),
    )
    const wrong = own.filter(({ to }) => !allowed.some((target) => within(target)(to)))
    expect(wrong).toEqual([])
  })

  it('every file of core is in one of its layers', () => {
    const layers = Object.keys(MAY).filter((folder) => within('core')(folder))
    const core = sources.filter(within('core'))
    expect(core.filter((file) => !layers.some((layer) => within(layer)(file)))).toEqual([])
  })

  it.each([
    ['core', 'store'],
    ['core/engine.ts', 'core/records'],
    ['core/records', 'core/engine.js'],
  ])('%s imports only types of %s', (folder, target) => {
    expect(
      imports.filter(
        ({ from, to, typeOnly }) => within(folder)(from) && within(target)(to) && !typeOnly,
      ),
    ).toEqual([])
  })

  it('core has no dynamic imports', () => {
    expect(imports.filter(({ from, lazy }) => within('core')(from) && lazy)).toEqual([])
  })

  it('paths import operations dynamically, except the one that reading a key needs', () => {
    const isOperation = (name: string) =>
      within('core/operations')(name) && name !== 'core/operations/list-behind.js'
    expect(
      imports.filter(
        ({ from, to, typeOnly, lazy }) =>
          within('paths')(from) && !typeOnly && lazy !== isOperation(to),
      ),
    ).toEqual([])
  })

  it('core, crypto and router import no file system, no SDK and no colours', () => {
    const pure = imports.filter(({ from }) =>
      ['core', 'crypto', 'router'].some((folder) => within(folder)(from)),
    )
    expect(
      pure.filter(({ to }) =>
        /^node:(fs|process|child_process|net|http|os)|^@aws-sdk|^chalk|^conf/.test(to),
      ),
    ).toEqual([])
  })

  it('only cli touches the process; a lock and a file ask it who they are', () => {
    const touching = sources.filter((file) =>
      // A hint may contain a command for Node.js, in quotes.
      /(?<!')\bprocess\./.test(readFileSync(join('src', file), 'utf8')),
    )
    expect(touching.filter((file) => !within('cli')(file)).sort()).toEqual([
      'store/files.ts',
      'store/folders-above.ts',
      'store/lock.ts',
      'store/permissions.ts',
      'store/process-identity.ts',
    ])
  })
})

const MAX_LINES = 300

/** A table of data. */
const MAY_BE_LONGER = ['dev-kms/model/operations.ts']

describe('the promises of the library and the docs', () => {
  // Users pass the state of an embedded KMS on, and neither create nor read it.
  const exported = exportsOf('dist/src/index.d.ts', ['Account'])

  it('every type that the API mentions is exported', () => {
    expect(exported.missing).toEqual([])
  })

  it('documents every export, and every member of an exported interface', () => {
    expect(exported.undocumented).toEqual([])
  })

  it('publishes the same exports in one file, which needs no other', () => {
    const published = 'dist/bundle/index.d.ts'
    expect(readFileSync(published, 'utf8')).not.toMatch(/\bfrom '|\bimport\(/)
    expect(errorsIn(published)).toEqual([])
    expect(exportsOf(published, ['Account'])).toEqual(exported)
  })

  it('exports exactly these types', () => {
    expect(exported.types).toEqual([
      'Account',
      'Adoption',
      'AliasEntry',
      'AliasOwner',
      'AliasState',
      'AwsInput',
      'AwsMiddleware',
      'AwsOperation',
      'AwsOptions',
      'AwsOutput',
      'AwsRequest',
      'BaseCredentials',
      'BeginWrite',
      'BehindDistribution',
      'ClientOptions',
      'Created',
      'CreatedKmsKey',
      'CreatedStore',
      'CreatingKmsKey',
      'CredentialsSource',
      'DetailedStatus',
      'DevKms',
      'DevKmsOptions',
      'DevKmsRequest',
      'Difference',
      'DistributionRecord',
      'DistributionRequest',
      'DistributionState',
      'DistributionStatus',
      'DueKey',
      'DueKeys',
      'Engine',
      'EngineOptions',
      'ErrorCode',
      'ErrorDetails',
      'ExpiringKmsKey',
      'ExpiringKmsKeys',
      'Expiry',
      'ExpiryRequest',
      'Fault',
      'FaultKind',
      'Field',
      'Fields',
      'ForgottenDistribution',
      'HeaderOpener',
      'ImportKind',
      'ImportSettings',
      'Imported',
      'ImportedMaterial',
      'ItemResult',
      'Json',
      'KeyChange',
      'KeyPolicy',
      'KeyRecord',
      'KeySetting',
      'KeySettingsRequest',
      'KeyStatus',
      'KeyTypeName',
      'KeyVersion',
      'KmsAccount',
      'KmsEndpoint',
      'KmsIdentity',
      'KmsKey',
      'KmsKeyEntry',
      'KmsKeyPlace',
      'KmsKeyRequest',
      'KmsKeySettings',
      'KmsKeyState',
      'KmsKeyStatus',
      'KmsKeyUse',
      'KmsKind',
      'KmsKindName',
      'KmsKinds',
      'KmsLastUse',
      'KmsMaterial',
      'KmsProvider',
      'KmsRecord',
      'KmsSettings',
      'Leases',
      'Limits',
      'LocalStoreOptions',
      'LocationSettings',
      'Lock',
      'LostKmsKey',
      'MaterialEntry',
      'MaterialFormat',
      'Migration',
      'NewSeal',
      'NewerTarget',
      'Observation',
      'ObservedKmsKey',
      'OpenedEngine',
      'OpenedStore',
      'Operation',
      'OperationDefinition',
      'Orphan',
      'OrphanSearch',
      'Outcome',
      'OutcomeState',
      'OwnMaterial',
      'PathDefinition',
      'PinnedPlace',
      'Protection',
      'ProviderChange',
      'ProviderVerification',
      'Purpose',
      'RawObject',
      'RawValue',
      'RemovedDistribution',
      'Renewable',
      'Repair',
      'RepairOptions',
      'Replica',
      'RequestData',
      'Resolved',
      'Response',
      'RetryOptions',
      'Revision',
      'RootKey',
      'RotatedKey',
      'Rotation',
      'Router',
      'ScheduledDeletion',
      'SealAttempt',
      'SealEntry',
      'SealHeader',
      'SealKind',
      'SealMeans',
      'SealName',
      'SealStatus',
      'SealedLocalStoreOptions',
      'SealingKmsKey',
      'SettingDifference',
      'SkippedStep',
      'Store',
      'StorePlace',
      'StoreSeals',
      'StoreStatus',
      'StoredRecord',
      'StoredText',
      'TaggedKmsKey',
      'TaggedKmsKeys',
      'Trim',
      'Unchecked',
      'UncheckedRecord',
      'Verification',
      'VersionMaterial',
      'Versioning',
    ])
  })

  it('exports exactly these values', () => {
    expect(exported.values).toEqual([
      'KEY_TYPE_NAMES',
      'KeymgmtError',
      'PATHS',
      'adopt',
      'awsKms',
      'copyAccount',
      'createEngine',
      'createLocalStore',
      'createMemoryStore',
      'createRouter',
      'createSealedStore',
      'deleteKey',
      'deleteProvider',
      'distribute',
      'dropRegion',
      'findOrphans',
      'forgetDistribution',
      'importKey',
      'importVersion',
      'listBehind',
      'listDue',
      'listExpiring',
      'openEngine',
      'openSealedLocalStore',
      'readDetailedStatus',
      'readDistribution',
      'readKey',
      'readProvider',
      'readStatus',
      'removeDistribution',
      'renewDistribution',
      'renewExpiring',
      'repairDistribution',
      'replicate',
      'restoreDistribution',
      'revokeDistribution',
      'rotateDue',
      'rotateKey',
      'saveKey',
      'saveProvider',
      'setPrimary',
      'startDevKms',
      'trimKey',
      'verifyDistribution',
      'verifyProvider',
    ])
  })

  it('docs/paths.md matches the paths (npm run docs)', () => {
    expect(readFileSync('docs/paths.md', 'utf8')).toBe(`${pathsMarkdown(PATHS)}\n`)
  })

  it('no source file is longer than 300 lines', () => {
    const long = sources.filter(
      (file) => readFileSync(join('src', file), 'utf8').split('\n').length > MAX_LINES,
    )
    expect(long.filter((file) => !MAY_BE_LONGER.includes(file))).toEqual([])
  })
})
