import type { BaseCredentials, CredentialsSource } from '../core/operations/status.js'

/** Returns the source of a provider's AWS credentials in words. */
export function describeCredentialsSource(credentials: CredentialsSource): string {
  return credentials.source === 'role'
    ? `role ${credentials.roleArn}, assumed with ${describeBase(credentials.assumedWith)}`
    : describeBase(credentials)
}

function describeBase(credentials: BaseCredentials): string {
  switch (credentials.source) {
    case 'access-key':
      return 'stored access key'
    case 'profile':
      return `profile ${credentials.profile}`
    case 'chain':
      return 'environment, shared files or role of the machine'
  }
}
