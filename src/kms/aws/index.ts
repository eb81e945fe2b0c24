import type { KmsKind } from '../provider.js'
import type { AwsOptions, Pacers } from './provider.js'

/** AWS KMS (`provider=awskms`). */
export function awsKms(options: AwsOptions): KmsKind {
  const pacers: Pacers = new Map()
  return {
    // What is about AWS is loaded by commands that are about AWS, and the SDK by those that talk to
    // it.
    assertSupported: async (...wanted) => {
      ;(await import('./key-specs.js')).assertSupported(...wanted)
    },
    assertSettings: async (settings) => {
      ;(await import('./settings.js')).assertSettings(settings)
    },
    open: async (settings) =>
      (await import('./provider.js')).openAwsProvider(settings, options, pacers),
  }
}
