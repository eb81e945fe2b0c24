import type { KmsKind } from '../provider.js'
import type { AwsOptions, SharedState } from './provider.js'

/** Returns the kind of KMS for AWS KMS (`provider=awskms`). */
export function awsKms(options: AwsOptions): KmsKind {
  const shared: SharedState = { limiters: new Map(), connections: new Map(), processes: new Map() }
  return {
    // Loaded by the commands that need it: the SDK by those that talk to AWS.
    assertSupported: async (...wanted) => {
      ;(await import('./key-specs.js')).assertSupported(...wanted)
    },
    assertRotatable: async (type) => {
      ;(await import('./key-specs.js')).assertRotatable(type)
    },
    assertRegions: async (...given) => {
      ;(await import('./regions.js')).assertRegions(...given)
    },
    assertCredentials: async (credentials) => {
      ;(await import('./credential-checks.js')).assertCredentials(credentials)
    },
    assertSettings: async (settings) => {
      ;(await import('./setting-checks.js')).assertSettings(settings)
    },
    open: async (settings) =>
      (await import('./provider.js')).openAwsProvider(settings, options, shared),
  }
}
