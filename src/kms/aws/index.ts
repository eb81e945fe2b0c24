import type { KmsKind } from '../provider.js'
import { assertSupported } from './key-specs.js'
import { openAwsProvider, type AwsOptions } from './provider.js'
import { AWS_CREDENTIALS, assertSettings } from './settings.js'

/** AWS KMS (`provider=awskms`). */
export function awsKms(options: AwsOptions): KmsKind {
  return {
    credentials: AWS_CREDENTIALS,
    assertSupported,
    assertSettings,
    open: (settings) => Promise.resolve(openAwsProvider(settings, options)),
  }
}
