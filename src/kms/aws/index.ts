import type { KmsKind } from '../provider.js'
import { assertSupported } from './key-specs.js'
import type { AwsOptions, Pacers } from './provider.js'
import { assertSettings } from './settings.js'

/** AWS KMS (`provider=awskms`). */
export function awsKms(options: AwsOptions): KmsKind {
  const pacers: Pacers = new Map()
  return {
    assertSupported,
    assertSettings,
    // The SDK is loaded by commands that talk to AWS, and by no others.
    open: async (settings) => (await import('./provider.js')).openAwsProvider(settings, options, pacers),
  }
}
