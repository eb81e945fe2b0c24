import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startAwsOverTls, type AwsOverTls } from './aws-over-tls.js'
import { createAuthority } from './certificates.js'
import { startConnectProxy, type ConnectProxy } from './connect-proxy.js'
import type { Testbed } from './keymgmt.js'

/** AWS's services behind a proxy that inspects TLS. */
export interface InspectedAws {
  readonly aws: AwsOverTls
  readonly proxy: ConnectProxy
  /**
   * The environment of a command that reaches AWS through the proxy, and trusts its authority,
   * `ca.pem` in the home folder. The configuration of AWS is the file `config` there.
   */
  readonly env: Readonly<Record<string, string>>
  close(): Promise<void>
}

/**
 * Serves AWS's host names with the KMS of the testbed. `credentials`, as USER:PASSWORD, are those
 * of the proxy.
 */
export async function startInspectedAws(
  { kms, home }: Testbed,
  hosts: readonly string[],
  credentials?: string,
): Promise<InspectedAws> {
  const authority = await createAuthority('Inspection')
  const aws = await startAwsOverTls(kms, await authority.issue(hosts))
  const proxy = await startConnectProxy({
    route: () => aws.port,
    ...(credentials !== undefined && { credentials }),
  })
  const bundle = join(home, 'ca.pem')
  writeFileSync(bundle, authority.pem)
  const user = credentials === undefined ? '' : `${credentials}@`
  return {
    aws,
    proxy,
    env: {
      AWS_ENDPOINT_URL_KMS: '',
      AWS_ENDPOINT_URL_STS: '',
      HTTPS_PROXY: `http://${user}${proxy.address}`,
      AWS_CA_BUNDLE: bundle,
      AWS_CONFIG_FILE: join(home, 'config'),
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    },
    close: async () => {
      await proxy.close()
      await aws.close()
    },
  }
}
