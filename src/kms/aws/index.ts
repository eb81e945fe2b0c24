import type { KmsKind } from '../provider.js'
import { assertSupported } from './key-specs.js'
import { openAwsProvider, type AwsOptions, type Pacers } from './provider.js'
import { assertSettings } from './settings.js'

/** AWS KMS (`provider=awskms`). */
export function awsKms(options: AwsOptions): KmsKind {
  const pacers: Pacers = new Map()
  return {
    assertSupported,
    assertSettings,
    open: (settings) => Promise.resolve(openAwsProvider(settings, options, pacers)),
  }
}
